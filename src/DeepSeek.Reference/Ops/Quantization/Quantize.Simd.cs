using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

public static partial class Quantize
{
    /// <summary>
    /// Columns of a square or upright tile's band that are worked on together: 128 rows of them stay in the second-level cache between the search
    /// for the largest and the division, and each row of them is long enough for the processor to read ahead.
    /// </summary>
    internal const int BandColumns = 512;

    /// <summary>The same bits as Define for tiles that lie in one row of tiles, i, and in the columns left..right, by vector instructions. Needs <see cref="Isa.Any"/>.</summary>
    /// <typeparam name="E">float, or ushort for bfloat16 codes.</typeparam>
    /// <typeparam name="C">byte for E4M3, ushort for E5M6.</typeparam>
    /// <param name="x">The first element of x.</param>
    /// <param name="K">The columns of x.</param>
    /// <param name="grid">The tiles of x.</param>
    /// <param name="attributes">Attributes that <see cref="Require"/> has let through.</param>
    /// <param name="i">Which row of tiles.</param>
    /// <param name="left">The first column, where a tile begins.</param>
    /// <param name="right">The column after the last, where a tile ends.</param>
    /// <param name="codes">The first code.</param>
    /// <param name="scales">The first scale.</param>
    internal static void Simd<E, C>(ref E x, int K, TileGrid grid, QuantizeAttributes attributes, int i, int left, int right, ref C codes, ref float scales)
        where E : unmanaged where C : unmanaged
    {
        if (Isa.Has512)
            Tiles<Lanes512, Words512, E, C>(ref x, K, grid, attributes, i, left, right, ref codes, ref scales);
        else if (Isa.Has256)
            Tiles<Lanes256, Words256, E, C>(ref x, K, grid, attributes, i, left, right, ref codes, ref scales);
        else
            Tiles<Lanes128, Words128, E, C>(ref x, K, grid, attributes, i, left, right, ref codes, ref scales);
    }

    /// <summary>The encoding of max |x| over a run: above infinity's if there is a NaN, 0 if there is nothing.</summary>
    internal static uint SimdGreatest<E>(ref E x, int count) where E : unmanaged =>
        Isa.Has512 ? TileKernel<Lanes512, Words512, E, byte>.Greatest(ref x, count)
        : Isa.Has256 ? TileKernel<Lanes256, Words256, E, byte>.Greatest(ref x, count)
        : TileKernel<Lanes128, Words128, E, byte>.Greatest(ref x, count);

    /// <summary>The codes of a run of one tile.</summary>
    internal static void SimdCodes<E, C>(ref E x, int count, TileScale s, QuantizeAttributes attributes, ref C codes) where E : unmanaged where C : unmanaged
    {
        bool divides = DividesInexactly(attributes);
        if (Isa.Has512)
            TileKernel<Lanes512, Words512, E, C>.Codes(ref x, count, s, divides, ref codes);
        else if (Isa.Has256)
            TileKernel<Lanes256, Words256, E, C>.Codes(ref x, count, s, divides, ref codes);
        else
            TileKernel<Lanes128, Words128, E, C>.Codes(ref x, count, s, divides, ref codes);
    }

    /// <summary>M for a type of codes.</summary>
    internal static float Largest<C>() => typeof(C) == typeof(byte) ? LargestE4M3 : LargestE5M6;

    /// <summary>Where the scale is a power of two, x / s is x · (1/s).</summary>
    private static bool DividesInexactly(QuantizeAttributes attributes) =>
        attributes.ScaleFormat == ScaleFormat.F32 && attributes.Arithmetic is QuantizerArithmetic.TritonActQuant or QuantizerArithmetic.TileLang;

    internal static void Tiles<L, W, E, C>(ref E x, int K, TileGrid grid, QuantizeAttributes attributes, int i, int left, int right, ref C codes, ref float scales)
        where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where E : unmanaged where C : unmanaged
    {
        (int top, int bottom) = grid.Rows(i);
        nint origin = (nint)top * K + left;
        ref E from = ref Unsafe.Add(ref x, origin);
        ref C to = ref Unsafe.Add(ref codes, origin);
        ref float s = ref Unsafe.Add(ref scales, (nint)i * grid.Across + (grid.Width == 0 ? 0 : left / grid.Width));
        if (grid.Width == 1 && grid.Height != 1)
            Upright<L, W, E, C>(ref from, bottom - top, right - left, K, attributes, ref to, ref s);
        else if (grid.Height == 1)
            Flat<L, W, E, C>(ref from, right - left, grid.Width, attributes, ref to, ref s);
        else
            Square<L, W, E, C>(ref from, bottom - top, right - left, K, attributes, ref to, ref s);
    }

