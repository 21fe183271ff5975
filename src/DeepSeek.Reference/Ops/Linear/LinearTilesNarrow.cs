using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Tiles of two by two outputs for 256-bit and 128-bit registers, where sixteen lanes take two or four registers.</summary>
internal unsafe struct LinearTilesNarrow<T> : ILinearTiles where T : struct, ILanes<T>
{
    public static int Rows => 2;

    public static int Tall => Rows;

    public static int Columns => 2;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tile(float* x, nint xStride, float* w, nint wStride, int count, float* lanes, bool first, bool last, float* y, nint yStride)
    {
        float* x1 = x + xStride;
        float* w1 = w + wStride;
        T s00 = T.Zero;
        T s01 = T.Zero;
        T s10 = T.Zero;
        T s11 = T.Zero;
        if (!first)
        {
            s00 = T.Load(ref lanes[0]);
            s01 = T.Load(ref lanes[16]);
            s10 = T.Load(ref lanes[32]);
            s11 = T.Load(ref lanes[48]);
        }

        nint k = 0;
        for (; k <= count - 16; k += 16)
        {
            T b0 = T.Load(ref w[k]);
            T b1 = T.Load(ref w1[k]);
            T a = T.Load(ref x[k]);
            s00 = T.Fma(a, b0, s00);
            s01 = T.Fma(a, b1, s01);
            a = T.Load(ref x1[k]);
            s10 = T.Fma(a, b0, s10);
            s11 = T.Fma(a, b1, s11);
        }

        int tail = (int)(count - k);
        if (tail > 0)
        {
            T b0 = LaneTails.LoadPartial<T>(ref w[k], tail);
            T b1 = LaneTails.LoadPartial<T>(ref w1[k], tail);
            T a = LaneTails.LoadPartial<T>(ref x[k], tail);
            s00 = T.Fma(a, b0, s00);
            s01 = T.Fma(a, b1, s01);
            a = LaneTails.LoadPartial<T>(ref x1[k], tail);
            s10 = T.Fma(a, b0, s10);
            s11 = T.Fma(a, b1, s11);
        }

        if (last)
        {
            y[0] = T.Fold(s00);
            y[1] = T.Fold(s01);
            y[yStride] = T.Fold(s10);
            y[yStride + 1] = T.Fold(s11);
            return;
        }

        T.Store(s00, ref lanes[0]);
        T.Store(s01, ref lanes[16]);
        T.Store(s10, ref lanes[32]);
        T.Store(s11, ref lanes[48]);
    }

    /// <inheritdoc/>
    public static void TallTile(float* x, nint xStride, float* w, nint wStride, int count, float* lanes, bool first, bool last, float* y, nint yStride) =>
        Tile(x, xStride, w, wStride, count, lanes, first, last, y, yStride);

    /// <inheritdoc/>
    /// <remarks>Four where there are registers for their sums and a processor that streams four at once was measured; the others read two.</remarks>
    public static int Regions<TCodes>(int K) where TCodes : struct, IWeightCodes => typeof(T) == typeof(Lanes256) && WeightPrefetch.EveryLine ? 4 : Columns;

    /// <inheritdoc/>
    public static void Row<TCodes>(float* x, byte* w, nint wStride, int K, int regions, float* y, nint yStride) where TCodes : struct, IWeightCodes
    {
        if (regions == 4)
            LinearRowsNarrow<T>.Four<TCodes>(x, w, wStride, K, y, yStride);
        else
            LinearRowsNarrow<T>.Two<TCodes>(x, w, wStride, K, WeightPrefetch.EveryLine, y, yStride);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot<TCodes>(float* x, byte* w, int K) where TCodes : struct, IWeightCodes => LaneDot.Dot<T, TCodes>(x, w, K);
}
