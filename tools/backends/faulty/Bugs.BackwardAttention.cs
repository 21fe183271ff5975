using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

internal static partial class Bugs
{
    private const string AttentionGradient = "attention_backward[s=8,t=24,h=2,d=32,dv=16]";
    private const string GateGradient = "gate_backward[t=16,e=32,k=4,other=yes]";
    private const string Balance = "balance_loss[t=32,e=16,k=4]";

    /// <summary>The backward of attention and of the gate, and the balance loss.</summary>
    private static IEnumerable<Variant> BackwardAttentions()
    {
        yield return Variant.Instead<AttentionBackwardCall>("attention-backward-delta-missing", "Δ, the sum of dy y, is not subtracted.", [AttentionGradient], c => c with { Y = Values.Like(c.Y) });
        yield return Variant.Instead<AttentionBackwardCall>("attention-backward-delta-sign", "Δ is added, not subtracted.", [AttentionGradient], c => c with { Y = Values.Map(c.Y, y => -y) });
        yield return Variant.After<AttentionBackwardCall>("attention-backward-scale-missing", "The scale is left out of dq.", [AttentionGradient], c => c.Dq, (c, dq) => Scale(dq, 1f / c.Attributes.Scale));
        yield return Variant.After<AttentionBackwardCall>("attention-backward-wrong-sign", "dk has the other sign.", [AttentionGradient], c => c.DKeys, (_, dk) => Negate(dk));
        yield return Variant.Instead<AttentionBackwardCall>("attention-backward-one-key-more", "A query also sees the key after its own.", ["attention_backward[s=8,t=24,h=2,d=32,dv=16,first=8]"],
            c => c with { Attributes = c.Attributes with { FirstPosition = c.Attributes.FirstPosition + 1 } });
        yield return Variant.Of<AttentionBackwardCall>("attention-backward-last-query-dropped", "The last query does not count in dv.", [AttentionGradient],
            (c, run) =>
            {
                run.Right(c);
                Tensor dy = Values.With(c.Dy, v => v.AsSpan(v.Length - (int)(c.Dy.Shape[1] * c.Dy.Shape[2])).Clear());
                run.Right(c with { Dy = dy, Dq = Values.Like(c.Dq), DKeys = Values.Like(c.DKeys) });
            });
        yield return Variant.Of<AttentionBackwardCall>("attention-backward-stored-by-query", "dv is stored by each query, not added up: the last one's stands.", [AttentionGradient],
            (c, run) =>
            {
                run.Right(c);
                int last = (int)(c.Dy.Shape[1] * c.Dy.Shape[2]);
                Tensor dy = Values.With(c.Dy, v => v.AsSpan(0, v.Length - last).Clear());
                run.Right(c with { Dy = dy, Dq = Values.Like(c.Dq), DKeys = Values.Like(c.DKeys) });
            });
        yield return Variant.Instead<AttentionBackwardCall>("attention-backward-lse-of-neighbour", "The log-sum-exp is that of the query before.", [AttentionGradient],
            c => c with { LogSumExp = Values.Gather(c.LogSumExp, (row, column) => (Math.Max(0, row - 1), column)) });
        yield return Variant.Of<GateBackwardCall>("gate-backward-mean-missing", "The term of the normalisation is left out.", [GateGradient], (c, run) => Gate(c, (dw, _, total) => dw * c.Attributes.Scale / total));
        yield return Variant.Of<GateBackwardCall>("gate-backward-wrong-sign", "The term of the normalisation is added, not subtracted.", [GateGradient],
            (c, run) => Gate(c, (dw, mean, total) => (dw + mean) * c.Attributes.Scale / total));
        yield return Variant.Instead<GateBackwardCall>("gate-backward-scale-missing", "The factor of the routed experts is left out.", [GateGradient], c => c with { Attributes = c.Attributes with { Scale = 1f } });
        yield return Variant.Instead<GateBackwardCall>("gate-backward-other-loss-lost", "The balance loss's gradient of the scores is not added.", [GateGradient], c => c with { DScores = null });
        yield return Variant.After<BalanceLossCall>("balance-loss-mean-of-experts", "The loss is divided by the number of experts.", [Balance], c => c.Loss, (c, loss) => Scale(loss, 1f / c.Scores.Shape[1]));
        yield return Variant.Instead<BalanceLossCall>("balance-loss-of-first-slots", "Only a token's first expert is counted.", [Balance],
            c => c with { Indices = Values.Gather(c.Indices, (row, _) => (row, 0)) });
        yield return Variant.After<BalanceLossCall>("balance-loss-term-missing", "The gradient is g / Z: the term of the normalisation is left out.", [Balance], c => c.DScores, BalanceTermMissing);
        yield return Variant.After<BalanceLossCall>("balance-loss-wrong-sign", "The gradient has the other sign.", [Balance], c => c.DScores, (_, d) => Negate(d));
    }

    /// <summary>A sigmoid gate's gradient by another formula of dw, Σ dw q and Σ s.</summary>
    internal static void Gate(GateBackwardCall c, Func<float, float, float, float> of)
    {
        float[] l = Values.Of(c.Logits), s = Values.Of(c.Scores), dw = Values.Of(c.DWeights), ds = Values.Of(c.DScores!);
        int E = (int)c.Logits.Shape[1], K = (int)c.Indices.Shape[1];
        ReadOnlySpan<int> chosen = c.Indices.AsReadOnlySpan<int>();
        for (int t = 0; t < c.Logits.Shape[0]; t++)
        {
            float total = c.Attributes.Epsilon, mean = 0;
            for (int k = 0; k < K; k++)
                total += s[t * E + chosen[t * K + k]];
            for (int k = 0; k < K; k++)
                mean += dw[t * K + k] * s[t * E + chosen[t * K + k]] / total;
            for (int k = 0; k < K; k++)
                ds[t * E + chosen[t * K + k]] += of(dw[t * K + k], mean, total);
        }

        Values.Store([.. ds.Select((d, i) => d * (s[i] * Correct.Sigmoid(-l[i])))], c.DLogits);
    }

    private static void BalanceTermMissing(BalanceLossCall c, float[] d)
    {
        float[] s = Values.Of(c.Scores);
        int T = (int)c.Scores.Shape[0], E = (int)c.Scores.Shape[1];
        float[] counts = new float[E];
        foreach (int e in c.Indices.AsReadOnlySpan<int>())
            counts[e]++;
        for (int i = 0; i < d.Length; i++)
            d[i] = c.Alpha * (E * counts[i % E] / c.Indices.ElementCount) / T / s.AsSpan(i / E * E, E).ToArray().Sum();
    }
}
