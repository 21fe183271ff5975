using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>One query of one head: its scores and weights, and what bounds its outputs (docs/spec/bounds.md 8).</summary>
/// <remarks>
/// <code>
/// x_j = Σ q k · scale     within the sum's bound and a rounding; or snapped to bfloat16 where AttentionRounding says so
/// y_c = Σ e_j v_jc / s    P rounded to binary32, or the quotient taken at the end; or Σ ⟦e_j / s⟧ v_jc where P is rounded to bfloat16
/// lse = m + log s
/// </code>
/// Binary64 serves: the scores' own error, D 2^-53 Σ|q k|, is 2^-29 of what their binary32 sum may be off by, and is included.
/// </remarks>
internal sealed class AttentionRow
{
    private readonly AttentionCall call;
    private readonly AttentionShape shape;
    private readonly int keyHead;
    private readonly int n;
    private readonly SoftmaxRow weights;

    public AttentionRow(AttentionCall call, AttentionShape shape, long row)
    {
        (this.call, this.shape) = (call, shape);
        keyHead = shape.KeyHead((int)(row % shape.H));
        n = shape.Visible(call.Attributes, (int)(row / shape.H));
        double[] q = Array.ConvertAll(Operands.Widen(call.Q, row * shape.D, shape.D).ToArray(), v => (double)v);
        var scores = new Ball[n];
        float[] scratch = new float[shape.D];
        for (int j = 0; j < n; j++)
            scores[j] = Score(q, Operands.Slice(call.Keys, ((long)j * shape.Hk + keyHead) * shape.D, shape.D, scratch));
        weights = SoftmaxRow.Of(scores, Accumulate);
    }

    private AttentionAttributes Attributes => call.Attributes;

    /// <summary>Whether sums end in more than binary32 and are rounded to their output once.</summary>
    private bool RoundsOnce => Attributes.Accumulation.Kind is AccumulationKind.Exact or AccumulationKind.Float64;

    /// <summary>lse.</summary>
    public Measurement LogSumExp()
    {
        if (weights.IsFree)
            return Roundoff.Nothing(double.NaN);
        if (!double.IsFinite(weights.Max))
            return new Measurement(weights.Max, 0);
        Ball log = ElementFunctions.Log(weights.Sum);
        return (weights.Max + log).Plus(Roundoff.Single * (Math.Abs(weights.Max) + weights.MaxRadius)).Stored(DType.F32);
    }

    /// <summary>y of every channel.</summary>
    public Measurement[] Outputs()
    {
        var results = new Measurement[shape.Dv];
        if (weights.IsFree || !double.IsFinite(weights.Max))
        {
            Array.Fill(results, weights.IsFree ? Roundoff.Nothing(double.NaN) : new Measurement(double.IsNaN(weights.Max) ? double.NaN : 0, 0));
            return results;
        }

        double[] sums = new double[shape.Dv], magnitudes = new double[shape.Dv], errors = new double[shape.Dv], sizes = new double[shape.Dv];
        bool rounded = Attributes.Rounding != AttentionRounding.None;
        float[] scratch = new float[shape.Dv];
        for (int j = 0; j < n; j++)
        {
            Ball p = Weight(j, rounded);
            WideSums.Add(p.Mid, p.Radius, Value(j, scratch), sums, magnitudes, errors, sizes);
        }

        for (int c = 0; c < results.Length; c++)
            results[c] = double.IsFinite(sums[c]) ? Output(sums[c], magnitudes[c], errors[c], sizes[c], rounded) : Special(c);
        return results;
    }

    private Ball Weight(int j, bool rounded)
    {
        var e = new Ball(weights.E[j], weights.Off[j] + weights.E[j] * weights.Rescaling);
        return rounded ? ElementFunctions.Quotient32(e, weights.Sum).BFloat16() : e;
    }

    private ReadOnlySpan<float> Value(int j, float[] scratch) =>
        Operands.Slice(call.Values ?? call.Keys, ((long)j * shape.Hk + keyHead) * shape.ValueStride, shape.Dv, scratch);

