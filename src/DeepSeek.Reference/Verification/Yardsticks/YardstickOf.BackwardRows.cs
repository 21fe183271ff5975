using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>Backward operations on rows, elements and experts, and the cross-entropy (docs/spec/bounds.md 11).</content>
internal static partial class YardstickOf
{
    private static RowYardstick EmbeddingBackward(EmbeddingBackwardCall c, string output)
    {
        long d = c.Dy.Shape[1];
        ILookup<int, int> positions = Enumerable.Range(0, Operands.Dim(c.Ids, 0)).ToLookup(t => (int)ElementReader.Integer(c.Ids, t));
        return new RowYardstick(output, Math.Max(1, d), v => k =>
        {
            var sum = new BallSum(ElementReader.Value(c.C, v * d + k));
            foreach (int t in positions[(int)v])
                sum.Add(ElementReader.Value(c.Dy, t * d + k));
            return sum.Total(products: false).Stored(DType.F32);
        });
    }

    /// <summary>
    /// <code>
    /// x̂ = x · r,  g = dy · w,  c = Σ g x̂ / n        r as the forward's
    /// dx = r (g - x̂ c), or r g - x r² c             six roundings of either term at the most, besides those of its factors
    /// dw = C + Σ_t dy x̂                             C being one term of the sum
    /// </code>
    /// </summary>
    private static RowYardstick RmsNormBackward(RmsNormBackwardCall c, string output)
    {
        int n = Operands.Dim(c.Weight, 0), T = Operands.Dim(c.X, 0);
        if (output == "d_weight")
        {
            return new RowYardstick(output, Math.Max(1, n), _ =>
            {
                Ball[] roots = [.. Enumerable.Range(0, T).Select(t => ReciprocalRootOf(c.X, t, n, c.Epsilon))];
                return k =>
                {
                    var sum = new BallSum(ElementReader.Value(c.C, k));
                    for (int t = 0; t < T; t++)
                        sum.Add((ElementReader.Value(c.X, (long)t * n + k) * roots[t]).Single() * ElementReader.Value(c.Dy, (long)t * n + k));
                    return sum.Total(products: true).Stored(DType.F32);
                };
            });
        }

        return new RowYardstick(output, Math.Max(1, n), row =>
        {
            Ball r = ReciprocalRootOf(c.X, row, n, c.Epsilon);
            Ball Normalised(long k) => (ElementReader.Value(c.X, row * n + k) * r).Single();
            Ball Weighted(long k) => ((Ball)ElementReader.Value(c.Dy, row * n + k) * ElementReader.Value(c.Weight, k)).Single();
            var sum = new BallSum(0);
            for (int k = 0; k < n; k++)
                sum.Add(Weighted(k) * Normalised(k));
            Ball mean = (sum.Total(products: true) / n).Off(2 * Roundoff.Single, 1);
            return k =>
            {
                Ball g = Weighted(k), away = (Normalised(k) * mean).Single();
                Ball dx = (r * (g - away).Single()).Off(2 * Roundoff.Single, 2);
                double size = r.Most * (g.Most + away.Most);
                return Guarded(dx.Plus(6 * Roundoff.Single * size), Math.Max(size, Math.Max(g.Most, away.Most))).Stored(DType.F32);
            };
        });
    }

    /// <summary>1/√(Σ x² / n + ε) of a row.</summary>
    private static Ball ReciprocalRootOf(Tensor x, long row, int n, float epsilon)
    {
        double squares = 0;
        for (int k = 0; k < n; k++)
        {
            double v = ElementReader.Value(x, row * n + k);
            squares += v * v;
        }

        Ball sum = new Ball(squares, Roundoff.OwnSum(squares, n) + Roundoff.SingleSum(squares, squares, n));
        if (!double.IsFinite(squares))
            sum = squares;
        else if (sum.Least >= Roundoff.SingleOverflow)
            sum = double.PositiveInfinity;
        else if (sum.Most >= Roundoff.SingleOverflow)
            sum = Ball.Nothing(squares);
        Ball mean = (sum / n).Off(2 * Roundoff.Single, 1);
        return ElementFunctions.ReciprocalRoot((mean + epsilon).Single());
    }

