using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Tiles of four by four outputs in 512-bit registers: one register of sixteen lanes an output, folded together at the end.</summary>
/// <remarks>
/// A step does 16 fma for 8 loads, with both operands contiguous along k, so weights need no packing. Lanes may start from and end in scratch,
/// unfolded: blocking over k changes no bit.
/// </remarks>
internal unsafe partial struct LinearTiles512 : ILinearTiles
{
    public static int Rows => 4;

    public static int Columns => 4;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tile(float* x, nint xStride, float* w, nint wStride, int count, float* lanes, bool first, bool last, float* y, nint yStride)
    {
        float* x0 = x;
        float* x1 = x0 + xStride;
        float* x2 = x1 + xStride;
        float* x3 = x2 + xStride;
        float* w0 = w;
        float* w1 = w0 + wStride;
        float* w2 = w1 + wStride;
        float* w3 = w2 + wStride;
        Vector512<float> zero = Vector512<float>.Zero;
        Vector512<float> s00 = zero, s01 = zero, s02 = zero, s03 = zero;
        Vector512<float> s10 = zero, s11 = zero, s12 = zero, s13 = zero;
        Vector512<float> s20 = zero, s21 = zero, s22 = zero, s23 = zero;
        Vector512<float> s30 = zero, s31 = zero, s32 = zero, s33 = zero;
        if (!first)
        {
            s00 = Vector512.Load(lanes + 0);
            s01 = Vector512.Load(lanes + 16);
            s02 = Vector512.Load(lanes + 32);
            s03 = Vector512.Load(lanes + 48);
            s10 = Vector512.Load(lanes + 64);
            s11 = Vector512.Load(lanes + 80);
            s12 = Vector512.Load(lanes + 96);
            s13 = Vector512.Load(lanes + 112);
            s20 = Vector512.Load(lanes + 128);
            s21 = Vector512.Load(lanes + 144);
            s22 = Vector512.Load(lanes + 160);
            s23 = Vector512.Load(lanes + 176);
            s30 = Vector512.Load(lanes + 192);
            s31 = Vector512.Load(lanes + 208);
            s32 = Vector512.Load(lanes + 224);
            s33 = Vector512.Load(lanes + 240);
        }

        nint k = 0;
        for (; k <= count - 16; k += 16)
        {
            Vector512<float> b0 = Vector512.Load(w0 + k);
            Vector512<float> b1 = Vector512.Load(w1 + k);
            Vector512<float> b2 = Vector512.Load(w2 + k);
            Vector512<float> b3 = Vector512.Load(w3 + k);
            Vector512<float> a = Vector512.Load(x0 + k);
            s00 = Vector512.FusedMultiplyAdd(a, b0, s00);
            s01 = Vector512.FusedMultiplyAdd(a, b1, s01);
            s02 = Vector512.FusedMultiplyAdd(a, b2, s02);
            s03 = Vector512.FusedMultiplyAdd(a, b3, s03);
            a = Vector512.Load(x1 + k);
            s10 = Vector512.FusedMultiplyAdd(a, b0, s10);
            s11 = Vector512.FusedMultiplyAdd(a, b1, s11);
            s12 = Vector512.FusedMultiplyAdd(a, b2, s12);
            s13 = Vector512.FusedMultiplyAdd(a, b3, s13);
            a = Vector512.Load(x2 + k);
            s20 = Vector512.FusedMultiplyAdd(a, b0, s20);
            s21 = Vector512.FusedMultiplyAdd(a, b1, s21);
            s22 = Vector512.FusedMultiplyAdd(a, b2, s22);
            s23 = Vector512.FusedMultiplyAdd(a, b3, s23);
            a = Vector512.Load(x3 + k);
            s30 = Vector512.FusedMultiplyAdd(a, b0, s30);
            s31 = Vector512.FusedMultiplyAdd(a, b1, s31);
            s32 = Vector512.FusedMultiplyAdd(a, b2, s32);
            s33 = Vector512.FusedMultiplyAdd(a, b3, s33);
        }

        int tail = (int)(count - k);
        if (tail > 0)
        {
            Vector512<float> b0 = LaneTails.LoadPartial<Lanes512>(ref w0[k], tail).V;
            Vector512<float> b1 = LaneTails.LoadPartial<Lanes512>(ref w1[k], tail).V;
            Vector512<float> b2 = LaneTails.LoadPartial<Lanes512>(ref w2[k], tail).V;
            Vector512<float> b3 = LaneTails.LoadPartial<Lanes512>(ref w3[k], tail).V;
            Vector512<float> a = LaneTails.LoadPartial<Lanes512>(ref x0[k], tail).V;
            s00 = Vector512.FusedMultiplyAdd(a, b0, s00);
            s01 = Vector512.FusedMultiplyAdd(a, b1, s01);
            s02 = Vector512.FusedMultiplyAdd(a, b2, s02);
            s03 = Vector512.FusedMultiplyAdd(a, b3, s03);
            a = LaneTails.LoadPartial<Lanes512>(ref x1[k], tail).V;
            s10 = Vector512.FusedMultiplyAdd(a, b0, s10);
            s11 = Vector512.FusedMultiplyAdd(a, b1, s11);
            s12 = Vector512.FusedMultiplyAdd(a, b2, s12);
            s13 = Vector512.FusedMultiplyAdd(a, b3, s13);
            a = LaneTails.LoadPartial<Lanes512>(ref x2[k], tail).V;
            s20 = Vector512.FusedMultiplyAdd(a, b0, s20);
            s21 = Vector512.FusedMultiplyAdd(a, b1, s21);
            s22 = Vector512.FusedMultiplyAdd(a, b2, s22);
            s23 = Vector512.FusedMultiplyAdd(a, b3, s23);
            a = LaneTails.LoadPartial<Lanes512>(ref x3[k], tail).V;
            s30 = Vector512.FusedMultiplyAdd(a, b0, s30);
            s31 = Vector512.FusedMultiplyAdd(a, b1, s31);
            s32 = Vector512.FusedMultiplyAdd(a, b2, s32);
            s33 = Vector512.FusedMultiplyAdd(a, b3, s33);
        }

        if (!last)
        {
            s00.Store(lanes + 0);
            s01.Store(lanes + 16);
            s02.Store(lanes + 32);
            s03.Store(lanes + 48);
            s10.Store(lanes + 64);
            s11.Store(lanes + 80);
            s12.Store(lanes + 96);
            s13.Store(lanes + 112);
            s20.Store(lanes + 128);
            s21.Store(lanes + 144);
            s22.Store(lanes + 160);
            s23.Store(lanes + 176);
            s30.Store(lanes + 192);
            s31.Store(lanes + 208);
            s32.Store(lanes + 224);
            s33.Store(lanes + 240);
            return;
        }

        Fold16(
            s00, s01, s02, s03,
            s10, s11, s12, s13,
            s20, s21, s22, s23,
            s30, s31, s32, s33,
            y, yStride);
    }

