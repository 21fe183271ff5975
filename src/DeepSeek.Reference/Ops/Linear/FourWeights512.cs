using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Four rows of x, each with a weight of its own: what one token's experts multiply, four of them side by side.</summary>
/// <remarks>
/// Memory is read in four places, as <see cref="LinearRows512"/> reads one weight, but each is a whole weight: the run that the processor follows begins anew once, not four times.
/// Worth it where the rows of x leave the first-level cache to the weights: short ones, or one and the same. Each output has its own sixteen lanes, so no bit depends on it.
/// </remarks>
internal static unsafe class FourWeights512
{
    // Values of four rows of x that together fill a twelfth of the first-level cache. Four rows of 1024 values were a twelfth slower than one.
    private const int ShortRows = 1024;

    /// <summary>Whether four rows of x, xStride values apart, are read this way; equal rows are read as one, and xStride becomes 0.</summary>
    public static bool Suits(float* x, int K, ref nint xStride) => Isa.Has512 && WeightPrefetch.EveryLine && SuitCodes(x, K, ref xStride);

    /// <summary>The same for weights whose decoding, not memory, decides how they are read.</summary>
    public static bool SuitCodes(float* x, int K, ref nint xStride)
    {
        if (4 * (long)K <= ShortRows)
            return Isa.Has512;
        if (!Isa.Has512 || !OneRow(x, K, xStride))
            return false;
        xStride = 0;
        return true;
    }

    private static bool OneRow(float* x, int K, nint xStride)
    {
        // Bits, of which the longest row still has as many words as a span holds.
        var first = new ReadOnlySpan<int>(x, K);
        for (int i = 1; i < 4; i++)
        {
            if (!first.SequenceEqual(new ReadOnlySpan<int>(x + i * xStride, K)))
                return false;
        }

        return true;
    }

    /// <summary>y_{i,n} = Σ_k x_{i,k} w_{i,n,k} in sixteen lanes (rule N6) for i &lt; 4, n0 &lt;= n &lt; n1.</summary>
    /// <param name="x">x_{0,0}.</param>
    /// <param name="xStride">Values from row to row of x.</param>
    /// <param name="w">The first byte of each weight, whose rows follow each other.</param>
    /// <param name="n0">The first output.</param>
    /// <param name="n1">Where outputs end.</param>
    /// <param name="K">Terms.</param>
    /// <param name="y">y_{0,0}.</param>
    /// <param name="yStride">Values from row to row of y.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows<TCodes>(float* x, nint xStride, byte** w, int n0, int n1, int K, float* y, nint yStride) where TCodes : struct, IWeightCodes
    {
        nint rowBytes = (nint)K * TCodes.Bytes;
        byte* w0 = w[0] + n0 * rowBytes, w1 = w[1] + n0 * rowBytes, w2 = w[2] + n0 * rowBytes, w3 = w[3] + n0 * rowBytes;
        float* x1 = x + xStride, x2 = x1 + xStride, x3 = x2 + xStride;
        int line = WeightPrefetch.LineBytes / TCodes.Bytes;
        for (int n = n0; n < n1; n++)
        {
            Vector512<float> s0 = Vector512<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
            nint k = 0;
            for (; k <= K - 16; k += 16)
            {
                if (line == 16 || (k & 16) == 0)
                {
                    WeightPrefetch.Ahead(w0 + k * TCodes.Bytes);
                    WeightPrefetch.Ahead(w1 + k * TCodes.Bytes);
                    WeightPrefetch.Ahead(w2 + k * TCodes.Bytes);
                    WeightPrefetch.Ahead(w3 + k * TCodes.Bytes);
                }

                s0 = Vector512.FusedMultiplyAdd(Vector512.Load(x + k), TCodes.Load512(w0, k), s0);
                s1 = Vector512.FusedMultiplyAdd(Vector512.Load(x1 + k), TCodes.Load512(w1, k), s1);
                s2 = Vector512.FusedMultiplyAdd(Vector512.Load(x2 + k), TCodes.Load512(w2, k), s2);
                s3 = Vector512.FusedMultiplyAdd(Vector512.Load(x3 + k), TCodes.Load512(w3, k), s3);
            }

            int tail = (int)(K - k);
            if (tail > 0)
            {
                s0 = Tail<TCodes>(x, w0, k, tail, s0);
                s1 = Tail<TCodes>(x1, w1, k, tail, s1);
                s2 = Tail<TCodes>(x2, w2, k, tail, s2);
                s3 = Tail<TCodes>(x3, w3, k, tail, s3);
            }

            LinearTiles512.Fold4(s0, s1, s2, s3, y + n, yStride);
            w0 += rowBytes;
            w1 += rowBytes;
            w2 += rowBytes;
            w3 += rowBytes;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Tail<TCodes>(float* x, byte* w, nint k, int tail, Vector512<float> sum) where TCodes : struct, IWeightCodes =>
        Vector512.FusedMultiplyAdd(LaneTails.LoadPartial<Lanes512>(ref x[k], tail).V, TCodes.LoadTail<Lanes512>(w, k, tail).V, sum);
}
