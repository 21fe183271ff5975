using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Inference;

/// <summary>Continues prompts, ids to ids, greedily or by seeded draws; a row's ids do not depend on the rows beside it.</summary>
/// <remarks>
/// Each prompt is prefilled alone, then all unfinished rows go through the model together, one token each. Rows may have different lengths.
/// With <see cref="GenerationOptions.Drafts"/> rows are continued one after the other, several tokens a pass. Greedy takes the largest logit, the lowest id among equals (rule N9). docs/spec/generation.md 1.
/// </remarks>
public sealed class Generator
{
    // A cache grows beyond this when tokens come: what is asked for is no reason to take memory.
    private const int RoomAhead = 4096;

    private readonly DeepSeekModel model;
    private readonly TokenSampler sampler;
    private readonly SpeculativeDecoder? speculative;
    private readonly Scratch logitsBuffer = new();

    /// <summary>A generator on a model.</summary>
    public Generator(DeepSeekModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        this.model = model;
        sampler = new TokenSampler(model);
        if (model.HasMtp)
            speculative = new SpeculativeDecoder(model, sampler);
    }

    /// <summary>Continues each prompt.</summary>
    /// <param name="prompts">Rows of ids, of any lengths above 0.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Looked at between passes.</param>
    /// <exception cref="DataException">An empty prompt, one longer than the model's positions, or an id outside the vocabulary; names row and position.</exception>
    /// <exception cref="ContractException">Negative counts, a temperature that is no number from 0, or a rule of sampling outside its range.</exception>
    /// <exception cref="NotANumberException">A NaN reached the choice of experts or of a token; names the first tensor with a NaN and the weight it comes from.</exception>
    public IReadOnlyList<GeneratedSequence> Generate(IReadOnlyList<int[]> prompts, GenerationOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(options);
        GenerationChecks.All(model.Config, prompts, options);
        if (options.Drafts > 0)
            return [.. prompts.Select((prompt, r) => speculative!.Continue(new GenerationRow(r, prompt, NewCache(prompt, options), options), cancellation))];
        var rows = new GenerationRow[prompts.Count];
        for (int r = 0; r < rows.Length; r++)
        {
            rows[r] = new GenerationRow(r, prompts[r], NewCache(prompts[r], options), options);
            if (options.MaxTokens > 0)
                Prefill(rows[r], cancellation);
        }

        List<GenerationRow> active = [.. rows.Where(r => r.Reason is null && options.MaxTokens > 0)];
        while (active.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            Step(active);
            active.RemoveAll(r => r.Reason is not null);
        }

        return [.. rows.Select(r => new GeneratedSequence(r.Ids, r.Reason ?? StopReason.MaxTokens))];
    }

    private LatentCache NewCache(int[] prompt, GenerationOptions options) =>
        model.NewCache((int)Math.Min((long)prompt.Length + Math.Min(options.MaxTokens, RoomAhead), model.Config.MaxPositionEmbeddings));

    private void Prefill(GenerationRow row, CancellationToken cancellation)
    {
        int[] prompt = row.Prompt;
        int chunk = row.Options.PrefillChunk == 0 ? prompt.Length : row.Options.PrefillChunk;
        LatentCache[] caches = [row.Cache];
        Tensor logits = logitsBuffer.Get(model.Contract.Logits, 1, 1, model.Config.VocabSize);
        for (int from = 0; from < prompt.Length; from += chunk)
        {
            cancellation.ThrowIfCancellationRequested();
            int taken = Math.Min(chunk, prompt.Length - from);
            model.Forward(prompt.AsSpan(from, taken), caches, logits, LastOf([row.Index]));
            row.Options.OnPrefill?.Invoke(row.Index, from + taken);
        }

        Choose(row, logits.Reshape(1, model.Config.VocabSize));
    }

    private static ForwardOptions LastOf(int[] rows) => new() { LastLogitsOnly = true, RowLabels = rows };

    private void Step(List<GenerationRow> active)
    {
        int V = model.Config.VocabSize;
        var ids = new int[active.Count];
        var caches = new LatentCache[active.Count];
        for (int i = 0; i < active.Count; i++)
            (ids[i], caches[i]) = (active[i].Ids[^1], active[i].Cache);
        Tensor logits = logitsBuffer.Get(model.Contract.Logits, active.Count, 1, V);
        model.Forward(ids, caches, logits, LastOf([.. active.Select(r => r.Index)]));
        Tensor rows = logitsBuffer.Get(model.Contract.Logits, active.Count, V);
        for (int i = 0; i < active.Count; i++)
            Choose(active[i], active.Count == 1 ? rows : rows.Rows(i, 1));
    }

    private void Choose(GenerationRow row, Tensor logits) =>
        row.Choose(model, logits, () => sampler.Choose(logits, row.Options, row.History, row.Position));
}
