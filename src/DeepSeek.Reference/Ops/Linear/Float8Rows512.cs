using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using DeepSeek.Reference.Numerics;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.Ops;

/// <summary>One row of x against four rows of E4M3 codes with a scale for each 128 columns: weights are decoded in registers and never written.</summary>
/// <remarks>
/// A code's sign, exponent and fraction at their places in binary32, without a change of bias, are the value times 2^-120, subnormal codes included. Times scale · 2^120, which
/// is exact, that is RN32(value · scale), the dequantised weight. NaN codes would come out as 480; they and scales of 2^8 and more are left to the caller.
/// </remarks>
internal static unsafe class Float8Rows512
{
    private const int Tile = TileGrid.Side;

    // 2^120 as a float: what the exponents of codes lack.
    private const float Rebias = (float)(1L << 60) * (1L << 60);

    // Scales below this times 2^120 are finite.
    private const float LargeScale = 256;

    /// <summary>y_j = Σ_k x_k RN32(code_{j,k} · scale_{j, ⌊k/128⌋}) in sixteen lanes (rule N6), j &lt; 4; false, and nothing written, where a code is NaN or a scale is too large.</summary>
    /// <param name="x">K values.</param>
    /// <param name="w">The first code of row 0.</param>
    /// <param name="wStride">Bytes from row to row.</param>
    /// <param name="scales">The first scale of each row.</param>
    /// <param name="K">Columns.</param>
    /// <param name="y">Where y_0 goes.</param>
    /// <param name="yStride">Values from y_j to y_{j+1}.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool Row(float* x, byte* w, nint wStride, float** scales, int K, float* y, nint yStride)
    {
        Vector512<float>* lanes = stackalloc Vector512<float>[4];
        for (int j = 0; j < 4; j++)
            lanes[j] = Vector512<float>.Zero;
        Vector512<byte> largest = Vector512<byte>.Zero;
        bool ordinary = true;
        int whole = K / Tile;
        for (int b = 0; b < whole; b++)
            ordinary &= Block(x + (nint)b * Tile, w + (nint)b * Tile, wStride, scales, b, lanes, ref largest);

        int tail = K - whole * Tile;
        if (tail > 0)
        {
            // Copies with +0 behind them: x and codes of 0, which add +0.
            float* lastX = stackalloc float[Tile];
            byte* last = stackalloc byte[4 * Tile];
            new Span<float>(lastX, Tile).Clear();
            new Span<byte>(last, 4 * Tile).Clear();
            new ReadOnlySpan<float>(x + (nint)whole * Tile, tail).CopyTo(new Span<float>(lastX, Tile));
            for (int j = 0; j < 4; j++)
                new ReadOnlySpan<byte>(w + j * wStride + (nint)whole * Tile, tail).CopyTo(new Span<byte>(last + j * Tile, Tile));
            ordinary &= Block(lastX, last, Tile, scales, whole, lanes, ref largest);
        }

        if (!ordinary || Vector512.EqualsAny(largest, Vector512.Create((byte)0x7F)))
            return false;
        LinearTiles512.Fold4(lanes[0], lanes[1], lanes[2], lanes[3], y, yStride);
        return true;
    }

    /// <summary>128 columns; whether the four scales are ones that this kernel takes.</summary>
    [MethodImpl(Always)]
    private static bool Block(float* x, byte* w, nint wStride, float** scales, int b, Vector512<float>* lanes, ref Vector512<byte> largest)
    {
        byte* w1 = w + wStride;
        byte* w2 = w1 + wStride;
        byte* w3 = w2 + wStride;
        WeightPrefetch.NextPage(w);
        WeightPrefetch.NextPage(w1);
        WeightPrefetch.NextPage(w2);
        WeightPrefetch.NextPage(w3);
        float s0 = scales[0][b], s1 = scales[1][b], s2 = scales[2][b], s3 = scales[3][b];
        Vector512<float> f0 = Vector512.Create(s0 * Rebias), f1 = Vector512.Create(s1 * Rebias), f2 = Vector512.Create(s2 * Rebias), f3 = Vector512.Create(s3 * Rebias);
        Vector512<float> a0 = lanes[0], a1 = lanes[1], a2 = lanes[2], a3 = lanes[3];
        Vector512<byte> most = largest;
        for (nint half = 0; half < Tile; half += 64)
        {
            most = Vector512.Max(Vector512.Max(most, Magnitudes(w + half)), Vector512.Max(Magnitudes(w1 + half), Vector512.Max(Magnitudes(w2 + half), Magnitudes(w3 + half))));
            for (nint k = half; k < half + 64; k += 16)
            {
                Vector512<float> a = Vector512.Load(x + k);
                a0 = Vector512.FusedMultiplyAdd(a, Scaled(w + k) * f0, a0);
                a1 = Vector512.FusedMultiplyAdd(a, Scaled(w1 + k) * f1, a1);
                a2 = Vector512.FusedMultiplyAdd(a, Scaled(w2 + k) * f2, a2);
                a3 = Vector512.FusedMultiplyAdd(a, Scaled(w3 + k) * f3, a3);
            }
        }

        lanes[0] = a0;
        lanes[1] = a1;
        lanes[2] = a2;
        lanes[3] = a3;
        largest = most;
        return MathF.Abs(s0) < LargeScale && MathF.Abs(s1) < LargeScale && MathF.Abs(s2) < LargeScale && MathF.Abs(s3) < LargeScale;
    }

    [MethodImpl(Always)]
    private static Vector512<byte> Magnitudes(byte* codes) => Vector512.Load(codes) & Vector512.Create((byte)0x7F);

    /// <summary>Sixteen codes as values times 2^-120.</summary>
    [MethodImpl(Always)]
    private static Vector512<float> Scaled(byte* codes) =>
        (Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)codes)), 20) & Vector512.Create(unchecked((int)0x87FFFFFF))).AsSingle();
}
