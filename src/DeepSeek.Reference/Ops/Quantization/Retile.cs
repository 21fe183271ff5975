namespace DeepSeek.Reference.Ops;

/// <summary>Quantised x under other tiles: what the weight's gradient needs of activations that were kept as rows of 1 x 128.</summary>
/// <remarks>
/// <code>
/// x' = code · s          as Dequantize, in binary32
/// code', s' = Quantize of x' under the other tiles
/// </code>
/// codes and codes' [T, K]. Rule N19. DeepSeek-V3 report 3.5.2 and 3.3.3.
/// Where all scales are powers of two, x' is exact and so is every code' · s' that is a normal number of the format: a fraction that fitted once fits again.
/// Below that, code' · s' is off by at most half of the format's smallest number times s'. Other scales quantise a second time.
/// </remarks>
public static class Retile
{
    /// <summary>The definition for E4M3, by those of <see cref="Dequantize"/> and <see cref="Quantize"/>.</summary>
    /// <exception cref="ShapeException">Sizes that do not fit T, K and the tiles.</exception>
    /// <exception cref="ContractException">Attributes that are not defined, or that exclude each other.</exception>
    public static void Define(
        ReadOnlySpan<Float8E4M3> codes, ReadOnlySpan<float> scales, int T, int K, QuantizationTile from, QuantizeAttributes to, Span<Float8E4M3> newCodes, Span<float> newScales)
    {
        float[] x = new float[codes.Length];
        Dequantize.Define(codes, scales, T, K, from, x);
        Quantize.Define(x, T, K, to, newCodes, newScales);
    }

    /// <summary>The definition for E5M6.</summary>
    /// <inheritdoc cref="Define(ReadOnlySpan{Float8E4M3}, ReadOnlySpan{float}, int, int, QuantizationTile, QuantizeAttributes, Span{Float8E4M3}, Span{float})"/>
    public static void Define(
        ReadOnlySpan<FloatE5M6> codes, ReadOnlySpan<float> scales, int T, int K, QuantizationTile from, QuantizeAttributes to, Span<FloatE5M6> newCodes, Span<float> newScales)
    {
        float[] x = new float[codes.Length];
        Dequantize.Define(codes, scales, T, K, from, x);
        Quantize.Define(x, T, K, to, newCodes, newScales);
    }
}