    /// <inheritdoc/>
    public static int Regions<TCodes>(int K) where TCodes : struct, IWeightCodes => LinearRows512.Regions<TCodes>(K, WeightPrefetch.EveryLine);

    /// <inheritdoc/>
    public static void Row<TCodes>(float* x, byte* w, nint wStride, int K, int regions, float* y, nint yStride) where TCodes : struct, IWeightCodes =>
        LinearRows512.Row<TCodes>(x, w, wStride, K, regions, WeightPrefetch.EveryLine, y, yStride);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot<TCodes>(float* x, byte* w, int K) where TCodes : struct, IWeightCodes => LaneDot.Dot<Lanes512, TCodes>(x, w, K);

    /// <summary>The folds of sixteen registers of lanes (rule N6), stored as four rows: 45 operations instead of sixteen times twelve.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fold16(
        Vector512<float> s00, Vector512<float> s01, Vector512<float> s02, Vector512<float> s03,
        Vector512<float> s10, Vector512<float> s11, Vector512<float> s12, Vector512<float> s13,
        Vector512<float> s20, Vector512<float> s21, Vector512<float> s22, Vector512<float> s23,
        Vector512<float> s30, Vector512<float> s31, Vector512<float> s32, Vector512<float> s33,
        float* y, nint yStride)
    {
        // Column-wise, so that block i of the result is row i of the tile.
        Vector512<float> a = Fold4(s00, s10, s20, s30);
        Vector512<float> b = Fold4(s01, s11, s21, s31);
        Vector512<float> c = Fold4(s02, s12, s22, s32);
        Vector512<float> d = Fold4(s03, s13, s23, s33);
        Vector512<float> ab = HalveTo2(a, b);
        Vector512<float> cd = HalveTo2(c, d);
        Vector512<float> sums = Avx512F.Shuffle(ab, cd, 0x88) + Avx512F.Shuffle(ab, cd, 0xDD) + Vector512<float>.Zero;
        sums.GetLower().GetLower().Store(y);
        sums.GetLower().GetUpper().Store(y + yStride);
        sums.GetUpper().GetLower().Store(y + 2 * yStride);
        sums.GetUpper().GetUpper().Store(y + 3 * yStride);
    }

    /// <summary>h = 8, then h = 4 for four registers: block i of the result holds the four remaining lanes of register i.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Fold4(Vector512<float> s0, Vector512<float> s1, Vector512<float> s2, Vector512<float> s3)
    {
        Vector512<float> p = Avx512F.Shuffle4x128(s0, s1, 0x44) + Avx512F.Shuffle4x128(s0, s1, 0xEE);
        Vector512<float> q = Avx512F.Shuffle4x128(s2, s3, 0x44) + Avx512F.Shuffle4x128(s2, s3, 0xEE);
        return Avx512F.Shuffle4x128(p, q, 0x88) + Avx512F.Shuffle4x128(p, q, 0xDD);
    }

    /// <summary>The whole folds of four registers, stored a stride apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Fold4(Vector512<float> s0, Vector512<float> s1, Vector512<float> s2, Vector512<float> s3, float* y, nint yStride)
    {
        Vector512<float> sums = Sums(s0, s1, s2, s3);
        y[0] = sums.GetElement(0);
        y[yStride] = sums.GetElement(4);
        y[2 * yStride] = sums.GetElement(8);
        y[3 * yStride] = sums.GetElement(12);
    }

    /// <summary>The whole folds of four registers, stored side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Fold4(Vector512<float> s0, Vector512<float> s1, Vector512<float> s2, Vector512<float> s3, float* y) =>
        Avx512F.PermuteVar16x32(Sums(s0, s1, s2, s3), Vector512.Create(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12)).GetLower().GetLower().Store(y);

    /// <summary>The whole folds of four registers: output b in each element of block b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Sums(Vector512<float> s0, Vector512<float> s1, Vector512<float> s2, Vector512<float> s3)
    {
        Vector512<float> lower = Fold4(s0, s1, s2, s3);
        Vector512<float> pairs = HalveTo2(lower, lower);
        return Avx512F.Shuffle(pairs, pairs, 0x88) + Avx512F.Shuffle(pairs, pairs, 0xDD) + Vector512<float>.Zero;
    }

    /// <summary>h = 2 for two registers of blocks: each block of the result holds two lanes of a, then two of b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> HalveTo2(Vector512<float> a, Vector512<float> b) =>
        Avx512F.UnpackLow(a.AsDouble(), b.AsDouble()).AsSingle() + Avx512F.UnpackHigh(a.AsDouble(), b.AsDouble()).AsSingle();
}
