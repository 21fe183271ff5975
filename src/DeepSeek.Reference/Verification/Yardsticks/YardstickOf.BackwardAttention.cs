using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>The gate's gradient and the balance loss (docs/spec/bounds.md 11).</content>
internal static partial class YardstickOf
{
    /// <summary>
    /// <code>
    /// ds_k = (dw_k - Σ dw q) · scale / Σ,  q = s / Σ        or dw_k · scale; the other loss's added
    /// dl   = ds · s (1 - s)                                 1 - s as a difference, or as σ(-l)
    /// dl   = s (ds - Σ s ds)                                softmax
    /// </code>
    /// </summary>
    private static RowYardstick GateBackward(GateBackwardCall c, string output)
    {
        int E = Operands.Dim(c.Logits, 1), K = Operands.Dim(c.Indices, 1);
        return new RowYardstick(output, Math.Max(1, E), row =>
        {
            Ball[] ds = ScoreGradients(c, row, E, K);
            Ball Score(long e) => ElementReader.Value(c.Scores, row * E + e);
            if (c.Attributes.Scoring == ScoringFunction.Sigmoid)
            {
                return e =>
                {
                    Ball rest = ElementFunctions.Sigmoid(-ElementReader.Value(c.Logits, row * E + e)).Plus(Roundoff.Single * (4 * Score(e).Most + 1));
                    return (ds[e] * (Score(e) * rest).Single()).Off(2 * Roundoff.Single, 2).Stored(DType.F32);
                };
            }

            var sum = new BallSum();
            for (int e = 0; e < E; e++)
                sum.Add(Score(e) * ds[e]);
            Ball away = sum.Total(products: true);
            return e => (Score(e) * (ds[e] - away).Single()).Off(2 * Roundoff.Single, 2).Plus(2 * Roundoff.Single * Score(e).Most * (ds[e].Most + away.Most)).Stored(DType.F32);
        });
    }

    private static Ball[] ScoreGradients(GateBackwardCall c, long row, int E, int K)
    {
        int[] chosen = [.. Enumerable.Range(0, K).Select(k => (int)ElementReader.Integer(c.Indices, row * K + k))];
        var scores = new BallSum();
        foreach (int e in chosen)
            scores.Add(ElementReader.Value(c.Scores, row * E + e));
        Ball total = (scores.Total(products: false) + c.Attributes.Epsilon).Single();
        var shares = new BallSum();
        for (int k = 0; k < K; k++)
            shares.Add(ElementReader.Value(c.DWeights, row * K + k) * ElementFunctions.Quotient32(ElementReader.Value(c.Scores, row * E + chosen[k]), total));
        Ball mean = shares.Total(products: true);
        var ds = new Ball[E];
        for (int k = 0; k < K; k++)
        {
            Ball dw = ElementReader.Value(c.DWeights, row * K + k);
            ds[chosen[k]] = c.Attributes.Normalize
                ? ElementFunctions.Quotient32(((dw - mean).Single() * c.Attributes.Scale).Single(), total).Off(2 * Roundoff.Single, 2)
                : (dw * c.Attributes.Scale).Single();
        }

        for (int e = 0; c.DScores is not null && e < E; e++)
            ds[e] = (ds[e] + ElementReader.Value(c.DScores, row * E + e)).Single();
        return ds;
    }

    /// <summary>
    /// <code>
    /// f = E n / (K T),  s' = s / Z,  P = Σ_t s' / T,  L = α Σ f P
    /// g = α f / T,  ds = (g - Σ g s') / Z               factors in any order: two roundings of each more
    /// </code>
    /// </summary>
    private static RowYardstick BalanceLoss(BalanceLossCall c, string output)
    {
        int T = Operands.Dim(c.Scores, 0), E = Operands.Dim(c.Scores, 1), K = Operands.Dim(c.Indices, 1);
        var f = new Ball[E];
        foreach (int e in c.Indices.AsReadOnlySpan<int>())
            f[e] += 1;
        for (int e = 0; e < E; e++)
            f[e] = ((Ball)((double)E * f[e].Mid) / ((double)K * T)).Off(3 * Roundoff.Single);
        Ball Total(long t)
        {
            var sum = new BallSum();
            for (int e = 0; e < E; e++)
                sum.Add(ElementReader.Value(c.Scores, t * E + e));
            return sum.Total(products: false);
        }

        if (output == "loss")
        {
            return new RowYardstick(output, _ =>
            {
                if (T == 0)
                    return new Measurement(0, 0);
                Ball[] totals = [.. Enumerable.Range(0, T).Select(t => Total(t))];
                var loss = new BallSum();
                for (int e = 0; e < E; e++)
                {
                    var share = new BallSum();
                    for (int t = 0; t < T; t++)
                        share.Add(ElementFunctions.Quotient32(ElementReader.Value(c.Scores, (long)t * E + e), totals[t]));
                    loss.Add(f[e] * (share.Total(products: false) / T).Off(2 * Roundoff.Single, 1));
                }

                return (loss.Total(products: true) * c.Alpha).Off(3 * Roundoff.Single, 1).Stored(DType.F32);
            });
        }

        return new RowYardstick(output, Math.Max(1, E), t =>
        {
            Ball total = Total(t);
            Ball[] g = [.. f.Select(share => (share * c.Alpha / T).Off(3 * Roundoff.Single, 2))];
            var sum = new BallSum();
            for (int e = 0; e < E; e++)
                sum.Add(g[e] * ElementFunctions.Quotient32(ElementReader.Value(c.Scores, t * E + e), total));
            Ball mean = sum.Total(products: true);
            return e => ElementFunctions.Quotient32((g[e] - mean).Single(), total).Off(2 * Roundoff.Single, 2).Stored(DType.F32);
        });
    }

    private static RowYardstick AttentionBackward(AttentionBackwardCall c, string output)
    {
        int H = Operands.Dim(c.Q, 1), D = Operands.Dim(c.Q, 2), Dv = Operands.Dim(c.Values, 2);
        return new RowYardstick(output, Math.Max(1, output == "d_values" ? Dv : D), row =>
        {
            var head = new AttentionBackwardRow(c, (int)(row % H));
            int place = (int)(row / H);
            return output switch
            {
                "dq" => head.OfQuery(place),
                "d_keys" => head.OfKey(place),
                _ => head.OfValue(place),
            };
        });
    }
}