    /// <summary>Tiles of one row and any width.</summary>
    private static void Flat<L, W, E, C>(ref E x, int columns, int width, QuantizeAttributes attributes, ref C codes, ref float scales)
        where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where E : unmanaged where C : unmanaged
    {
        bool divides = DividesInexactly(attributes);
        int k = 0, j = 0;
        do
        {
            int count = Math.Min(width, columns - k);
            ref E run = ref Unsafe.Add(ref x, k);
            float a = BitConverter.UInt32BitsToSingle(TileKernel<L, W, E, C>.Greatest(ref run, count));
            TileScale s = TileScale.Of(a, Largest<C>(), attributes);
            Unsafe.Add(ref scales, j++) = s.Scale;
            TileKernel<L, W, E, C>.Codes(ref run, count, s, divides, ref Unsafe.Add(ref codes, k));
            k += width;
        }
        while (k < columns);
    }

    /// <summary>Tiles of up to 128 rows and 128 columns.</summary>
    private static void Square<L, W, E, C>(ref E x, int rows, int columns, int K, QuantizeAttributes attributes, ref C codes, ref float scales)
        where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where E : unmanaged where C : unmanaged
    {
        bool divides = DividesInexactly(attributes);
        int tiles = TileGrid.Ceil(columns);
        Span<uint> sixteen = stackalloc uint[16 * tiles];
        sixteen.Clear();
        for (int t = 0; t < rows; t++)
        {
            for (int j = 0; j < tiles; j++)
            {
                ref E run = ref Unsafe.Add(ref x, (nint)t * K + j * TileGrid.Side);
                TileKernel<L, W, E, C>.Raise16(ref run, Math.Min(TileGrid.Side, columns - j * TileGrid.Side), ref sixteen[16 * j]);
            }
        }

        Span<TileScale> s = stackalloc TileScale[tiles];
        for (int j = 0; j < tiles; j++)
        {
            s[j] = TileScale.Of(BitConverter.UInt32BitsToSingle(TileKernel<L, W, E, C>.Greatest16(ref sixteen[16 * j])), Largest<C>(), attributes);
            Unsafe.Add(ref scales, j) = s[j].Scale;
        }

        for (int t = 0; t < rows; t++)
        {
            for (int j = 0; j < tiles; j++)
            {
                nint at = (nint)t * K + j * TileGrid.Side;
                int count = Math.Min(TileGrid.Side, columns - j * TileGrid.Side);
                TileKernel<L, W, E, C>.Codes(ref Unsafe.Add(ref x, at), count, s[j], divides, ref Unsafe.Add(ref codes, at));
            }
        }
    }

    /// <summary>Tiles of up to 128 rows and one column, up to <see cref="BandColumns"/> of them beside each other.</summary>
    private static void Upright<L, W, E, C>(ref E x, int rows, int columns, int K, QuantizeAttributes attributes, ref C codes, ref float scales)
        where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where E : unmanaged where C : unmanaged
    {
        Span<uint> greatest = stackalloc uint[columns];
        greatest.Clear();
        for (int t = 0; t < rows; t++)
            TileKernel<L, W, E, C>.Raise(ref Unsafe.Add(ref x, (nint)t * K), ref greatest[0], columns);

        Span<TileScale> s = stackalloc TileScale[columns];
        Span<float> factors = stackalloc float[columns];
        bool ordinary = true;
        for (int k = 0; k < columns; k++)
        {
            s[k] = TileScale.Of(BitConverter.UInt32BitsToSingle(greatest[k]), Largest<C>(), attributes);
            Unsafe.Add(ref scales, k) = s[k].Scale;
            factors[k] = s[k].Factor;
            ordinary &= TileKernel<L, W, E, C>.IsOrdinary(s[k]);
        }

        bool divides = DividesInexactly(attributes);
        int whole = ordinary ? columns & ~15 : 0;
        for (int t = 0; t < rows; t++)
        {
            ref E row = ref Unsafe.Add(ref x, (nint)t * K);
            ref C line = ref Unsafe.Add(ref codes, (nint)t * K);
            TileKernel<L, W, E, C>.CodesByColumn(ref row, whole, ref scales, ref factors[0], divides, ref line);
            for (int k = whole; k < columns; k++)
                Unsafe.Add(ref line, k) = TileKernel<L, W, E, C>.Code(s[k].Quotient(TileKernel<L, W, E, C>.Value(ref Unsafe.Add(ref row, k))));
        }
    }
}
