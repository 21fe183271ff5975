using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>
/// Six by four outputs: 24 fma for 10 loads. Six rows of x stay in the first-level cache while a panel of the weight runs past them, 21 bytes a cycle from the second-level cache
/// at the peak of two fma a cycle; four rows that run past four rows of the weight take 32.
/// </remarks>
internal unsafe partial struct LinearTiles512
{
    public static int Tall => 6;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TallTile(float* x, nint xStride, float* w, nint wStride, int count, float* lanes, bool first, bool last, float* y, nint yStride)
    {
        float* x0 = x, x1 = x0 + xStride, x2 = x1 + xStride, x3 = x2 + xStride, x4 = x3 + xStride, x5 = x4 + xStride;
        float* w0 = w, w1 = w0 + wStride, w2 = w1 + wStride, w3 = w2 + wStride;
        Vector512<float> zero = Vector512<float>.Zero;
        Vector512<float> s00 = zero, s01 = zero, s02 = zero, s03 = zero;
        Vector512<float> s10 = zero, s11 = zero, s12 = zero, s13 = zero;
        Vector512<float> s20 = zero, s21 = zero, s22 = zero, s23 = zero;
        Vector512<float> s30 = zero, s31 = zero, s32 = zero, s33 = zero;
        Vector512<float> s40 = zero, s41 = zero, s42 = zero, s43 = zero;
        Vector512<float> s50 = zero, s51 = zero, s52 = zero, s53 = zero;
        if (!first)
        {
            Load(lanes + 0, out s00, out s01, out s02, out s03);
            Load(lanes + 64, out s10, out s11, out s12, out s13);
            Load(lanes + 128, out s20, out s21, out s22, out s23);
            Load(lanes + 192, out s30, out s31, out s32, out s33);
            Load(lanes + 256, out s40, out s41, out s42, out s43);
            Load(lanes + 320, out s50, out s51, out s52, out s53);
        }

        nint k = 0;
        for (; k <= count - 16; k += 16)
        {
            Vector512<float> b0 = Vector512.Load(w0 + k), b1 = Vector512.Load(w1 + k), b2 = Vector512.Load(w2 + k), b3 = Vector512.Load(w3 + k);
            Add(Vector512.Load(x0 + k), b0, b1, b2, b3, ref s00, ref s01, ref s02, ref s03);
            Add(Vector512.Load(x1 + k), b0, b1, b2, b3, ref s10, ref s11, ref s12, ref s13);
            Add(Vector512.Load(x2 + k), b0, b1, b2, b3, ref s20, ref s21, ref s22, ref s23);
            Add(Vector512.Load(x3 + k), b0, b1, b2, b3, ref s30, ref s31, ref s32, ref s33);
            Add(Vector512.Load(x4 + k), b0, b1, b2, b3, ref s40, ref s41, ref s42, ref s43);
            Add(Vector512.Load(x5 + k), b0, b1, b2, b3, ref s50, ref s51, ref s52, ref s53);
        }

        int tail = (int)(count - k);
        if (tail > 0)
        {
            Vector512<float> b0 = Partial(w0 + k, tail), b1 = Partial(w1 + k, tail), b2 = Partial(w2 + k, tail), b3 = Partial(w3 + k, tail);
            Add(Partial(x0 + k, tail), b0, b1, b2, b3, ref s00, ref s01, ref s02, ref s03);
            Add(Partial(x1 + k, tail), b0, b1, b2, b3, ref s10, ref s11, ref s12, ref s13);
            Add(Partial(x2 + k, tail), b0, b1, b2, b3, ref s20, ref s21, ref s22, ref s23);
            Add(Partial(x3 + k, tail), b0, b1, b2, b3, ref s30, ref s31, ref s32, ref s33);
            Add(Partial(x4 + k, tail), b0, b1, b2, b3, ref s40, ref s41, ref s42, ref s43);
            Add(Partial(x5 + k, tail), b0, b1, b2, b3, ref s50, ref s51, ref s52, ref s53);
        }

        if (last)
        {
            Fold4(s00, s01, s02, s03, y);
            Fold4(s10, s11, s12, s13, y + yStride);
            Fold4(s20, s21, s22, s23, y + 2 * yStride);
            Fold4(s30, s31, s32, s33, y + 3 * yStride);
            Fold4(s40, s41, s42, s43, y + 4 * yStride);
            Fold4(s50, s51, s52, s53, y + 5 * yStride);
            return;
        }

        Store(lanes + 0, s00, s01, s02, s03);
        Store(lanes + 64, s10, s11, s12, s13);
        Store(lanes + 128, s20, s21, s22, s23);
        Store(lanes + 192, s30, s31, s32, s33);
        Store(lanes + 256, s40, s41, s42, s43);
        Store(lanes + 320, s50, s51, s52, s53);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        Vector512<float> a, Vector512<float> b0, Vector512<float> b1, Vector512<float> b2, Vector512<float> b3,
        ref Vector512<float> s0, ref Vector512<float> s1, ref Vector512<float> s2, ref Vector512<float> s3)
    {
        s0 = Vector512.FusedMultiplyAdd(a, b0, s0);
        s1 = Vector512.FusedMultiplyAdd(a, b1, s1);
        s2 = Vector512.FusedMultiplyAdd(a, b2, s2);
        s3 = Vector512.FusedMultiplyAdd(a, b3, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Partial(float* from, int count) => LaneTails.LoadPartial<Lanes512>(ref *from, count).V;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(float* lanes, out Vector512<float> s0, out Vector512<float> s1, out Vector512<float> s2, out Vector512<float> s3)
    {
        s0 = Vector512.Load(lanes);
        s1 = Vector512.Load(lanes + 16);
        s2 = Vector512.Load(lanes + 32);
        s3 = Vector512.Load(lanes + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* lanes, Vector512<float> s0, Vector512<float> s1, Vector512<float> s2, Vector512<float> s3)
    {
        s0.Store(lanes);
        s1.Store(lanes + 16);
        s2.Store(lanes + 32);
        s3.Store(lanes + 48);
    }
}