    private Measurement Output(double sum, double magnitude, double error, double size, bool rounded)
    {
        double most = magnitude + error;
        var y = new Ball(sum, error + Roundoff.OwnSum(magnitude, n) + Products(sum, most));
        if (!rounded)
        {
            // The quotients, one a weight, or one at the end; a weight may be subnormal.
            double quotients = (ElementFunctions.QuotientUlps + 0.5) * ElementFunctions.Ulp;
            y = (y / weights.Sum).Plus(most / weights.Sum.Least * quotients + size * ElementFunctions.QuotientUlps * 2 * Roundoff.SingleUnderflow).Off(0, 2);
            most /= weights.Sum.Least;
        }

        // P · V may be added up before the quotient, where it is up to s times as large.
        double largest = rounded ? most : Math.Max(most, magnitude + error);
        if (largest + y.Radius >= Roundoff.SingleOverflow)
            return Roundoff.Nothing(y.Mid);
        return RoundsOnce ? Roundoff.Stored(y.Mid, y.Radius, call.Y.DType) : Roundoff.OfSingle(y.Mid, y.Radius, largest, largest, call.Y.DType);
    }

    /// <summary>Error of P·V's sum before it is stored.</summary>
    private double Products(double sum, double magnitude) => RoundsOnce ? 2 * Roundoff.OwnSum(magnitude, n) : Roundoff.SingleSum(sum, magnitude, n);

    /// <summary>Error of a sum that ends in binary32.</summary>
    private double Accumulate(double sum, double magnitude, double terms) => RoundsOnce
        ? Roundoff.Single * Math.Abs(sum) + 2 * Roundoff.OwnSum(magnitude, terms) + Roundoff.SingleUnderflow
        : Roundoff.SingleSum(sum, magnitude, terms);

    /// <summary>A column with values that are no numbers.</summary>
    private Measurement Special(int c)
    {
        // Below this a weight may be 0 in binary32, and 0 · ∞ is a NaN.
        const double surelyWeighs = 1e-30;
        float[] scratch = new float[shape.Dv];
        return SpecialColumn.Of(n, j => Value(j, scratch)[c], j => Weight(j, Attributes.Rounding != AttentionRounding.None).Least > surelyWeighs * weights.Sum.Most);
    }

    private Ball Score(ReadOnlySpan<double> q, ReadOnlySpan<float> k)
    {
        if (Attributes.Rounding != AttentionRounding.EveryStep)
        {
            Ball dot = Dot(q, k, out double magnitude);
            if (!RoundsOnce)
                dot = dot.Plus(magnitude * Roundoff.Single);
            return ((RoundsOnce ? dot.Single() : dot) * Attributes.Scale).Single();
        }

        int c = Attributes.ScoreSplit;
        Ball sum = Rounded(Dot(q[c..], k[c..], out _));
        if (c > 0)
            sum = (Rounded(Dot(q[..c], k[..c], out _)) + sum).BFloat16();
        return (sum * Attributes.Scale).BFloat16();
    }

    private Ball Rounded(Ball dot) => RoundsOnce ? dot.BFloat16Once() : dot.BFloat16();

    /// <summary>A sum of products in the declared accumulation; the scale may have been multiplied into q first, one rounding a product.</summary>
    private Ball Dot(ReadOnlySpan<double> q, ReadOnlySpan<float> k, out double magnitude)
    {
        (double sum, magnitude) = WideSums.Dot(q, k);
        if (!double.IsFinite(sum))
            return OfSpecial(q, k);
        double own = Roundoff.OwnSum(magnitude, k.Length);
        if (RoundsOnce)
            return new Ball(sum, 2 * own);
        double error = own + Roundoff.SingleSum(sum, magnitude, k.Length);
        return Roundoff.LargestPartial(sum, magnitude) + error >= Roundoff.SingleOverflow ? Ball.Nothing(sum) : new Ball(sum, error);
    }

    /// <summary>A score whose operands are not all numbers.</summary>
    internal static Ball OfSpecial(ReadOnlySpan<double> q, ReadOnlySpan<float> k)
    {
        double special = 0, magnitude = 0;
        for (int d = 0; d < k.Length; d++)
        {
            double p = q[d] * k[d];
            if (double.IsFinite(p))
                magnitude += Math.Abs(p);
            else
                special += p;
        }

        return double.IsNaN(special) || magnitude < Roundoff.SingleOverflow / 2 ? new Ball(special) : Ball.Nothing(special);
    }
}
