using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The SIMD twin of <see cref="Linear"/> for Lanes16: tiles of outputs, blocks of rows that stay in the caches, blocks of k with their lanes in scratch.</summary>
public static partial class Linear
{
    // Columns whose lanes wait in scratch between blocks of k.
    private const int BlockN = 32;

    // A line between rows that would otherwise lie a power of two apart and meet in the same sets of a cache.
    private const int Apart = 16;

    /// <summary>
    /// Columns n0..n1 of y = x Wᵀ, bit-equal to <see cref="Define"/> with Lanes16. x and y are binary32 with row strides K and yStride;
    /// w is the first byte of row 0 of the weight, whose rows follow each other.
    /// </summary>
    internal static unsafe void Simd<TCodes>(float* x, int T, byte* w, int n0, int n1, int K, float* y, nint yStride) where TCodes : struct, IWeightCodes
    {
        if (Isa.Has512)
            Lanes<Lanes512, TCodes>(x, T, w, n0, n1, K, y, yStride);
        else if (Isa.Has256)
            Lanes<Lanes256, TCodes>(x, T, w, n0, n1, K, y, yStride);
        else
            Lanes<Lanes128, TCodes>(x, T, w, n0, n1, K, y, yStride);
    }

    /// <summary>As <see cref="Simd"/>, at a given width.</summary>
    internal static unsafe void Lanes<L, TCodes>(float* x, int T, byte* w, int n0, int n1, int K, float* y, nint yStride)
        where L : struct, ILanes<L>
        where TCodes : struct, IWeightCodes =>
        Lanes<L, TCodes>(x, K, T, w, K, n0, n1, K, y, yStride);

    /// <summary>As <see cref="Simd"/>, at a given width; rows of x and of the weight lie xStride and wStride elements apart.</summary>
    internal static unsafe void Lanes<L, TCodes>(float* x, nint xStride, int T, byte* w, nint wStride, int n0, int n1, int K, float* y, nint yStride)
        where L : struct, ILanes<L>
        where TCodes : struct, IWeightCodes
    {
        nint rowBytes = wStride * TCodes.Bytes;
        if (typeof(L) == typeof(Lanes512))
            Columns<LinearTiles512, TCodes>(x, xStride, T, w, rowBytes, n0, n1, K, LinearBlocking.Choose(T, K, LinearTiles512.Columns, !Processor.IsZen4), y, yStride);
        else
            Columns<LinearTilesNarrow<L>, TCodes>(x, xStride, T, w, rowBytes, n0, n1, K, LinearBlocking.Choose(T, K, LinearTilesNarrow<L>.Columns, false), y, yStride);
    }

    /// <summary>As <see cref="Simd"/>, by given tiles and a given cut; rows of the weight lie rowBytes apart.</summary>
    internal static unsafe void Columns<TTiles, TCodes>(
        float* x, nint xStride, int T, byte* w, nint rowBytes, int n0, int n1, int K, LinearBlocking blocking, float* y, nint yStride)
        where TTiles : struct, ILinearTiles
        where TCodes : struct, IWeightCodes
    {
        // Blocks of long rows hold tiles of one height, so that what fills no tile lies at the end of all rows.
        bool whole = K <= blocking.K;
        if (!whole)
            blocking = blocking with { Tall = false };
        (_, int tiledT) = Tiles<TTiles>(T, blocking);
        int tiledN = n1 - (n1 - n0) % TTiles.Columns;

        if (tiledT > 0 && whole)
            WholeRows<TTiles, TCodes>(x, xStride, T, w, rowBytes, n0, tiledN, K, blocking, y, yStride);
        else if (tiledT > 0)
            BlockedRows<TTiles, TCodes>(x, xStride, tiledT, w, rowBytes, n0, tiledN, K, blocking, y, yStride);

        // Rows of x that fill no tile; with few rows in all, the weight streams from memory once.
        if (tiledT == 0 || !whole)
        {
            int regions = TTiles.Regions<TCodes>(K);
            int far = (tiledN - n0) / regions;
            for (int n = n0; n < n0 + far; n++)
                for (int t = tiledT; t < T; t++)
                    TTiles.Row<TCodes>(x + t * xStride, w + n * rowBytes, far * rowBytes, K, regions, y + t * yStride + n, far);
            for (int n = n0 + far * regions; n < tiledN; n += TTiles.Columns)
                for (int t = tiledT; t < T; t++)
                    TTiles.Row<TCodes>(x + t * xStride, w + n * rowBytes, rowBytes, K, TTiles.Columns, y + t * yStride + n, 1);
        }

        for (int n = tiledN; n < n1; n++)
            for (int t = 0; t < T; t++)
                y[t * yStride + n] = TTiles.Dot<TCodes>(x + t * xStride, w + n * rowBytes, K);
    }

