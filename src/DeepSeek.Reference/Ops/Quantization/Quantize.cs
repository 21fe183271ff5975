using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Quantises x tile by tile: codes of a narrow format, and one scale a tile.</summary>
/// <remarks>
/// <code>
/// a    = max |x| over the tile                       exact, in any order; a NaN counts, or is passed over: QuantizerArithmetic
/// s    = TileScale of a                              QuantizerArithmetic, ScaleFormat, QuantizationClamp
/// code = cast(y), y = x / s, x · (1/s), x · rcp(s) or x · (M/a)      to nearest, ties to even; saturating; NaN to the format's NaN
/// </code>
/// x [T, K], codes [T, K], scales by the tile's shape (<see cref="QuantizationTile"/>); F32, or BF16 widened exactly. Rule N19. DeepSeek-V3 report 3.3.2;
/// variants: docs/spec/quantisation.md 2.
/// A tile that the edge of x cuts is padded with zeros, which change nothing. A NaN in a tile makes its scale and all its codes NaN;
/// under <see cref="QuantizerArithmetic.TritonActQuantHopper"/> its own code alone.
/// An infinity makes the scale infinite, finite elements zeros and infinite ones NaN.
/// </remarks>
public static partial class Quantize
{
    /// <summary>E4M3's largest value.</summary>
    public const float LargestE4M3 = 448f;

    /// <summary>E5M6's largest value, 127/64 · 2^15.</summary>
    public const float LargestE5M6 = 65024f;

    /// <summary>The definition for E4M3: what every backend must equal, bit for bit.</summary>
    /// <exception cref="ShapeException">x or codes are not T·K elements, or the scales are not the tiles' number.</exception>
    /// <exception cref="ContractException">Attributes that are not defined, or that exclude each other.</exception>
    public static void Define(ReadOnlySpan<float> x, int T, int K, QuantizeAttributes attributes, Span<Float8E4M3> codes, Span<float> scales)
    {
        Require(attributes, LargestE4M3);
        float[] y = new float[codes.Length];
        Quotients(x, T, K, LargestE4M3, attributes, y, scales);
        for (int i = 0; i < y.Length; i++)
            codes[i] = Float8E4M3.FromSingle(y[i], Fp8Overflow.Saturate);
    }

    /// <summary>The definition for E5M6, the cached input of the linear after attention (report 3.3.3): scales are powers of two, the arithmetic is one.</summary>
    /// <inheritdoc cref="Define(ReadOnlySpan{float}, int, int, QuantizeAttributes, Span{Float8E4M3}, Span{float})"/>
    public static void Define(ReadOnlySpan<float> x, int T, int K, QuantizeAttributes attributes, Span<FloatE5M6> codes, Span<float> scales)
    {
        Require(attributes, LargestE5M6);
        float[] y = new float[codes.Length];
        Quotients(x, T, K, LargestE5M6, attributes, y, scales);
        for (int i = 0; i < y.Length; i++)
            codes[i] = FloatE5M6.FromSingle(y[i], Fp8Overflow.Saturate);
    }

    private static void Quotients(ReadOnlySpan<float> x, int T, int K, float largest, QuantizeAttributes attributes, Span<float> y, Span<float> scales)
    {
        var grid = new TileGrid(attributes.Tile, T, K);
        RequireSizes(grid, T, K, x.Length, y.Length, scales.Length);
        for (int i = 0; i < grid.Down; i++)
        {
            for (int j = 0; j < grid.Across; j++)
            {
                (int top, int bottom) = grid.Rows(i);
                (int left, int right) = grid.Columns(j);

                float a = 0f;
                for (int t = top; t < bottom; t++)
                {
                    for (int k = left; k < right; k++)
                        a = TileScale.Larger(a, x[t * K + k], attributes.Arithmetic);
                }

                TileScale s = TileScale.Of(a, largest, attributes);
                scales[i * grid.Across + j] = s.Scale;

                for (int t = top; t < bottom; t++)
                {
                    for (int k = left; k < right; k++)
                        y[t * K + k] = s.Quotient(x[t * K + k]);
                }
            }
        }
    }

    /// <summary>Throws for attributes that are not defined or exclude each other.</summary>
    internal static void Require(QuantizeAttributes attributes, float largest)
    {
        Operands.RequireDefined(attributes.Tile);
        Operands.RequireDefined(attributes.Arithmetic);
        Operands.RequireDefined(attributes.ScaleFormat);
        Operands.RequireDefined(attributes.Clamp);
        if (attributes.Clamp == QuantizationClamp.Scale && attributes.Arithmetic is QuantizerArithmetic.DeepGemm2025 or QuantizerArithmetic.DeepEpLowLatency)
            throw new ContractException($"{attributes.Arithmetic} divides by amax, not by the scale, so a clamp of the scale has no meaning in it; take QuantizationClamp.Amax");
        if (largest == LargestE5M6 && (attributes.Arithmetic != QuantizerArithmetic.TritonActQuant || attributes.ScaleFormat != ScaleFormat.UE8M0))
            throw new ContractException($"E5M6 is defined with TritonActQuant and UE8M0 scales, not with {attributes.Arithmetic} and {attributes.ScaleFormat}");
    }

    private static void RequireSizes(TileGrid grid, int T, int K, int x, int codes, int scales)
    {
        long elements = (long)T * K;
        if (x != elements || codes != elements || scales != grid.Count)
            throw new ShapeException($"Quantize: x of {x} and {codes} codes with {scales} scales, expected {T} x {K} elements and {grid.Count} scales");
    }
}
