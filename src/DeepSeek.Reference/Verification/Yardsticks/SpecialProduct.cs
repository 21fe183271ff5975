using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification;

/// <summary>Sums of products that vectors of binary64 do not settle: with NaNs and infinities, or with more cancellation than an exact declaration allows.</summary>
internal static class SpecialProduct
{
    // Finite terms below this cannot overflow beside an infinity, whatever their order and rounding.
    private const double SurelyFinite = Roundoff.SingleOverflow / 2;

    /// <summary>The measurement where the sum is no number: what any order must give, or nothing where finite terms may overflow beside an infinity.</summary>
    public static Measurement Measure(ProductOperands operands, ProductPlace place, ProductRule rule, DType output, double start)
    {
        float[] a = new float[operands.K], b = new float[operands.K];
        operands.Row(place, a);
        operands.Column(place, b);
        bool positive = false, negative = false;
        double magnitude = 0;
        for (int k = 0; k < a.Length; k++)
        {
            double p = (double)a[k] * b[k];
            if (double.IsNaN(p))
                return new Measurement(double.NaN, 0);
            positive |= double.IsPositiveInfinity(p);
            negative |= double.IsNegativeInfinity(p);
            magnitude += double.IsFinite(p) ? Math.Abs(p) : 0;
        }

        if (!rule.IsPlain)
        {
            // E4M3 has no infinity: here a scale is none, or is infinite, and what that makes of a sum near zero is each kernel's own.
            double[] scales = new double[2 * rule.ScalesOf(operands.K)];
            operands.RowScales(place, scales.AsSpan(0, scales.Length / 2));
            operands.ColumnScales(place, scales.AsSpan(scales.Length / 2));
            return scales.Any(double.IsNaN) || double.IsNaN(start) ? new Measurement(double.NaN, 0) : Roundoff.Nothing(double.NaN);
        }

        double infinity = positive ? double.PositiveInfinity : double.NegativeInfinity;
        if (positive && negative || double.IsNaN(start) || start == -infinity)
            return new Measurement(double.NaN, 0);
        magnitude += double.IsFinite(start) ? Math.Abs(start) : 0;
        return magnitude < SurelyFinite || output == DType.F64 ? new Measurement(infinity, 0) : Roundoff.Nothing(infinity);
    }

    /// <summary>The measurement of a sum that is declared exact, by the long accumulator.</summary>
    public static Measurement Exactly(ProductOperands operands, ProductPlace place, ProductRule rule, DType output, double start)
    {
        float[] a = new float[operands.K], b = new float[operands.K];
        operands.Row(place, a);
        operands.Column(place, b);
        var sum = new ExactSum();
        for (int k = 0; k < a.Length; k++)
            sum.AddProduct(a[k], b[k]);
        double exact = sum.ToDouble();
        double own = Math.Abs(exact) * Roundoff.Double;
        return rule.IsAdded ? rule.Added(exact, 0, own, a.Length, start) : Roundoff.Stored(exact, own, output);
    }
}
