using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>
/// Fewer rows than a tile, C_{m,n} = Lanes16_k A_{m,k} B_{k,n} as above: <see cref="MultiplyFewRows"/> of any lengths, its accumulators in scratch, and <see cref="MultiplyRow"/> of one
/// row and few terms, its accumulators in registers, and <see cref="MultiplyRowOfCodes"/> with E4M3 codes likewise. Both add the terms of each lane in the order of k and fold by rule N6.
/// </remarks>
internal static partial class ResidueProduct
{
    /// <summary>Columns that <see cref="MultiplyRow"/> follows together.</summary>
    public const int RowColumns = 64;

    /// <summary>Fewer rows than a tile: B is read once, in the order it lies in; the sixteen accumulators of a column are in scratch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void MultiplyFewRows<T, E>(
        ref float a, nint aStride, int M, ref E b, nint bStride, int readable, int K, int N, ref float c, nint cStride, ref float scratch)
        where T : struct, ILanes<T> where E : unmanaged
    {
        int tile = Math.Min(RowTile * Wide / Math.Max(M, 1) & ~15, Math.Max(16, N + 15 & ~15));
        for (int n = 0; n < N; n += tile)
        {
            int width = Math.Min(tile, N - n);
            int whole = Math.Min(width, (readable - n) & ~15);
            MemoryMarshal.CreateSpan(ref scratch, 16 * M * tile).Clear();
            ref E row = ref Unsafe.Add(ref b, n);
            for (int k = 0; k < K; k++)
            {
                ref float lane = ref Unsafe.Add(ref scratch, (k & 15) * M * tile);
                for (int i = 0; i < whole; i += WeightPrefetch.LineBytes / sizeof(E))
                    WeightPrefetch.Stream((byte*)Unsafe.AsPointer(ref Unsafe.Add(ref row, i)));
                for (int m = 0; m < M; m++)
                {
                    T x = T.Broadcast(Unsafe.Add(ref a, m * aStride + k));
                    ref float sum = ref Unsafe.Add(ref lane, m * tile);
                    nint i = 0;
                    for (; i < whole; i += 16)
                        T.Store(T.Fma(x, LaneElements.Load<T, E>(ref Unsafe.Add(ref row, i)), T.Load(ref Unsafe.Add(ref sum, i))), ref Unsafe.Add(ref sum, i));
                    if (i < width)
                        T.Store(T.Fma(x, LaneElements.LoadPartial<T, E>(ref Unsafe.Add(ref row, i), readable - n - (int)i), T.Load(ref Unsafe.Add(ref sum, i))), ref Unsafe.Add(ref sum, i));
                }

                row = ref Unsafe.Add(ref row, bStride);
            }

            for (int m = 0; m < M; m++)
                Fold<T>(ref Unsafe.Add(ref scratch, m * tile), M * tile, width, ref Unsafe.Add(ref c, m * cStride + n));
        }
    }

    /// <summary>
    /// c [N] = a [K] B [K, N] for few terms, N a multiple of <see cref="RowColumns"/>, without scratch: sixty-four columns at a time, and of the sixteen residues of k those four that are
    /// folded first, so that their sums stay in registers and each line of B is read once.
    /// </summary>
    /// <param name="a">K values.</param>
    /// <param name="b">B's first value.</param>
    /// <param name="bStride">Distance of B's rows.</param>
    /// <param name="K">Terms.</param>
    /// <param name="N">Columns.</param>
    /// <param name="c">N values.</param>
    /// <param name="next">What is multiplied after this B, in rows of the same distance: asked for meanwhile. Any address.</param>
    public static unsafe void MultiplyRow<E>(float* a, E* b, nint bStride, int K, int N, float* c, E* next) where E : unmanaged
    {
        Debug.Assert(typeof(E) != typeof(byte), "codes have factors: MultiplyRowOfCodes");
        Vector512<byte> none = default;
        float* quarters = stackalloc float[4 * RowColumns];
        for (int n = 0; n < N; n += RowColumns)
        {
            E* ahead = n + RowColumns < N ? b + n + RowColumns : next;
            for (int j = 0; j < 4; j++)
                QuarterOf(a, b + n, bStride, K, j, ahead, null, quarters + j * RowColumns, ref none);
            FoldQuarters(quarters, c + n);
        }
    }

    /// <summary>The same with B_{k,n} = RN32(code_{k,n} · scale); false, and nothing of use in c, where a code is NaN.</summary>
    /// <param name="a">K values.</param>
    /// <param name="codes">The first E4M3 code.</param>
    /// <param name="bStride">Distance of B's rows.</param>
    /// <param name="K">Terms.</param>
    /// <param name="N">Columns.</param>
    /// <param name="c">N values.</param>
    /// <param name="next">What is multiplied after this B.</param>
    /// <param name="factors">scale · 2^120 of every row's first 128 columns, then of the next 128; finite.</param>
    public static unsafe bool MultiplyRowOfCodes(float* a, byte* codes, nint bStride, int K, int N, float* c, byte* next, float* factors)
    {
        Vector512<byte> largest = default;
        float* quarters = stackalloc float[4 * RowColumns];
        for (int n = 0; n < N; n += RowColumns)
        {
            byte* ahead = n + RowColumns < N ? codes + n + RowColumns : next;
            for (int j = 0; j < 4; j++)
                QuarterOf(a, codes + n, bStride, K, j, ahead, factors + (nint)(n / TileGrid.Side) * K, quarters + j * RowColumns, ref largest);
            FoldQuarters(quarters, c + n);
        }

        return !Vector512.EqualsAny(largest, Vector512.Create((byte)0x7F));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void FoldQuarters(float* quarters, float* c)
    {
        for (int i = 0; i < RowColumns; i += 16)
        {
            Vector512<float> even = Vector512.Load(quarters + i) + Vector512.Load(quarters + 2 * RowColumns + i);
            Vector512<float> odd = Vector512.Load(quarters + RowColumns + i) + Vector512.Load(quarters + 3 * RowColumns + i);
            Vector512.Store((even + odd) + Vector512<float>.Zero, c + i);
        }
    }

    /// <summary>(lane_j + lane_{j+8}) + (lane_{j+4} + lane_{j+12}) of sixty-four columns; of E4M3 codes, which are bytes, the largest magnitudes too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void QuarterOf<E>(float* a, E* b, nint bStride, int K, nint j, E* ahead, float* factors, float* quarter, ref Vector512<byte> largest) where E : unmanaged
    {
        Vector512<float> c00 = default, c01 = default, c02 = default, c03 = default, c40 = default, c41 = default, c42 = default, c43 = default;
        Vector512<float> c80 = default, c81 = default, c82 = default, c83 = default, cc0 = default, cc1 = default, cc2 = default, cc3 = default;
        Vector512<byte> seen = largest;
        nint k = j;
        for (; k < K - 12; k += 16)
        {
            Step(a, b, bStride, k, ahead, factors, ref c00, ref c01, ref c02, ref c03, ref seen);
            Step(a, b, bStride, k + 4, ahead, factors, ref c40, ref c41, ref c42, ref c43, ref seen);
            Step(a, b, bStride, k + 8, ahead, factors, ref c80, ref c81, ref c82, ref c83, ref seen);
            Step(a, b, bStride, k + 12, ahead, factors, ref cc0, ref cc1, ref cc2, ref cc3, ref seen);
        }

        if (k < K)
            Step(a, b, bStride, k, ahead, factors, ref c00, ref c01, ref c02, ref c03, ref seen);
        if (k + 4 < K)
            Step(a, b, bStride, k + 4, ahead, factors, ref c40, ref c41, ref c42, ref c43, ref seen);
        if (k + 8 < K)
            Step(a, b, bStride, k + 8, ahead, factors, ref c80, ref c81, ref c82, ref c83, ref seen);
        Vector512.Store((c00 + c80) + (c40 + cc0), quarter);
        Vector512.Store((c01 + c81) + (c41 + cc1), quarter + 16);
        Vector512.Store((c02 + c82) + (c42 + cc2), quarter + 32);
        Vector512.Store((c03 + c83) + (c43 + cc3), quarter + 48);
        largest = seen;
    }

    /// <summary>One term of sixty-four columns; its row of what is next is asked for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void Step<E>(
        float* a, E* b, nint bStride, nint k, E* ahead, float* factors,
        ref Vector512<float> s0, ref Vector512<float> s1, ref Vector512<float> s2, ref Vector512<float> s3, ref Vector512<byte> seen) where E : unmanaged
    {
        E* row = b + k * bStride;
        WeightPrefetch.Near((byte*)(ahead + k * bStride), RowColumns * sizeof(E));
        Vector512<float> x = Vector512.Create(a[k]);
        if (typeof(E) == typeof(byte))
        {
            Vector512<float> f = Vector512.Create(factors[k]);
            seen = Vector512.Max(seen, Float8Rows512.Magnitudes((byte*)row));
            s0 = Vector512.FusedMultiplyAdd(x, Float8Rows512.Scaled((byte*)row) * f, s0);
            s1 = Vector512.FusedMultiplyAdd(x, Float8Rows512.Scaled((byte*)row + 16) * f, s1);
            s2 = Vector512.FusedMultiplyAdd(x, Float8Rows512.Scaled((byte*)row + 32) * f, s2);
            s3 = Vector512.FusedMultiplyAdd(x, Float8Rows512.Scaled((byte*)row + 48) * f, s3);
            return;
        }

        s0 = Vector512.FusedMultiplyAdd(x, LaneElements.Load<Lanes512, E>(ref *row).V, s0);
        s1 = Vector512.FusedMultiplyAdd(x, LaneElements.Load<Lanes512, E>(ref row[16]).V, s1);
        s2 = Vector512.FusedMultiplyAdd(x, LaneElements.Load<Lanes512, E>(ref row[32]).V, s2);
        s3 = Vector512.FusedMultiplyAdd(x, LaneElements.Load<Lanes512, E>(ref row[48]).V, s3);
    }
}
