using System.Runtime.Intrinsics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>The sum of an output over all of k, with promotions and scales, for one row and eight columns (rules N7, N21; docs/spec/bounds.md 3 to 5).</summary>
/// <remarks>
/// <code>
/// d_q              exact sum of run q, within e_q of what the declared arithmetic gives
/// τ_q = d_q·sa·sb  each of its two products rounded to binary32
/// Up, Down         Σ of the τ_q above and below zero; no partial sum is further from zero than the larger
/// </code>
/// </remarks>
internal struct PromotedSums
{
    /// <summary>Of the run that is not promoted yet.</summary>
    public ChainSums Chain;

    /// <summary>Σ τ_q.</summary>
    public Vector512<double> Sum;

    /// <summary>Σ of the τ_q above zero.</summary>
    public Vector512<double> Up;

    /// <summary>Σ of those below, with their sign changed.</summary>
    public Vector512<double> Down;

    /// <summary>Errors of the τ_q, added up.</summary>
    public Vector512<double> Error;

    /// <summary>The largest magnitude of a product of scales, or of a scaled sum on its way.</summary>
    public Vector512<double> Largest;
}

/// <summary>How runs become <see cref="PromotedSums"/>, and these an output.</summary>
internal sealed class ProductRule
{
    private readonly ScaledProduct? product;
    private readonly SumArithmetic block;
    private readonly DType output;
    private readonly bool added;

    /// <summary>Of a product without scales, added to something or not.</summary>
    public ProductRule(Accumulation accumulation, DType output, bool added = false) : this(null, new SumArithmetic(accumulation), output, added) { }

    /// <summary>Of a block-scaled product.</summary>
    public ProductRule(ScaledProduct product, DType output, bool added) : this(product, new SumArithmetic(product.Block), output, added) { }

    private ProductRule(ScaledProduct? product, SumArithmetic block, DType output, bool added) =>
        (this.product, this.block, this.output, this.added) = (product, block, output, added);

    /// <summary>The arithmetic within a run.</summary>
    public SumArithmetic Block => block;

    /// <summary>Whether there are no scales.</summary>
    public bool IsPlain => product is null;

    /// <summary>Whether the sum is added to something.</summary>
    public bool IsAdded => added;

    /// <summary>Elements of a run; 0 for all of k.</summary>
    public int Promotion => product is null || product.Promotion == 0 ? 0 : product.Promotion;

    /// <summary>Scales that a row of K elements has.</summary>
    public int ScalesOf(int K) => product?.ScalesOf(K) ?? 1;

    /// <summary>Whether scales are inside the sum.</summary>
    public bool InTheSum => product?.Order == ScaleOrder.InTheSum;

    /// <summary>Ends a run of n products: scales it, and adds it up.</summary>
    public void Promote(ref PromotedSums sums, int n, double scaleOfRow, Vector512<double> scaleOfColumn)
    {
        Vector512<double> error = block.Error(sums.Chain, n);
        if (product is null || InTheSum)
        {
            sums.Sum = sums.Chain.Sum;
            sums.Up = (sums.Chain.Magnitude + sums.Chain.Sum) * 0.5;
            sums.Down = (sums.Chain.Magnitude - sums.Chain.Sum) * 0.5;
            sums.Error = error;
            return;
        }

        if (block.RoundsOnce)
            error += Vector512.Abs(sums.Chain.Sum) * Roundoff.Single + error;
        Vector512<double> d = Vector512.Abs(sums.Chain.Sum) + error;
        Vector512<double> scale = scaleOfColumn * scaleOfRow;
        Vector512<double> size = Vector512.Abs(scale);
        bool scalesFirst = product.Order == ScaleOrder.ScalesFirst;
        Vector512<double> lost = (scalesFirst ? d : Vector512.Abs(scaleOfColumn)) + Vector512.Create(1.0);
        sums.Error += size * (error + d * TwoProducts) + lost * Roundoff.SingleUnderflow;
        sums.Largest = Vector512.Max(sums.Largest, scalesFirst ? size : d * Math.Abs(scaleOfRow));
        Vector512<double> term = sums.Chain.Sum * scale;
        sums.Sum += term;
        sums.Up += Vector512.Max(term, Vector512<double>.Zero);
        sums.Down += Vector512.Max(-term, Vector512<double>.Zero);
        sums.Chain = default;
    }

