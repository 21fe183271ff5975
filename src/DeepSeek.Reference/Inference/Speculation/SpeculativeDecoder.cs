using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Inference;

/// <summary>Continues a row with drafts of MTP module 1, several tokens a pass.</summary>
/// <remarks>
/// <code>
/// known t_0 ... t_n, of which the model has taken n with states h; drafts by module 1:
///   d_1 from (h_{n-1}, t_n) at position n - 1;   d_j from (the module's own output, d_{j-1}) at position n + j - 2
/// one pass over t_n, d_1, ..., d_K gives the K + 1 logits of plain decoding (rule N1: a pass at once is a pass token by token)
/// judge d_1, d_2, ... until one is not taken; what follows the last one taken is chosen from its logits
/// the cache is cut behind the last token taken, the module follows the states of those taken
/// </code>
/// A draft costs a layer, a pass K + 1 rows; a pass gives 1 to K + 1 tokens. With more than one draft, module 1 is run again on its own output, as engines do with V3's one module.
/// DeepSeek-V3 report 2.2 and 5.4.3; docs/spec/generation.md 6.
/// </remarks>
internal sealed class SpeculativeDecoder(DeepSeekModel model, TokenSampler sampler)
{
    private readonly DraftChoices choices = new(model, sampler);
    private readonly Scratch logitsBuffer = new(), statesBuffer = new(), draftLogits = new(), draftState = new();

    /// <summary>Continues a row to its end.</summary>
    public GeneratedSequence Continue(GenerationRow row, CancellationToken cancellation)
    {
        var counts = new DraftCounts(0, 0, 0);
        if (row.Options.MaxTokens > 0)
        {
            Tensor states = Prefill(row, cancellation);
            while (row.Reason is null)
            {
                cancellation.ThrowIfCancellationRequested();
                (states, int drafted, int accepted) = Step(row, states);
                counts = new DraftCounts(counts.Drafted + drafted, counts.Accepted + accepted, counts.Passes + 1);
            }
        }

        return new GeneratedSequence(row.Ids, row.Reason ?? StopReason.MaxTokens) { Drafts = counts };
    }

    /// <summary>The prompt, the module behind it, and the first choice; returns the state of the last token.</summary>
    private Tensor Prefill(GenerationRow row, CancellationToken cancellation)
    {
        int P = row.Prompt.Length;
        int chunk = row.Options.PrefillChunk == 0 ? P : row.Options.PrefillChunk;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            int from = row.Cache.Length;
            int taken = Math.Min(chunk, P - from);
            bool last = from + taken == P;
            Tensor states = statesBuffer.Get(model.Contract.Activations, taken, model.Config.HiddenSize);
            Tensor logits = Forward(row, row.Slice(from, taken), last ? 1 : 0, states);
            int followed = last ? taken - 1 : taken;
            if (followed > 0)
                Draft(row, from, states.Rows(0, followed), row.Slice(from + 1, followed));
            row.Options.OnPrefill?.Invoke(row.Index, from + taken);
            if (!last)
                continue;
            row.Choose(model, logits, () => sampler.Choose(logits, row.Options, row.History, row.Position));
            return states.Rows(taken - 1, 1).Clone();
        }
    }

    /// <summary>Drafts, one pass, and the choices from it; takes and returns the states that the module has not followed yet.</summary>
    private (Tensor States, int Judged, int Accepted) Step(GenerationRow row, Tensor states)
    {
        int n = row.Cache.Length;
        List<Draft> drafts = Drafts(row, states);
        int[] ids = [row.Known[^1], .. drafts.Select(d => d.Id)];
        Tensor next = statesBuffer.Get(model.Contract.Activations, ids.Length, model.Config.HiddenSize);
        Tensor logits = Forward(row, ids, ids.Length, next);
        (int judged, int accepted) = choices.Judge(row, logits, drafts);
        row.Cache.Truncate(n + 1 + accepted);
        return (next.Rows(0, accepted + 1).Clone(), judged, accepted);
    }

    /// <summary>The drafts of a pass.</summary>
    private List<Draft> Drafts(GenerationRow row, Tensor states)
    {
        var drafts = new List<Draft>();
        int n = row.Cache.Length, K = choices.Count(row);
        int first = n - (int)states.Shape[0];
        for (int j = 0; j < K; j++)
        {
            Tensor own = j == 0
                ? Draft(row, first, states, row.Slice(first + 1, n - first))
                : Draft(row, n + j - 1, draftState.Get(model.Contract.Activations, 1, model.Config.HiddenSize).Clone(), [drafts[j - 1].Id]);
            drafts.Add(choices.Draw(row, own, j));
        }

        return drafts;
    }

    /// <summary>Module 1 on states and the ids behind them: the logits after the last; its state stays in the draft buffer.</summary>
    private Tensor Draft(GenerationRow row, int first, Tensor states, int[] next)
    {
        Tensor logits = draftLogits.Get(model.Contract.Logits, 1, model.Config.VocabSize);
        try
        {
            model.Draft(row.Cache, first, states, next, logits, draftState.Get(model.Contract.Activations, 1, model.Config.HiddenSize));
        }
        catch (NotANumberException e)
        {
            throw new NotANumberException($"row {row.Index}, position {first + next.Length}: no draft: {e.Message}");
        }

        return logits;
    }

    private Tensor Forward(GenerationRow row, int[] ids, int kept, Tensor states)
    {
        Tensor logits = logitsBuffer.Get(model.Contract.Logits, kept, model.Config.VocabSize);
        try
        {
            model.Forward(ids, [new SequencePart(row.Cache, ids.Length, kept)], logits, states);
        }
        catch (NotANumberException e)
        {
            string? origin = NotANumberSearch.Of(model, ids, [row.Cache], new ForwardOptions { LastLogitsOnly = true, RowLabels = [row.Index] });
            throw new NotANumberException(origin is null ? e.Message : $"{e.Message}; {origin}");
        }

        return logits;
    }
}