    /// <summary>
    /// <code>
    /// db = dy · silu(a)
    /// da = dy · b · σ(a) (1 + a (1 - σ(a)))        1 - σ(a) as a difference, which is off by u, or as σ(-a); factors in any order
    /// </code>
    /// </summary>
    private static RowYardstick SwiGluBackward(SwiGluBackwardCall c, string output) => new(output, i =>
    {
        double dy = ElementReader.Value(c.Dy, i), a = ElementReader.Value(c.Gate, i), b = ElementReader.Value(c.Up, i);
        if (output == "d_up")
            return (dy * ElementFunctions.SiLU(a)).Stored(DType.F32);
        if (!double.IsFinite(dy) || !double.IsFinite(a) || !double.IsFinite(b))
            return Roundoff.Nothing(double.NaN);
        Ball sigmoid = ElementFunctions.Sigmoid(a);
        Ball rest = ElementFunctions.Sigmoid(-a).Plus(sigmoid.Radius + Roundoff.Single);
        Ball bent = (a * rest).Single();
        Ball slope = (sigmoid * (1 + bent).Single()).Off(Roundoff.Single, 1).Plus(4 * Roundoff.Single * sigmoid.Most * (1 + bent.Most));
        Ball da = ((Ball)dy * b * slope).Off(3 * Roundoff.Single, 3).Plus(2 * Roundoff.SingleUnderflow * (slope.Most + Math.Abs(b) + Math.Abs(dy)));
        return Guarded(da, Math.Max(Math.Max(Math.Abs(dy * b), Math.Max(Math.Abs(dy), Math.Abs(b)) * slope.Most), bent.Most)).Stored(DType.F32);
    });

    private static RowYardstick ExpandKeysBackward(ExpandKeysBackwardCall c, string output)
    {
        (_, int H, int dn, int dr, int dv) = LatentShape.OfExpansion(c.DKv, c.DKPe, c.DKeys, c.DValues);
        if (output == "d_kv")
        {
            return Copy(output, c.DKv, i =>
            {
                (long row, long k) = Math.DivRem(i, dn + dv);
                return k < dn ? ElementReader.Value(c.DKeys, row * (dn + dr) + k) : ElementReader.Value(c.DValues, row * dv + k - dn);
            });
        }

        return new RowYardstick(output, i =>
        {
            (long t, long k) = Math.DivRem(i, dr);
            var sum = new BallSum();
            for (int h = 0; h < H; h++)
                sum.Add(ElementReader.Value(c.DKeys, (t * H + h) * (dn + dr) + dn + k));
            return sum.Total(products: false).Stored(DType.F32);
        });
    }

    private static RowYardstick MtpInputBackward(MtpInputBackwardCall c, string output)
    {
        long d = c.DEmbedding.Shape[1];
        bool isFirst = c.Order == MtpConcat.EmbeddingFirst == (output == "d_embedding");
        return Copy(output, c.DEmbedding, i => ElementReader.Value(c.Dy, i / d * 2 * d + (isFirst ? 0 : d) + i % d));
    }

    private static RowYardstick DispatchBackward(DispatchBackwardCall c, string output)
    {
        long d = c.Dy.Shape[1];
        int K = c.Plan.Slots;
        return new RowYardstick(output, Math.Max(1, d), t => k =>
        {
            var sum = new BallSum();
            for (int slot = 0; slot < K; slot++)
            {
                if (c.Plan.RowOf[(int)t * K + slot] is >= 0 and int row)
                    sum.Add(ElementReader.Value(c.Dy, row * d + k));
            }

            return sum.Total(products: false).Stored(DType.F32);
        });
    }