    private const double TwoProducts = 2 * Roundoff.Single * (1 + Roundoff.Single);

    /// <summary>The measurement of one lane, finite operands given.</summary>
    /// <param name="sums">All runs, promoted.</param>
    /// <param name="lane">Which of the eight columns.</param>
    /// <param name="runs">How many runs there were.</param>
    /// <param name="n">Terms in all.</param>
    /// <param name="start">What the sum is added to.</param>
    public Measurement Measure(in PromotedSums sums, int lane, int runs, int n, double start)
    {
        double sum = sums.Sum[lane], up = sums.Up[lane], down = sums.Down[lane], error = sums.Error[lane];
        if (product is null && added)
            return Added(sum, up + down, error, n, start);
        if (product is null && block.RoundsOnce)
            return Roundoff.Stored(sum, error, output);
        if (product is null && n == 1 && !block.Aligned)
            return output == DType.F32 ? Roundoff.Stored(sum, 0, output) : Roundoff.Stored(sum, error, output);

        double reach = Math.Max(up, down);
        if (product is not null && !InTheSum)
        {
            double adds = product.Accumulator == DType.BF16
                ? Roundoff.Growth(runs, Roundoff.Single) + Roundoff.Growth(runs, Roundoff.BFloat16) * (1 + Roundoff.Growth(runs, Roundoff.Single))
                : Roundoff.Growth(runs - 1, Roundoff.Single);
            error += (reach + error) * adds + runs * Roundoff.Double * (up + down);
            if (product.Accumulator == DType.BF16)
                error += runs * Roundoff.BFloat16Underflow * (1 + adds);
        }

        double largest = Math.Max(reach, sums.Largest[lane]);
        double exact = sum;
        if (added && !double.IsFinite(start))
            return largest + error < Roundoff.SingleOverflow ? new Measurement(start, 0) : Roundoff.Nothing(start);
        if (added)
        {
            exact = sum + start;
            error += (Math.Abs(exact) + error) * (Roundoff.Single + Roundoff.Double);
            largest = Math.Max(largest, Math.Abs(exact));
            (up, down) = (up + Math.Max(0, start), down + Math.Max(0, -start));
        }

        return Roundoff.OfSingle(exact, error, largest, exact >= 0 ? Math.Max(down, sums.Largest[lane]) : Math.Max(up, sums.Largest[lane]), output);
    }

    /// <summary>
    /// A sum without scales that is added to <paramref name="start"/>: one term more, which may come first, last or anywhere. A sum that is declared to be rounded once is
    /// rounded to binary32, and added.
    /// </summary>
    /// <param name="sum">The exact sum.</param>
    /// <param name="magnitude">Σ |a b|.</param>
    /// <param name="error">The declared sum's own error, where it rounds once.</param>
    /// <param name="n">Products.</param>
    /// <param name="start">What they are added to.</param>
    public Measurement Added(double sum, double magnitude, double error, int n, double start)
    {
        if (block.RoundsOnce || !double.IsFinite(start))
            return (new Ball(sum, block.RoundsOnce ? error : Math.Max(error, Roundoff.SingleSum(sum, magnitude, n))).Single() + start).Stored(output);
        double exact = sum + start, size = magnitude + Math.Abs(start);
        double single = Roundoff.OwnSum(size, n + 1) + Roundoff.SingleSum(exact, size, n + 1);
        return Roundoff.OfSingle(exact, single, Roundoff.LargestPartial(exact, size), (size - Math.Abs(exact)) / 2, output);
    }
}
