using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>Quantisers: scales from x, codes from x and the scale that stands in the call (docs/spec/bounds.md 9).</content>
internal static partial class YardstickOf
{
    private static RowYardstick QuantizeScales(QuantizeCall c, string output)
    {
        int T = Operands.Dim(c.X, 0), K = Operands.Dim(c.X, 1);
        var grid = new TileGrid(c.Attributes.Tile, T, K);
        return new RowYardstick(output, i => ScaleOf(AmaxOf(c, grid, K, (int)i), c).Stored(DType.F32));
    }

    /// <summary>
    /// The code's value: the cast is part of what is computed, so the exact result is the code of the exact quotient, and the bound is 0 unless the declared
    /// arithmetic may take the quotient to the other side of a tie. Elements whose bound is above 0 have two admissible codes.
    /// </summary>
    private static RowYardstick QuantizeCodes(QuantizeCall c, string output)
    {
        int T = Operands.Dim(c.X, 0), K = Operands.Dim(c.X, 1);
        var grid = new TileGrid(c.Attributes.Tile, T, K);
        bool fromAmax = c.Attributes.Arithmetic is QuantizerArithmetic.DeepGemm2025 or QuantizerArithmetic.DeepEpLowLatency && c.Attributes.ScaleFormat == ScaleFormat.F32;
        var amax = new Dictionary<int, double>();
        if (fromAmax)
        {
            for (int i = 0; i < grid.Count; i++)
                amax[i] = Clamped(AmaxOf(c, grid, K, i), c.Attributes);
        }

        return new RowYardstick(output, Math.Max(1, K), t => k =>
        {
            int tile = grid.ScaleOf((int)t, (int)k);
            Ball x = ElementReader.Value(c.X, t * K + k);
            Ball y = Quotient(x, ElementReader.Value(c.Scales, tile), fromAmax ? amax[tile] : double.NaN, c);
            return y.IsNothing ? Roundoff.Nothing(double.NaN) : Coded(y, c.Codes.DType);
        });
    }

    private static Measurement Coded(Ball y, DType codes)
    {
        double Code(double v) => codes == DType.U16
            ? FloatE5M6.FromSingle((float)v, Fp8Overflow.Saturate).ToSingle()
            : Float8E4M3.FromSingle((float)v, Fp8Overflow.Saturate).ToSingle();
        if (double.IsNaN(y.Mid))
            return new Measurement(double.NaN, 0);
        if (!double.IsFinite(y.Mid))
            return new Measurement(Code(y.Mid), 0);
        Ball code = y.Snapped(Code);
        return new Measurement(code.Mid, code.Radius);
    }

    /// <summary>y before the cast, within what its arithmetic, IEEE's or a GPU's, may make of it.</summary>
    private static Ball Quotient(Ball x, double scale, double amax, QuantizeCall c)
    {
        if (!double.IsNaN(amax))
            return (x * ElementFunctions.Quotient32(Largest(c), amax).Single()).Single();
        // Hopper's rcp takes a subnormal number for a zero.
        if (c.Attributes.Arithmetic == QuantizerArithmetic.TritonActQuantHopper && float.IsSubnormal((float)scale))
            scale = 0;
        bool exact = c.Attributes.ScaleFormat == ScaleFormat.UE8M0 && scale > 1e-37 && scale < 1e37;
        if (c.Attributes.Arithmetic is QuantizerArithmetic.TritonActQuant or QuantizerArithmetic.TileLang)
            return exact || scale == 0 || !double.IsFinite(scale) ? (x / scale).Single() : ElementFunctions.Quotient32(x, scale);
        Ball factor = exact || scale == 0 || !double.IsFinite(scale) ? (1 / (Ball)scale).Single() : ElementFunctions.Quotient32(1, scale);
        return (x * factor).Single();
    }

    /// <summary>s of a tile: a quotient, or a product with a rounded reciprocal; then up to a power of two, to either where it may be one already.</summary>
    private static Ball ScaleOf(double amax, QuantizeCall c)
    {
        double a = Clamped(amax, c.Attributes);
        if (!double.IsFinite(a))
            return a;
        Ball s = (a == 0 ? 0 : ElementFunctions.Quotient32(a, Largest(c))).Single();
        if (c.Attributes.Clamp == QuantizationClamp.Scale)
            s = s.Snapped(v => Math.Max(v, TileScale.Least));
        return c.Attributes.ScaleFormat == ScaleFormat.UE8M0 ? s.Snapped(v => TileScale.PowerOfTwoNotBelow(RoundedUp(v))) : s;
    }

    /// <summary>v as a binary32 that is not below it, so that what is just above a power of two stays above.</summary>
    private static float RoundedUp(double v)
    {
        float f = (float)v;
        return f < v ? MathF.BitIncrement(f) : f;
    }

    private static double Largest(QuantizeCall c) => c.Codes.DType == DType.U16 ? Ops.Quantize.LargestE5M6 : Ops.Quantize.LargestE4M3;

    private static double Clamped(double amax, QuantizeAttributes attributes) => attributes.Clamp == QuantizationClamp.Amax ? Math.Max(amax, TileScale.Least) : amax;

    /// <summary>max |x| over a tile, NaN if one is that the arithmetic does not pass over.</summary>
    private static double AmaxOf(QuantizeCall c, TileGrid grid, int K, int tile)
    {
        (int top, int bottom) = grid.Rows(tile / grid.Across);
        (int left, int right) = grid.Columns(tile % grid.Across);
        float amax = 0;
        for (int t = top; t < bottom; t++)
        {
            for (int k = left; k < right; k++)
                amax = TileScale.Larger(amax, (float)ElementReader.Value(c.X, (long)t * K + k), c.Attributes.Arithmetic);
        }

        return amax;
    }
}
