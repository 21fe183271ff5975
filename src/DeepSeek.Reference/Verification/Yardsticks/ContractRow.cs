using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>One query of one head under an attention contract: the exact softmax's outputs, and how far a kernel of that contract may be from them (docs/spec/bounds.md 8).</summary>
/// <remarks>
/// <code>
/// y_c = Σ e_j v_jc / s        e_j = exp(x_j - m), s = Σ e_j, without the rounding of weights
/// bound                       each e_j: score, exponential, rescalings (SoftmaxRow); β e_j + floor where weights are rounded
///                             the sums at the declared accumulators, block by block; the quotient; the combination of parts
/// lse = m + ln s
/// </code>
/// Observed magnitudes: Σ e_j |v_jc|. Nothing is promised where the initial maximum or the mask value may decide, or a multiplied score overflows.
/// </remarks>
internal sealed class ContractRow
{
    // Weights this far below the largest are +0 in every kernel.
    private const double Vanishes = 200;

    private readonly AttentionCall call;
    private readonly AttentionShape shape;
    private readonly int keyHead;
    private readonly int n;
    private readonly int blocks;
    private readonly int parts;
    private readonly double combination;
    private readonly bool open;
    private readonly SoftmaxRow weights;
    private readonly Ball sum;
    private readonly SumArithmetic products;

    public ContractRow(AttentionCall call, AttentionShape shape, long row)
    {
        (this.call, this.shape) = (call, shape);
        keyHead = shape.KeyHead((int)(row % shape.H));
        n = shape.Visible(call.Attributes, (int)(row / shape.H));
        products = new SumArithmetic(Contract.WeightValue);
        parts = Contract.Split == KeySplit.None ? 1 : Contract.Parts;
        int block = Contract.Block == 0 ? SoftmaxRow.SmallestBlock : Math.Min(Contract.Block, SoftmaxRow.SmallestBlock);
        // A pair of warpgroups multiplies factors with each other, and weights with factors: as many roundings again.
        blocks = (Contract.Schedule == AttentionSchedule.WarpgroupPairs ? 2 : 1) * ((n + block - 1) / block) + parts;

        var scores = new ContractScores(call.Attributes);
        double[] q = Array.ConvertAll(Operands.Widen(call.Q, row * shape.D, shape.D).ToArray(), v => (double)v);
        var x = new Ball[n];
        float[] scratch = new float[shape.D];
        double largest = 0;
        for (int j = 0; j < n; j++)
        {
            x[j] = scores.Of(q, Operands.Slice(call.Keys, ((long)j * shape.Hk + keyHead) * shape.D, shape.D, scratch));
            largest = double.IsFinite(x[j].Mid) ? Math.Max(largest, x[j].Most) : largest;
        }

        int additions = Contract.Order is WeightOrder.Exact or WeightOrder.Float64 ? 1 : n;
        weights = SoftmaxRow.Of(x, (_, magnitude, _) => magnitude * Roundoff.Growth(additions + 2 * blocks + 8, Roundoff.Single), blocks);
        sum = Contract.Denominator == WeightSum.Rounded ? weights.Sum.Off(Relative(Contract.Weights)).Plus(n * Floor(Contract.Weights)) : weights.Sum;
        combination = parts == 1 ? 0 : Combination(largest);
        open = IsOpen(scores);
    }

    private AttentionContract Contract => call.Attributes.Contract!;

    private bool IsEmpty => double.IsNegativeInfinity(weights.Max);

    /// <summary>lse.</summary>
    public Measurement LogSumExp()
    {
        if (open || weights.IsFree || double.IsNaN(weights.Max))
            return Roundoff.Nothing(double.NaN);
        if (IsEmpty)
            return new Measurement(Contract.Empty == EmptyRow.PositiveInfinity ? double.PositiveInfinity : double.NegativeInfinity, 0);
        Ball log = ElementFunctions.Log(sum);
        // The maximum, a quotient or a product with log2 e, additions: half a dozen roundings at the most.
        double roundings = 6 * Roundoff.Single * (Math.Abs(weights.Max) + weights.MaxRadius + log.Most);
        return (weights.Max + log).Plus(roundings + combination).Stored(DType.F32);
    }

    /// <summary>y of every channel.</summary>
    public Measurement[] Outputs()
    {
        var results = new Measurement[shape.Dv];
        if (open || weights.IsFree || !double.IsFinite(weights.Max))
        {
            Array.Fill(results, open || weights.IsFree ? Roundoff.Nothing(double.NaN) : new Measurement(IsEmpty ? 0 : double.NaN, 0));
            return results;
        }

        double[] sums = new double[shape.Dv], magnitudes = new double[shape.Dv], errors = new double[shape.Dv], sizes = new double[shape.Dv];
        float[] scratch = new float[shape.Dv];
        for (int j = 0; j < n; j++)
        {
            Ball e = Weight(j);
            WideSums.Add(e.Mid, e.Radius, Value(j, scratch), sums, magnitudes, errors, sizes);
        }

        for (int c = 0; c < results.Length; c++)
            results[c] = double.IsFinite(sums[c]) ? Output(sums[c], magnitudes[c], errors[c], sizes[c]) : Special(c);
        return results;
    }

