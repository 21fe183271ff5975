using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The SIMD twin of <see cref="Linear"/> for Lanes16: tiles of outputs, blocks of rows that stay in the caches, blocks of k with their lanes in scratch.</summary>
public static partial class Linear
{
    // A block of x that stays in the second-level cache beside the weight rows that stream by.
    private const int BlockBytes = 384 << 10;

    // The same for long rows: more rows, since each block of x streams the whole weight.
    private const int LongBlockBytes = 512 << 10;

    // Beyond this length of a row, four rows of x and four of the weight no longer fit the first-level cache: block over k.
    private const int WholeK = 1536;
    private const int BlockK = 1024;
    private const int BlockN = 32;
    private const int PanelStride = BlockK + 16;

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
            Columns<LinearTiles512, TCodes>(x, xStride, T, w, rowBytes, n0, n1, K, y, yStride);
        else
            Columns<LinearTilesNarrow<L>, TCodes>(x, xStride, T, w, rowBytes, n0, n1, K, y, yStride);
    }

    private static unsafe void Columns<TTiles, TCodes>(float* x, nint xStride, int T, byte* w, nint rowBytes, int n0, int n1, int K, float* y, nint yStride)
        where TTiles : struct, ILinearTiles
        where TCodes : struct, IWeightCodes
    {
        int tiledT = T - T % TTiles.Rows;
        int tiledN = n1 - (n1 - n0) % TTiles.Columns;

        if (tiledT > 0 && K <= WholeK)
            WholeRows<TTiles, TCodes>(x, xStride, T, w, rowBytes, n0, tiledN, K, y, yStride);
        else if (tiledT > 0)
            BlockedRows<TTiles, TCodes>(x, xStride, tiledT, w, rowBytes, n0, tiledN, K, y, yStride);

        // Rows of x that fill no tile; with few rows in all, the weight streams from memory once.
        if (tiledT == 0 || K > WholeK)
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

    /// <summary>Short rows: the weight's tile stays in the first-level cache while a block of x runs past it.</summary>
    private static unsafe void WholeRows<TTiles, TCodes>(float* x, nint xStride, int T, byte* w, nint rowBytes, int n0, int n1, int K, float* y, nint yStride)
        where TTiles : struct, ILinearTiles
        where TCodes : struct, IWeightCodes
    {
        int block = Math.Max(TTiles.Rows, BlockBytes / Math.Max(1, K * sizeof(float)) / TTiles.Rows * TTiles.Rows);
        using var panel = new AlignedFloats(TCodes.Bytes == sizeof(float) ? 0 : TTiles.Columns * K);
        // Rows that follow each other are asked for as one piece; rows apart in turn, and nothing that lies between.
        nint asked = (nint)K * TCodes.Bytes;
        int pieces = rowBytes == asked ? 1 : TTiles.Columns;
        asked *= TTiles.Columns / pieces;
        for (int t0 = 0; t0 < T; t0 += block)
        {
            int t1 = Math.Min(T, t0 + block);
            int tiled = t1 - (t1 - t0) % TTiles.Rows;
            for (int n = n0; n < n1; n += TTiles.Columns)
            {
                float* rows = (float*)(w + n * rowBytes);
                nint rowStride = rowBytes / sizeof(float);
                if (TCodes.Bytes != sizeof(float))
                {
                    rows = panel.Pointer;
                    rowStride = K;
                    for (int j = 0; j < TTiles.Columns; j++)
                        TCodes.Widen(w + (n + j) * rowBytes, K, rows + (nint)j * K);
                }

                byte* next = w + (n + TTiles.Columns) * rowBytes;
                for (int t = t0; t < tiled; t += TTiles.Rows)
                {
                    int tile = (t - t0) / TTiles.Rows;
                    WeightPrefetch.Share(next + tile % pieces * rowBytes, asked, tile / pieces, ((tiled - t0) / TTiles.Rows + pieces - 1) / pieces);
                    TTiles.Tile(x + t * xStride, xStride, rows, rowStride, K, null, first: true, last: true, y + t * yStride + n, yStride);
                }

                for (int t = tiled; t < t1; t++)
                    TTiles.Row<Float32Codes>(x + t * xStride, (byte*)rows, rowStride * sizeof(float), K, TTiles.Columns, y + t * yStride + n, 1);
            }
        }
    }

    /// <summary>Long rows: blocks of x, of the weight and of k that fit the caches; the lanes of each output wait in scratch between blocks of k.</summary>
    private static unsafe void BlockedRows<TTiles, TCodes>(float* x, nint xStride, int T, byte* w, nint rowBytes, int n0, int n1, int K, float* y, nint yStride)
        where TTiles : struct, ILinearTiles
        where TCodes : struct, IWeightCodes
    {
        int block = LongBlockBytes / (BlockK * sizeof(float)) / TTiles.Rows * TTiles.Rows;
        int tileFloats = 16 * TTiles.Rows * TTiles.Columns;
        using var lanes = new AlignedFloats(block * BlockN * 16);
        using var panel = new AlignedFloats(TTiles.Columns * PanelStride);
        for (int t0 = 0; t0 < T; t0 += block)
        {
            int t1 = Math.Min(T, t0 + block);
            for (int nb = n0; nb < n1; nb += BlockN)
            {
                int ne = Math.Min(n1, nb + BlockN);
                for (int k0 = 0; k0 < K; k0 += BlockK)
                {
                    int count = Math.Min(BlockK, K - k0);
                    float* tile = lanes.Pointer;
                    for (int n = nb; n < ne; n += TTiles.Columns)
                    {
                        // A copy with rows a line apart from a power of two: rows of 7168 values would all meet in the same sets of the cache.
                        for (int j = 0; j < TTiles.Columns; j++)
                            TCodes.Widen(w + (n + j) * rowBytes + (nint)k0 * TCodes.Bytes, count, panel.Pointer + j * PanelStride);

                        // The panel after this one: of the next columns, or of the next block of k at the first ones.
                        bool turns = n + TTiles.Columns >= ne;
                        int nextK = turns ? Math.Min(K, k0 + BlockK) : k0;
                        byte* next = w + (turns ? nb : n + TTiles.Columns) * rowBytes + (nint)nextK * TCodes.Bytes;
                        nint nextBytes = (nint)Math.Min(BlockK, K - nextK) * TCodes.Bytes;
                        for (int t = t0; t < t1; t += TTiles.Rows)
                        {
                            for (int j = 0; j < TTiles.Columns; j++)
                                WeightPrefetch.Share(next + j * rowBytes, nextBytes, (t - t0) / TTiles.Rows, (t1 - t0) / TTiles.Rows);
                            TTiles.Tile(x + t * xStride + k0, xStride, panel.Pointer, PanelStride, count, tile, k0 == 0, k0 + count == K, y + t * yStride + n, yStride);
                            tile += tileFloats;
                        }
                    }
                }
            }
        }
    }
}
