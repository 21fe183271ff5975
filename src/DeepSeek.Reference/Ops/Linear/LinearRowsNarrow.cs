using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>One row of x against rows of the weight that lie far apart, for 256-bit and 128-bit registers: the narrow counterpart of <see cref="LinearRows512"/>.</summary>
internal static unsafe class LinearRowsNarrow<T> where T : struct, ILanes<T>
{
    /// <summary>Four rows, every line asked for ahead of itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Four<TCodes>(float* x, byte* w, nint wStride, int K, float* y, nint yStride) where TCodes : struct, IWeightCodes
    {
        byte* w1 = w + wStride, w2 = w1 + wStride, w3 = w2 + wStride;
        T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
        int line = WeightPrefetch.LineBytes / TCodes.Bytes;
        nint k = 0;
        for (; k <= K - line; k += line)
        {
            WeightPrefetch.Ahead(w + k * TCodes.Bytes);
            WeightPrefetch.Ahead(w1 + k * TCodes.Bytes);
            WeightPrefetch.Ahead(w2 + k * TCodes.Bytes);
            WeightPrefetch.Ahead(w3 + k * TCodes.Bytes);
            for (nint i = k; i < k + line; i += 16)
                Step<TCodes>(x, w, w1, w2, w3, i, ref s0, ref s1, ref s2, ref s3);
        }

        for (; k <= K - 16; k += 16)
            Step<TCodes>(x, w, w1, w2, w3, k, ref s0, ref s1, ref s2, ref s3);
        int tail = (int)(K - k);
        if (tail > 0)
        {
            T a = LaneTails.LoadPartial<T>(ref x[k], tail);
            s0 = T.Fma(a, TCodes.LoadTail<T>(w, k, tail), s0);
            s1 = T.Fma(a, TCodes.LoadTail<T>(w1, k, tail), s1);
            s2 = T.Fma(a, TCodes.LoadTail<T>(w2, k, tail), s2);
            s3 = T.Fma(a, TCodes.LoadTail<T>(w3, k, tail), s3);
        }

        y[0] = T.Fold(s0);
        y[yStride] = T.Fold(s1);
        y[2 * yStride] = T.Fold(s2);
        y[3 * yStride] = T.Fold(s3);
    }

    /// <summary>Sixteen columns of four rows onto their lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<TCodes>(float* x, byte* w0, byte* w1, byte* w2, byte* w3, nint k, ref T s0, ref T s1, ref T s2, ref T s3) where TCodes : struct, IWeightCodes
    {
        T a = T.Load(ref x[k]);
        s0 = T.Fma(a, TCodes.Load<T>(w0, k), s0);
        s1 = T.Fma(a, TCodes.Load<T>(w1, k), s1);
        s2 = T.Fma(a, TCodes.Load<T>(w2, k), s2);
        s3 = T.Fma(a, TCodes.Load<T>(w3, k), s3);
    }

    /// <summary>Two rows, asked for by the page, or not at all where hints are by the line: two streams the processor follows by itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Two<TCodes>(float* x, byte* w, nint wStride, int K, bool everyLine, float* y, nint yStride) where TCodes : struct, IWeightCodes
    {
        byte* w1 = w + wStride;
        T s0 = T.Zero;
        T s1 = T.Zero;
        nint whole = K & ~15;
        nint block = WeightPrefetch.BlockBytes / TCodes.Bytes;
        for (nint from = 0; from < whole; from += block)
        {
            if (!everyLine)
            {
                WeightPrefetch.NextPage(w + from * TCodes.Bytes);
                WeightPrefetch.NextPage(w1 + from * TCodes.Bytes);
            }

            nint to = Math.Min(whole, from + block);
            for (nint k = from; k < to; k += 16)
            {
                T a = T.Load(ref x[k]);
                s0 = T.Fma(a, TCodes.Load<T>(w, k), s0);
                s1 = T.Fma(a, TCodes.Load<T>(w1, k), s1);
            }
        }

        int tail = (int)(K - whole);
        if (tail > 0)
        {
            T a = LaneTails.LoadPartial<T>(ref x[whole], tail);
            s0 = T.Fma(a, TCodes.LoadTail<T>(w, whole, tail), s0);
            s1 = T.Fma(a, TCodes.LoadTail<T>(w1, whole, tail), s1);
        }

        y[0] = T.Fold(s0);
        y[yStride] = T.Fold(s1);
    }
}
