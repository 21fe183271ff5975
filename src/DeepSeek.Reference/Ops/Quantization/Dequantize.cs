using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Codes times their tiles' scales.</summary>
/// <remarks>
/// <code>
/// y = code · s        one product, rounded to binary32; exact where s is a power of two and y is a normal number
/// </code>
/// codes [T, K] of E4M3 or E5M6, scales by the tile's shape (<see cref="QuantizationTile"/>), y [T, K]; a BF16 y is rounded once more.
/// An E5M6 code is the lower twelve bits of its word. Rule N19.
/// DeepSeek-V3, inference/kernel.py, weight_dequant, for blocks of 128 x 128.
/// </remarks>
public static partial class Dequantize
{
    /// <summary>The definition for E4M3: what every backend must equal, bit for bit.</summary>
    /// <exception cref="ShapeException">codes or y are not T·K elements, or the scales are not the tiles' number.</exception>
    public static void Define(ReadOnlySpan<Float8E4M3> codes, ReadOnlySpan<float> scales, int T, int K, QuantizationTile tile, Span<float> y)
    {
        TileGrid grid = Grid(tile, T, K, codes.Length, scales.Length, y.Length);
        for (int t = 0; t < T; t++)
        {
            for (int k = 0; k < K; k++)
                y[t * K + k] = codes[t * K + k].ToSingle() * scales[grid.ScaleOf(t, k)];
        }
    }

    /// <summary>The definition for E5M6.</summary>
    /// <inheritdoc cref="Define(ReadOnlySpan{Float8E4M3}, ReadOnlySpan{float}, int, int, QuantizationTile, Span{float})"/>
    public static void Define(ReadOnlySpan<FloatE5M6> codes, ReadOnlySpan<float> scales, int T, int K, QuantizationTile tile, Span<float> y)
    {
        TileGrid grid = Grid(tile, T, K, codes.Length, scales.Length, y.Length);
        for (int t = 0; t < T; t++)
        {
            for (int k = 0; k < K; k++)
                y[t * K + k] = codes[t * K + k].ToSingle() * scales[grid.ScaleOf(t, k)];
        }
    }

    private static TileGrid Grid(QuantizationTile tile, int T, int K, int codes, int scales, int y)
    {
        var grid = new TileGrid(tile, T, K);
        long elements = (long)T * K;
        if (codes != elements || y != elements || scales != grid.Count)
            throw new ShapeException($"Dequantize: {codes} codes with {scales} scales into {y} values, expected {T} x {K} elements and {grid.Count} scales");
        return grid;
    }
}
