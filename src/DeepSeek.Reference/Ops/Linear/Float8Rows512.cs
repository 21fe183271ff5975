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
        int whole = K / Tile, tail = K - whole * Tile;
        // The last columns, fewer than 128, as copies with +0 behind them: x and codes of 0, which add +0.
        float* lastX = stackalloc float[Tile];
        byte* last = stackalloc byte[4 * Tile];
        if (tail > 0)
        {
            new Span<float>(lastX, Tile).Clear();
            new Span<byte>(last, 4 * Tile).Clear();
            new ReadOnlySpan<float>(x + (nint)whole * Tile, tail).CopyTo(new Span<float>(lastX, Tile));
            for (int j = 0; j < 4; j++)
                new ReadOnlySpan<byte>(w + j * wStride + (nint)whole * Tile, tail).CopyTo(new Span<byte>(last + j * Tile, Tile));
        }

        byte* w0 = w, w1 = w + wStride, w2 = w1 + wStride, w3 = w2 + wStride;
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default;
        Vector512<byte> largest = Vector512<byte>.Zero;
        bool ordinary = true, everyLine = WeightPrefetch.EveryLine;
        for (int b = 0; b < whole + (tail > 0 ? 1 : 0); b++)
        {
            if (b == whole)
            {
                x = lastX;
                w0 = last;
                w1 = last + Tile;
                w2 = last + 2 * Tile;
                w3 = last + 3 * Tile;
            }

            if (!everyLine)
            {
                WeightPrefetch.NextPage(w0);
                WeightPrefetch.NextPage(w1);
                WeightPrefetch.NextPage(w2);
                WeightPrefetch.NextPage(w3);
            }

            float s0 = scales[0][b], s1 = scales[1][b], s2 = scales[2][b], s3 = scales[3][b];
            ordinary &= MathF.Abs(s0) < LargeScale && MathF.Abs(s1) < LargeScale && MathF.Abs(s2) < LargeScale && MathF.Abs(s3) < LargeScale;
            Vector512<float> f0 = Vector512.Create(s0 * Rebias), f1 = Vector512.Create(s1 * Rebias), f2 = Vector512.Create(s2 * Rebias), f3 = Vector512.Create(s3 * Rebias);
            for (int half = 0; half < 2; half++)
            {
                if (everyLine)
                {
                    WeightPrefetch.Ahead(w0);
                    WeightPrefetch.Ahead(w1);
                    WeightPrefetch.Ahead(w2);
                    WeightPrefetch.Ahead(w3);
                }

                largest = Vector512.Max(Vector512.Max(Magnitudes(w0), Magnitudes(w1)), Vector512.Max(Vector512.Max(Magnitudes(w2), Magnitudes(w3)), largest));
                // Written out, with the registers of sums across all blocks: a loop here takes an eighth longer.
                Add(x, w0, f0, w1, f1, w2, f2, w3, f3, ref a0, ref a1, ref a2, ref a3);
                Add(x + 16, w0 + 16, f0, w1 + 16, f1, w2 + 16, f2, w3 + 16, f3, ref a0, ref a1, ref a2, ref a3);
                Add(x + 32, w0 + 32, f0, w1 + 32, f1, w2 + 32, f2, w3 + 32, f3, ref a0, ref a1, ref a2, ref a3);
                Add(x + 48, w0 + 48, f0, w1 + 48, f1, w2 + 48, f2, w3 + 48, f3, ref a0, ref a1, ref a2, ref a3);
                x += 64;
                w0 += 64;
                w1 += 64;
                w2 += 64;
                w3 += 64;
            }
        }

        if (!ordinary || Vector512.EqualsAny(largest, Vector512.Create((byte)0x7F)))
            return false;
        LinearTiles512.Fold4(a0, a1, a2, a3, y, yStride);
        return true;
    }

    /// <summary>Sixteen columns of four rows onto their lanes.</summary>
    [MethodImpl(Always)]
    private static void Add(
        float* x, byte* w0, Vector512<float> f0, byte* w1, Vector512<float> f1, byte* w2, Vector512<float> f2, byte* w3, Vector512<float> f3,
        ref Vector512<float> a0, ref Vector512<float> a1, ref Vector512<float> a2, ref Vector512<float> a3)
    {
        Vector512<float> a = Vector512.Load(x);
        a0 = Vector512.FusedMultiplyAdd(a, Scaled(w0) * f0, a0);
        a1 = Vector512.FusedMultiplyAdd(a, Scaled(w1) * f1, a1);
        a2 = Vector512.FusedMultiplyAdd(a, Scaled(w2) * f2, a2);
        a3 = Vector512.FusedMultiplyAdd(a, Scaled(w3) * f3, a3);
    }

    [MethodImpl(Always)]
    private static Vector512<byte> Magnitudes(byte* codes) => Vector512.Load(codes) & Vector512.Create((byte)0x7F);

    /// <summary>Sixteen codes as values times 2^-120.</summary>
    [MethodImpl(Always)]
    private static Vector512<float> Scaled(byte* codes) =>
        (Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)codes)), 20) & Vector512.Create(unchecked((int)0x87FFFFFF))).AsSingle();
}
