using DeepSeek.Reference.Model;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Inference;

/// <summary>A token that the module said ahead, and what it was drawn from; null where it is a plain choice.</summary>
internal readonly record struct Draft(int Id, double[]? Q);

/// <summary>How many drafts a row takes, what they are, and which of them stay: functions of the row alone, whatever else is in a pass (docs/spec/generation.md 6).</summary>
internal sealed class DraftChoices(DeepSeekModel model, TokenSampler sampler)
{
    /// <summary>Drafts of a row's next pass: neither tokens beyond those asked for nor positions beyond the model's are drafted.</summary>
    public int Count(GenerationRow row)
    {
        long ahead = Math.Min(row.Options.MaxTokens - row.Ids.Count - 1, (long)model.Config.MaxPositionEmbeddings - row.Position);
        return (int)Math.Min(row.Options.Drafts, ahead);
    }

    /// <summary>The draft that the module's logits [1, V] give, so many tokens ahead of what is known.</summary>
    public Draft Draw(GenerationRow row, Tensor logits, int ahead)
    {
        int position = row.Position + ahead;
        if (SamePlain(row.Options))
            return new Draft(sampler.Choose(logits, row.Options, row.History, position), null);
        double[] q = sampler.Distribution(logits, row.Options, row.History);
        float[] weights = [.. q.Select(p => (float)p)];
        return new Draft(TokenSampler.Race(weights, new RandomStream(row.Options.Seed, DraftRule.DraftStream, (uint)position)), q);
    }

    /// <summary>Chooses tokens from the K + 1 logits of a pass until a draft is not taken; how many drafts were judged, and how many taken.</summary>
    public (int Judged, int Accepted) Judge(GenerationRow row, Tensor logits, IReadOnlyList<Draft> drafts)
    {
        int K = drafts.Count, judged = 0, accepted = 0;
        while (row.Reason is null && accepted == judged && judged <= K)
        {
            Tensor own = logits.Rows(judged, 1);
            bool taken = false;
            row.Choose(model, own, () =>
            {
                (int id, taken) = judged == K ? (Plain(row, own), false) : Judge(row, own, drafts[judged]);
                return id;
            });
            if (judged++ < K)
                accepted += taken ? 1 : 0;
        }

        return (Math.Min(judged, K), accepted);
    }

    private (int Id, bool Accepted) Judge(GenerationRow row, Tensor logits, Draft draft)
    {
        if (draft.Q is not null)
            return DraftRule.Judge(sampler.Distribution(logits, row.Options, row.History), draft.Q, draft.Id, row.Options.Seed, row.Position);
        int id = Plain(row, logits);
        return (id, id == draft.Id);
    }

    private int Plain(GenerationRow row, Tensor logits) => sampler.Choose(logits, row.Options, row.History, row.Position);

    /// <summary>Whether a token is that of plain decoding, draft or not.</summary>
    private static bool SamePlain(GenerationOptions options) => options.Temperature == 0 || options.Acceptance == DraftAcceptance.SameDraw;
}
