using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>One row of x against rows of the weight that lie far apart, in 512-bit registers: what streams from memory is read in as many places as draw most.</summary>
/// <remarks>
/// Two orders of asking, by what <see cref="WeightPrefetch.EveryLine"/> says of the processor. Every line a kilobyte ahead of itself; or one hint a page ahead for every half
/// kilobyte, and the processor runs ahead by itself. No order of asking and none of reading changes a bit: each output has its own sixteen lanes.
/// </remarks>
internal static unsafe class LinearRows512
{
    // Values of x that fill three eighths of the first-level cache (32 KiB) of processors that are asked by pages.
    private const int LongRow = 12 * 1024 / sizeof(float);

    /// <summary>
    /// How many regions of the weight a row reads side by side. Eight where x, twice as long in bytes as a row, would leave a first-level cache of 32 KiB between two rows: then
    /// each of its lines serves eight.
    /// </summary>
    public static int Regions<TCodes>(int K, bool everyLine) where TCodes : struct, IWeightCodes => !everyLine && TCodes.Bytes < sizeof(float) && K > LongRow ? 8 : 4;

    /// <summary>y_j = Σ_k x_k w_{j,k} for as many rows as <paramref name="regions"/> says, wStride bytes apart, y_j at y + j·yStride.</summary>
    public static void Row<TCodes>(float* x, byte* w, nint wStride, int K, int regions, bool everyLine, float* y, nint yStride) where TCodes : struct, IWeightCodes
    {
        if (everyLine && regions == 4)
            ByLines<TCodes>(x, w, wStride, K, y, yStride);
        else
            ByPages<TCodes>(x, w, wStride, K, regions, y, yStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ByLines<TCodes>(float* x, byte* w, nint wStride, int K, float* y, nint yStride) where TCodes : struct, IWeightCodes
    {
        byte* w1 = w + wStride, w2 = w1 + wStride, w3 = w2 + wStride;
        Vector512<float> s0 = Vector512<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        int line = WeightPrefetch.LineBytes / TCodes.Bytes;
        nint k = 0;
        for (; k <= K - line; k += line)
        {
            WeightPrefetch.Ahead(w + k * TCodes.Bytes);
            WeightPrefetch.Ahead(w1 + k * TCodes.Bytes);
            WeightPrefetch.Ahead(w2 + k * TCodes.Bytes);
            WeightPrefetch.Ahead(w3 + k * TCodes.Bytes);
            Step<TCodes>(x, w, w1, w2, w3, k, ref s0, ref s1, ref s2, ref s3);
            if (TCodes.Bytes < sizeof(float))
                Step<TCodes>(x, w, w1, w2, w3, k + 16, ref s0, ref s1, ref s2, ref s3);
        }

        for (; k <= K - 16; k += 16)
            Step<TCodes>(x, w, w1, w2, w3, k, ref s0, ref s1, ref s2, ref s3);
        int tail = (int)(K - k);
        if (tail > 0)
            Tail<TCodes>(LaneTails.LoadPartial<Lanes512>(ref x[k], tail).V, w, wStride, k, tail, ref s0, ref s1, ref s2, ref s3);
        LinearTiles512.Fold4(s0, s1, s2, s3, y, yStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ByPages<TCodes>(float* x, byte* w, nint wStride, int K, int regions, float* y, nint yStride) where TCodes : struct, IWeightCodes
    {
        Vector512<float> zero = Vector512<float>.Zero;
        Vector512<float> s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
        byte* far = w + 4 * wStride;
        bool eight = regions == 8;
        int whole = K & ~15;
        int block = WeightPrefetch.BlockBytes / TCodes.Bytes;
        for (int from = 0; from < whole; from += block)
        {
            int to = Math.Min(whole, from + block);
            // Written twice, so that what is passing is a constant of each inner loop.
            if (eight)
            {
                Block<TCodes>(x, w, wStride, from, to, passing: true, ref s0, ref s1, ref s2, ref s3);
                Block<TCodes>(x, far, wStride, from, to, passing: true, ref s4, ref s5, ref s6, ref s7);
            }
            else
            {
                Block<TCodes>(x, w, wStride, from, to, passing: false, ref s0, ref s1, ref s2, ref s3);
            }
        }

        int tail = K - whole;
        if (tail > 0)
        {
            Vector512<float> a = LaneTails.LoadPartial<Lanes512>(ref x[whole], tail).V;
            Tail<TCodes>(a, w, wStride, whole, tail, ref s0, ref s1, ref s2, ref s3);
            if (eight)
                Tail<TCodes>(a, far, wStride, whole, tail, ref s4, ref s5, ref s6, ref s7);
        }

        LinearTiles512.Fold4(s0, s1, s2, s3, y, yStride);
        if (eight)
            LinearTiles512.Fold4(s4, s5, s6, s7, y + 4 * yStride, yStride);
    }

    /// <summary>x_k w_{j,k} for four rows and from &lt;= k &lt; to, line by line; the block a page further on is asked for first. What is passing leaves room in the caches for x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block<TCodes>(
        float* x, byte* w, nint wStride, nint from, nint to, bool passing,
        ref Vector512<float> s0, ref Vector512<float> s1, ref Vector512<float> s2, ref Vector512<float> s3)
        where TCodes : struct, IWeightCodes
    {
        byte* w1 = w + wStride, w2 = w1 + wStride, w3 = w2 + wStride;
        nint at = from * TCodes.Bytes;
        WeightPrefetch.NextPage(w + at);
        WeightPrefetch.NextPage(w1 + at);
        WeightPrefetch.NextPage(w2 + at);
        WeightPrefetch.NextPage(w3 + at);
        Vector512<float> t0 = s0, t1 = s1, t2 = s2, t3 = s3;
        for (nint k = from; k < to; k += 16)
        {
            if (passing)
            {
                WeightPrefetch.Passing(w + k * TCodes.Bytes);
                WeightPrefetch.Passing(w1 + k * TCodes.Bytes);
                WeightPrefetch.Passing(w2 + k * TCodes.Bytes);
                WeightPrefetch.Passing(w3 + k * TCodes.Bytes);
            }

            Step<TCodes>(x, w, w1, w2, w3, k, ref t0, ref t1, ref t2, ref t3);
        }

        (s0, s1, s2, s3) = (t0, t1, t2, t3);
    }

    /// <summary>Sixteen columns of four rows onto their lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<TCodes>(
        float* x, byte* w0, byte* w1, byte* w2, byte* w3, nint k,
        ref Vector512<float> s0, ref Vector512<float> s1, ref Vector512<float> s2, ref Vector512<float> s3)
        where TCodes : struct, IWeightCodes
    {
        Vector512<float> a = Vector512.Load(x + k);
        s0 = Vector512.FusedMultiplyAdd(a, TCodes.Load512(w0, k), s0);
        s1 = Vector512.FusedMultiplyAdd(a, TCodes.Load512(w1, k), s1);
        s2 = Vector512.FusedMultiplyAdd(a, TCodes.Load512(w2, k), s2);
        s3 = Vector512.FusedMultiplyAdd(a, TCodes.Load512(w3, k), s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Tail<TCodes>(
        Vector512<float> a, byte* w, nint wStride, nint k, int tail, ref Vector512<float> s0, ref Vector512<float> s1, ref Vector512<float> s2, ref Vector512<float> s3)
        where TCodes : struct, IWeightCodes
    {
        s0 = Vector512.FusedMultiplyAdd(a, TCodes.LoadTail<Lanes512>(w, k, tail).V, s0);
        s1 = Vector512.FusedMultiplyAdd(a, TCodes.LoadTail<Lanes512>(w + wStride, k, tail).V, s1);
        s2 = Vector512.FusedMultiplyAdd(a, TCodes.LoadTail<Lanes512>(w + 2 * wStride, k, tail).V, s2);
        s3 = Vector512.FusedMultiplyAdd(a, TCodes.LoadTail<Lanes512>(w + 3 * wStride, k, tail).V, s3);
    }
}