    /// <summary>Rows of the next tile where so many rows of x are left; 0 where they fill none. Four and six together leave one row over at most, of four rows and more.</summary>
    private static int Height<TTiles>(int left, LinearBlocking blocking) where TTiles : struct, ILinearTiles
    {
        bool tall = blocking.Tall && (left >= TTiles.Tall + TTiles.Rows || left == TTiles.Tall || left == TTiles.Tall + 1);
        return tall ? TTiles.Tall : left >= TTiles.Rows ? TTiles.Rows : 0;
    }

    /// <summary>How many tiles so many rows of x fill, and how many of the rows.</summary>
    private static (int Count, int Rows) Tiles<TTiles>(int T, LinearBlocking blocking) where TTiles : struct, ILinearTiles
    {
        int count = 0, rows = 0;
        for (int height; (height = Height<TTiles>(T - rows, blocking)) > 0; rows += height)
            count++;
        return (count, rows);
    }

    /// <summary>Rows of x in a block: whole tiles.</summary>
    private static int BlockRows<TTiles>(LinearBlocking blocking) where TTiles : struct, ILinearTiles
    {
        int tile = blocking.Tall ? TTiles.Tall : TTiles.Rows;
        return Math.Max(1, blocking.BlockBytes / (Math.Max(1, blocking.K) * sizeof(float)) / tile) * tile;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void Tile<TTiles>(
        int height, float* x, nint xStride, float* w, nint wStride, int count, float* lanes, bool first, bool last, float* y, nint yStride)
        where TTiles : struct, ILinearTiles
    {
        if (height == TTiles.Rows)
            TTiles.Tile(x, xStride, w, wStride, count, lanes, first, last, y, yStride);
        else
            TTiles.TallTile(x, xStride, w, wStride, count, lanes, first, last, y, yStride);
    }

    /// <summary>
    /// Short rows. A panel of the weight stays in the first-level cache while a block of x runs past it; under tall tiles a tile of x does, while the panel runs past from the
    /// second-level cache.
    /// </summary>
    private static unsafe void WholeRows<TTiles, TCodes>(float* x, nint xStride, int T, byte* w, nint rowBytes, int n0, int n1, int K, LinearBlocking blocking, float* y, nint yStride)
        where TTiles : struct, ILinearTiles
        where TCodes : struct, IWeightCodes
    {
        int block = BlockRows<TTiles>(blocking), columns = blocking.Columns;
        int panelStride = AlignedFloats.WholeLines(K) + Apart;
        using var panel = new AlignedFloats(TCodes.Bytes == sizeof(float) ? 0 : columns * panelStride);
        // Rows that follow each other are asked for as one piece; rows apart in turn, and nothing that lies between.
        nint asked = (nint)K * TCodes.Bytes;
        int pieces = rowBytes == asked ? 1 : TTiles.Columns;
        asked *= TTiles.Columns / pieces;
        for (int t0 = 0; t0 < T; t0 += block)
        {
            int t1 = Math.Min(T, t0 + block);
            int parts = (Tiles<TTiles>(t1 - t0, blocking).Count + pieces - 1) / pieces;
            for (int np = n0; np < n1; np += columns)
            {
                int ne = Math.Min(n1, np + columns);
                float* rows = (float*)(w + np * rowBytes);
                nint rowStride = rowBytes / sizeof(float);
                if (TCodes.Bytes != sizeof(float))
                {
                    rows = panel.Pointer;
                    rowStride = panelStride;
                    for (int n = np; n < ne; n++)
                        TCodes.Widen(w + n * rowBytes, K, rows + (n - np) * rowStride);
                }

                int t = t0;
                for (int tile = 0, height; (height = Height<TTiles>(t1 - t, blocking)) > 0; t += height, tile++)
                {
                    for (int n = np; n < ne; n += TTiles.Columns)
                    {
                        if (n + columns < n1)
                            WeightPrefetch.Share(w + (n + columns + tile % pieces) * rowBytes, asked, tile / pieces, parts);
                        Tile<TTiles>(height, x + t * xStride, xStride, rows + (n - np) * rowStride, rowStride, K, null, first: true, last: true, y + t * yStride + n, yStride);
                    }
                }

                for (; t < t1; t++)
                {
                    for (int n = np; n < ne; n += TTiles.Columns)
                        TTiles.Row<Float32Codes>(x + t * xStride, (byte*)(rows + (n - np) * rowStride), rowStride * sizeof(float), K, TTiles.Columns, y + t * yStride + n, 1);
                }
            }
        }
    }

    /// <summary>Long rows: blocks of x, of the weight and of k that fit the caches; the lanes of each output wait in scratch between blocks of k.</summary>
    private static unsafe void BlockedRows<TTiles, TCodes>(float* x, nint xStride, int T, byte* w, nint rowBytes, int n0, int n1, int K, LinearBlocking blocking, float* y, nint yStride)
        where TTiles : struct, ILinearTiles
        where TCodes : struct, IWeightCodes
    {
        int block = BlockRows<TTiles>(blocking), columns = blocking.Columns, blockK = blocking.K, panelStride = blockK + Apart;
        using var lanes = new AlignedFloats(block * BlockN * 16);
        using var panel = new AlignedFloats(columns * panelStride);
        for (int t0 = 0; t0 < T; t0 += block)
        {
            int t1 = Math.Min(T, t0 + block);
            int tiles = Tiles<TTiles>(t1 - t0, blocking).Count;
            for (int nb = n0; nb < n1; nb += BlockN)
            {
                int ne = Math.Min(n1, nb + BlockN);
                for (int k0 = 0; k0 < K; k0 += blockK)
                {
                    int count = Math.Min(blockK, K - k0);
                    float* sums = lanes.Pointer;
                    for (int np = nb; np < ne; np += columns)
                    {
                        // A copy, since rows of 7168 values would all meet in the same sets of the cache.
                        int end = Math.Min(ne, np + columns);
                        for (int n = np; n < end; n++)
                            TCodes.Widen(w + n * rowBytes + (nint)k0 * TCodes.Bytes, count, panel.Pointer + (n - np) * panelStride);

                        // The panel after this one: of the next columns, or of the next block of k at the first ones.
                        bool turns = np + columns >= ne;
                        int nextK = turns ? Math.Min(K, k0 + blockK) : k0;
                        byte* next = w + (turns ? nb : np + columns) * rowBytes + (nint)nextK * TCodes.Bytes;
                        nint nextBytes = (nint)Math.Min(blockK, K - nextK) * TCodes.Bytes;
                        int t = t0;
                        for (int tile = 0, height; (height = Height<TTiles>(t1 - t, blocking)) > 0; t += height, tile++)
                        {
                            for (int n = np; n < end; n += TTiles.Columns)
                            {
                                for (int j = 0; j < TTiles.Columns; j++)
                                    WeightPrefetch.Share(next + (n - np + j) * rowBytes, nextBytes, tile, tiles);
                                Tile<TTiles>(
                                    height, x + t * xStride + k0, xStride, panel.Pointer + (n - np) * panelStride, panelStride, count,
                                    sums, k0 == 0, k0 + count == K, y + t * yStride + n, yStride);
                                sums += 16 * height * TTiles.Columns;
                            }
                        }
                    }
                }
            }
        }
    }
}