    /// <summary>e_j as P·V takes it. A factor that underflows costs a step of binary32 a block.</summary>
    private Ball Weight(int j)
    {
        double off = weights.Off[j] + weights.E[j] * weights.Rescaling + 8 * blocks * Roundoff.SingleUnderflow;
        double floor = Floor(Contract.Weights) * (Contract.Division == AttentionDivision.BeforeValues ? sum.Most : 1);
        return new Ball(weights.E[j], off + (weights.E[j] + off) * Relative(Contract.Weights) + floor);
    }

    private Measurement Output(double weighted, double magnitude, double error, double size)
    {
        double most = magnitude + error;
        double added = products.RescaledError(weighted, most, size + 2.0 * n, n, blocks);
        if (1.01 * size + most + added >= Roundoff.SingleOverflow || sum.Least <= 0 || !double.IsFinite(combination))
            return Roundoff.Nothing(weighted / sum.Mid);
        double quotient = (ElementFunctions.QuotientUlps + 0.5) * ElementFunctions.Ulp;
        double part = (most + added) / sum.Least;
        double ofParts = parts == 1 ? 0
            : part * (Relative(Contract.Partials) * (1 + combination) + combination) + parts * Floor(Contract.Partials) + size * (8 * (parts + 4) * Roundoff.SingleUnderflow);
        Ball y = (new Ball(weighted, error + Roundoff.OwnSum(magnitude, n) + added) / sum).Plus(part * quotient + ofParts);
        y = y.Off(0, 4).Plus(size * (ElementFunctions.QuotientUlps * 2 * Roundoff.SingleUnderflow));
        return Roundoff.OfSingle(y.Mid, y.Radius, part + y.Radius, part + y.Radius, call.Y.DType);
    }

    /// <summary>A column with values that are no numbers.</summary>
    private Measurement Special(int c)
    {
        // Below this a rounded weight may be 0, and 0 · ∞ is a NaN.
        double surelyWeighs = Contract.Weights == DType.F8_E4M3 ? 1.0 / 256 : 1e-30;
        float[] scratch = new float[shape.Dv];
        return SpecialColumn.Of(n, j => Value(j, scratch)[c], j => weights.E[j] - weights.Off[j] > surelyWeighs * sum.Most);
    }

    private ReadOnlySpan<float> Value(int j, float[] scratch) =>
        Operands.Slice(call.Values ?? call.Keys, ((long)j * shape.Hk + keyHead) * shape.ValueStride, shape.Dv, scratch);

    /// <summary>Whether a mask value or an initial maximum may weigh beside the scores.</summary>
    private bool IsOpen(ContractScores scores)
    {
        bool started = double.IsFinite(scores.InitialMaximum);
        // A maximum that drops every NaN may leave a block without one, which is then passed over.
        if (double.IsNaN(weights.Max))
            return Contract.Maximum == MaximumRule.DropsNaN && !started;
        if (IsEmpty)
            return started ? n > 0 : Contract.MaskValue is not null;
        if (started)
            return weights.Max - weights.MaxRadius <= scores.InitialMaximum;
        // A part of masked keys alone has weights of its own, whatever is made of them afterwards.
        return Contract.MaskValue is not null && (parts > 1 || weights.Max - weights.MaxRadius - scores.Masked < Vanishes);
    }

    /// <summary>Relative error of a part's share in the combination: logarithms, powers, sums, of numbers up to that of the scores.</summary>
    private double Combination(double largestScore)
    {
        double size = largestScore + Math.Log(n + 1.0) + 2, distance = Math.Min(2 * size, 110);
        return ElementFunctions.Expm1(
            16 * Roundoff.Single * size + 4 * (ElementFunctions.LogAbsolute + ElementFunctions.LogUlps * ElementFunctions.Ulp * size)
            + 4 * (ElementFunctions.ExpUlps + ElementFunctions.ExpUlpsPerArgument * distance) * ElementFunctions.Ulp + 2 * (parts + 8) * Roundoff.Single);
    }

    /// <summary>Largest relative error of a rounding to a format.</summary>
    private static double Relative(DType format) => format switch
    {
        DType.BF16 => Roundoff.BFloat16,
        DType.F8_E4M3 => 1.0 / 16,
        _ => 0,
    };

    /// <summary>Largest error of a rounding to one of its subnormal numbers.</summary>
    private static double Floor(DType format) => format switch
    {
        DType.BF16 => Roundoff.BFloat16Underflow,
        DType.F8_E4M3 => 1.0 / 1024,
        _ => 0,
    };
}