    private static RowYardstick CombineBackward(CombineBackwardCall c, string output)
    {
        long d = c.Dy.Shape[1];
        int K = c.Plan.Slots;
        if (output == "d_weights")
        {
            return new RowYardstick(output, i =>
            {
                var sum = new BallSum();
                for (long k = 0; c.Plan.RowOf[(int)i] >= 0 && k < d; k++)
                    sum.Add((Ball)ElementReader.Value(c.Dy, i / K * d + k) * ElementReader.Value(c.ExpertOutputs, c.Plan.RowOf[(int)i] * d + k));
                return sum.Total(products: true).Stored(DType.F32);
            });
        }

        int[] slotOf = new int[c.Plan.Rows];
        for (int i = 0; i < c.Plan.RowOf.Count; i++)
        {
            if (c.Plan.RowOf[i] >= 0)
                slotOf[c.Plan.RowOf[i]] = i;
        }

        return new RowYardstick(output, Math.Max(1, d), row =>
        {
            Ball w = ElementReader.Value(c.Weights, slotOf[row]);
            long t = slotOf[row] / K;
            return k => (w * ElementReader.Value(c.Dy, t * d + k)).Stored(DType.F32);
        });
    }

    /// <summary>m is exact; s as in softmax; the loss is minus log-softmax. Nothing is promised of a row without a finite maximum.</summary>
    private static RowYardstick CrossEntropy(CrossEntropyCall c, string output)
    {
        long V = c.Logits.Shape[1];
        if (output == "statistics")
        {
            return new RowYardstick(output, 2, row =>
            {
                SoftmaxRow s = RowOf(c.Logits, row, (int)V);
                return i => i == 0 && !double.IsNaN(s.Max) ? new Measurement(s.Max, 0) : double.IsFinite(s.Max) ? s.Sum.Stored(DType.F32) : Roundoff.Nothing(double.NaN);
            });
        }

        return new RowYardstick(output, 1, row =>
        {
            int target = (int)ElementReader.Integer(c.Targets, row);
            if (target < 0)
                return _ => new Measurement(0, 0);
            SoftmaxRow s = RowOf(c.Logits, row, (int)V);
            if (!double.IsFinite(s.Max))
                return _ => Roundoff.Nothing(double.NaN);
            double x = ElementReader.Value(c.Logits, row * V + target);
            if (double.IsNegativeInfinity(x))
                return _ => new Measurement(double.PositiveInfinity, 0);
            Ball log = ElementFunctions.Log(s.Sum);
            Ball loss = (log - ((Ball)x - s.Max)).Plus(Roundoff.Single * Math.Max(Math.Abs(x - s.Max), Math.Abs(s.Max) + log.Most));
            return _ => loss.Stored(DType.F32);
        });
    }

    /// <summary>exp(x - m) / s, or exp(x - (m + log s)), less 1 at the target; times the scale.</summary>
    private static RowYardstick CrossEntropyBackward(CrossEntropyBackwardCall c, string output)
    {
        long n = c.Logits.Shape[1];
        return new RowYardstick(output, Math.Max(1, n), row =>
        {
            int target = (int)ElementReader.Integer(c.Targets, row);
            double m = ElementReader.Value(c.Statistics, 2 * row), s = ElementReader.Value(c.Statistics, 2 * row + 1);
            if (target < 0)
                return _ => new Measurement(0, 0);
            return k =>
            {
                double x = ElementReader.Value(c.Logits, row * n + k);
                if (!double.IsFinite(m) || !(s > 0) || double.IsNaN(x) || double.IsPositiveInfinity(x))
                    return Roundoff.Nothing(double.NaN);
                double log = Math.Abs(Math.Log(s));
                Ball exponent = double.IsNegativeInfinity(x) ? x : ((Ball)x - m).Plus(Roundoff.Single * (2 * Math.Abs(x - m) + Math.Abs(m) + 8 * log));
                Ball p = ElementFunctions.Quotient32(ElementFunctions.Exp(exponent), s);
                Ball d = c.First + k == target ? (p - 1).Single() : p;
                return (d * c.Scale).Stored(DType.F32);
            };
        });
    }

    /// <summary>The ball, or nothing where a value of this size on the way may overflow.</summary>
    private static Ball Guarded(Ball ball, double largest) => largest < Roundoff.SingleOverflow ? ball : Ball.Nothing(ball.Mid);
}
