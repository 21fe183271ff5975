using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>C = A B where the terms of one output lie apart: B is contiguous along the outputs, not along the sum.</summary>
/// <remarks>
/// <code>
/// C_{m,n} = Lanes16_k A_{m,k} B_{k,n}
/// </code>
/// Vectors run over n; the sixteen lanes of rule N6 are sixteen accumulators, one a residue of k mod 16. A register tile of four rows and up to four vectors
/// follows one residue at a time (k = r, r + 16, ...), so that every load of B serves four rows; the sixteen unfolded tiles lie in scratch
/// and are folded, vector by vector, when the last k is in. Blocks of k keep the tiles as they are: no block is ever folded alone.
/// An output depends on its row of A and its column of B only, never on its place in a tile.
/// </remarks>
internal static partial class ResidueProduct
{
    private const int RowTile = 4;
    private const int Wide = 64;
    private const int Narrow = 16;
    private const int TileFloats = 16 * RowTile * Wide;
    private const int BlockOfK = 512;

    /// <summary>Floats of scratch for M rows.</summary>
    public static int ScratchFloats(int M, int K) => K <= BlockOfK ? TileFloats : (M + RowTile - 1) / RowTile * TileFloats;

    /// <summary>C [M, N] = A [M, K] B [K, N].</summary>
    /// <param name="a">A's first value.</param>
    /// <param name="aStride">Distance of A's rows.</param>
    /// <param name="M">Rows; scratch grows with them.</param>
    /// <param name="b">B's first value: float, or ushort for bfloat16 codes.</param>
    /// <param name="bStride">Distance of B's rows.</param>
    /// <param name="readable">Values of each row of B that may be read, N at least.</param>
    /// <param name="K">Terms.</param>
    /// <param name="N">Columns.</param>
    /// <param name="c">C's first value.</param>
    /// <param name="cStride">Distance of C's rows.</param>
    /// <param name="scratch"><see cref="ScratchFloats"/> values.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<T, E>(
        ref float a, nint aStride, int M, ref E b, nint bStride, int readable, int K, int N, ref float c, nint cStride, ref float scratch)
        where T : struct, ILanes<T> where E : unmanaged
    {
        if (M < RowTile)
        {
            MultiplyFewRows<T, E>(ref a, aStride, M, ref b, bStride, readable, K, N, ref c, cStride, ref scratch);
            return;
        }

        int width;
        for (int n = 0; n < N; n += width)
        {
            bool wide = typeof(T) == typeof(Lanes512) && N - n > Wide - Narrow && readable - n >= Wide;
            width = wide ? Wide : Narrow;
            int lanes = Math.Min(readable - n, Narrow);
            ref E bn = ref Unsafe.Add(ref b, n);
            for (int k = 0; k == 0 || k < K; k += BlockOfK)
            {
                int block = Math.Min(K - k, BlockOfK);
                for (int m = 0; m < M; m += RowTile)
                {
                    ref float tile = ref Unsafe.Add(ref scratch, K <= BlockOfK ? 0 : m / RowTile * TileFloats);
                    ref float a0 = ref Unsafe.Add(ref a, m * aStride + k);
                    // Rows past the last repeat it; their results are not stored.
                    ref float a1 = ref Unsafe.Add(ref a, Math.Min(m + 1, M - 1) * aStride + k);
                    ref float a2 = ref Unsafe.Add(ref a, Math.Min(m + 2, M - 1) * aStride + k);
                    ref float a3 = ref Unsafe.Add(ref a, Math.Min(m + 3, M - 1) * aStride + k);
                    ref E bk = ref Unsafe.Add(ref bn, k * bStride);
                    for (int r = 0; r < 16; r++)
                    {
                        if (wide)
                            FollowWide<T, E>(ref a0, ref a1, ref a2, ref a3, ref bk, bStride, r, block, ref Unsafe.Add(ref tile, r * RowTile * Wide), k == 0);
                        else
                            FollowNarrow<T, E>(ref a0, ref a1, ref a2, ref a3, ref bk, bStride, lanes, r, block, ref Unsafe.Add(ref tile, r * RowTile * Narrow), k == 0);
                    }

                    if (k + BlockOfK >= K)
                    {
                        for (int i = 0; i < RowTile && m + i < M; i++)
                            Fold<T>(ref Unsafe.Add(ref tile, i * width), RowTile * width, Math.Min(width, N - n), ref Unsafe.Add(ref c, (m + i) * cStride + n));
                    }
                }
            }
        }
    }

    /// <summary>Four rows, four vectors, one residue: tile[i][j] follows k = r, r + 16, ... below K.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FollowWide<T, E>(
        ref float a0, ref float a1, ref float a2, ref float a3, ref E b, nint bStride, int r, int K, ref float tile, bool first)
        where T : struct, ILanes<T> where E : unmanaged
    {
        T c00 = T.Zero, c01 = c00, c02 = c00, c03 = c00, c10 = c00, c11 = c00, c12 = c00, c13 = c00;
        T c20 = c00, c21 = c00, c22 = c00, c23 = c00, c30 = c00, c31 = c00, c32 = c00, c33 = c00;
        if (!first)
        {
            c00 = At<T>(ref tile, 0); c01 = At<T>(ref tile, 1); c02 = At<T>(ref tile, 2); c03 = At<T>(ref tile, 3);
            c10 = At<T>(ref tile, 4); c11 = At<T>(ref tile, 5); c12 = At<T>(ref tile, 6); c13 = At<T>(ref tile, 7);
            c20 = At<T>(ref tile, 8); c21 = At<T>(ref tile, 9); c22 = At<T>(ref tile, 10); c23 = At<T>(ref tile, 11);
            c30 = At<T>(ref tile, 12); c31 = At<T>(ref tile, 13); c32 = At<T>(ref tile, 14); c33 = At<T>(ref tile, 15);
        }

        ref E bk = ref Unsafe.Add(ref b, r * bStride);
        for (nint k = r; k < K; k += 16)
        {
            T b0 = LaneElements.Load<T, E>(ref bk), b1 = LaneElements.Load<T, E>(ref Unsafe.Add(ref bk, 16));
            T b2 = LaneElements.Load<T, E>(ref Unsafe.Add(ref bk, 32)), b3 = LaneElements.Load<T, E>(ref Unsafe.Add(ref bk, 48));
            T x = T.Broadcast(Unsafe.Add(ref a0, k));
            c00 = T.Fma(x, b0, c00); c01 = T.Fma(x, b1, c01); c02 = T.Fma(x, b2, c02); c03 = T.Fma(x, b3, c03);
            x = T.Broadcast(Unsafe.Add(ref a1, k));
            c10 = T.Fma(x, b0, c10); c11 = T.Fma(x, b1, c11); c12 = T.Fma(x, b2, c12); c13 = T.Fma(x, b3, c13);
            x = T.Broadcast(Unsafe.Add(ref a2, k));
            c20 = T.Fma(x, b0, c20); c21 = T.Fma(x, b1, c21); c22 = T.Fma(x, b2, c22); c23 = T.Fma(x, b3, c23);
            x = T.Broadcast(Unsafe.Add(ref a3, k));
            c30 = T.Fma(x, b0, c30); c31 = T.Fma(x, b1, c31); c32 = T.Fma(x, b2, c32); c33 = T.Fma(x, b3, c33);
            bk = ref Unsafe.Add(ref bk, 16 * bStride);
        }

        To(c00, ref tile, 0); To(c01, ref tile, 1); To(c02, ref tile, 2); To(c03, ref tile, 3);
        To(c10, ref tile, 4); To(c11, ref tile, 5); To(c12, ref tile, 6); To(c13, ref tile, 7);
        To(c20, ref tile, 8); To(c21, ref tile, 9); To(c22, ref tile, 10); To(c23, ref tile, 11);
        To(c30, ref tile, 12); To(c31, ref tile, 13); To(c32, ref tile, 14); To(c33, ref tile, 15);
    }

    /// <summary>Four rows, one vector of which <paramref name="lanes"/> may be read, one residue.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FollowNarrow<T, E>(
        ref float a0, ref float a1, ref float a2, ref float a3, ref E b, nint bStride, int lanes, int r, int K, ref float tile, bool first)
        where T : struct, ILanes<T> where E : unmanaged
    {
        T c0 = T.Zero, c1 = c0, c2 = c0, c3 = c0;
        if (!first)
        {
            c0 = At<T>(ref tile, 0); c1 = At<T>(ref tile, 1); c2 = At<T>(ref tile, 2); c3 = At<T>(ref tile, 3);
        }

        ref E bk = ref Unsafe.Add(ref b, r * bStride);
        for (nint k = r; k < K; k += 16)
        {
            T bn = lanes == 16 ? LaneElements.Load<T, E>(ref bk) : LaneElements.LoadPartial<T, E>(ref bk, lanes);
            c0 = T.Fma(T.Broadcast(Unsafe.Add(ref a0, k)), bn, c0);
            c1 = T.Fma(T.Broadcast(Unsafe.Add(ref a1, k)), bn, c1);
            c2 = T.Fma(T.Broadcast(Unsafe.Add(ref a2, k)), bn, c2);
            c3 = T.Fma(T.Broadcast(Unsafe.Add(ref a3, k)), bn, c3);
            bk = ref Unsafe.Add(ref bk, 16 * bStride);
        }

        To(c0, ref tile, 0); To(c1, ref tile, 1); To(c2, ref tile, 2); To(c3, ref tile, 3);
    }

    /// <summary>y_n = the fold of rule N6 over sixteen rows of x, each of the same columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Fold<T>(ref float x, nint stride, int count, ref float y) where T : struct, ILanes<T>
    {
        for (int n = 0; n < count; n += 16)
        {
            ref float xn = ref Unsafe.Add(ref x, n);
            T even = Quarter<T>(ref xn, stride, 0) + Quarter<T>(ref xn, stride, 2);
            T odd = Quarter<T>(ref xn, stride, 1) + Quarter<T>(ref xn, stride, 3);
            T sum = (even + odd) + T.Zero;
            if (count - n >= 16)
                T.Store(sum, ref Unsafe.Add(ref y, n));
            else
                LaneTails.StorePartial(sum, ref Unsafe.Add(ref y, n), count - n);
        }
    }

    /// <summary>(lane_j + lane_{j+8}) + (lane_{j+4} + lane_{j+12}).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Quarter<T>(ref float x, nint stride, int j) where T : struct, ILanes<T> =>
        (T.Load(ref Unsafe.Add(ref x, j * stride)) + T.Load(ref Unsafe.Add(ref x, (j + 8) * stride)))
        + (T.Load(ref Unsafe.Add(ref x, (j + 4) * stride)) + T.Load(ref Unsafe.Add(ref x, (j + 12) * stride)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T At<T>(ref float tile, int i) where T : struct, ILanes<T> => T.Load(ref Unsafe.Add(ref tile, i * 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void To<T>(T x, ref float tile, int i) where T : struct, ILanes<T> => T.Store(x, ref Unsafe.Add(ref tile, i * 16));
}
