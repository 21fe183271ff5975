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

    /// <summary>The codes of a run of one tile whose largest magnitude has this encoding.</summary>
    internal static void SimdCodes<E, C>(ref E x, int count, uint greatest, QuantizeAttributes attributes, ref C codes) where E : unmanaged where C : unmanaged
    {
        if (Isa.Has512)
            Tile<Lanes512, Words512, E, C>(ref x, count, greatest, attributes, ref codes);
        else if (Isa.Has256)
            Tile<Lanes256, Words256, E, C>(ref x, count, greatest, attributes, ref codes);
        else
            Tile<Lanes128, Words128, E, C>(ref x, count, greatest, attributes, ref codes);
    }

    /// <summary>M for a type of codes.</summary>
    internal static float Largest<C>() => typeof(C) == typeof(byte) ? LargestE4M3 : LargestE5M6;

    /// <summary>Where the scale is a power of two, x / s is x · (1/s).</summary>
    internal static bool DividesInexactly(QuantizeAttributes attributes) =>
        attributes.ScaleFormat == ScaleFormat.F32 && attributes.Arithmetic is QuantizerArithmetic.TritonActQuant or QuantizerArithmetic.TileLang;

    internal static void Tiles<L, W, E, C>(ref E x, int K, TileGrid grid, QuantizeAttributes attributes, int i, int left, int right, ref C codes, ref float scales)
        where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where E : unmanaged where C : unmanaged
    {
        (int top, int bottom) = grid.Rows(i);
        nint origin = (nint)top * K + left;
        ref E from = ref Unsafe.Add(ref x, origin);
        ref C to = ref Unsafe.Add(ref codes, origin);
        ref float s = ref Unsafe.Add(ref scales, (nint)i * grid.Across + (grid.Width == 0 ? 0 : left / grid.Width));
        if (TileScale.PassesOverNaN(attributes.Arithmetic) && TileKernel<L, W, E, C>.HoldNaN(ref from, bottom - top, right - left, K))
            Plain<L, W, E, C>(ref from, bottom - top, right - left, grid.Width, K, attributes, ref to, ref s);
        else if (grid.Width == 1 && grid.Height != 1)
            Upright<L, W, E, C>(ref from, bottom - top, right - left, K, attributes, ref to, ref s);
        else if (grid.Height == 1)
            Flat<L, W, E, C>(ref from, right - left, grid.Width, attributes, ref to, ref s);
        else
            Square<L, W, E, C>(ref from, bottom - top, right - left, K, attributes, ref to, ref s);
    }

    /// <summary>Tiles of any size as the definition has them: those that hold a NaN which is to be passed over, for the maxima of the others take it for the largest.</summary>
    private static void Plain<L, W, E, C>(ref E x, int rows, int columns, int width, int K, QuantizeAttributes attributes, ref C codes, ref float scales)
        where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where E : unmanaged where C : unmanaged
    {
        for (int k = 0; k < columns; k += width)
        {
            int run = Math.Min(width, columns - k);
            float a = 0f;
            for (int t = 0; t < rows; t++)
            {
                for (int n = 0; n < run; n++)
                    a = TileScale.Larger(a, TileKernel<L, W, E, C>.Value(ref Unsafe.Add(ref x, (nint)t * K + k + n)), attributes.Arithmetic);
            }

            TileScale s = TileScale.Of(a, Largest<C>(), attributes);
            Unsafe.Add(ref scales, k / width) = s.Scale;
            for (int t = 0; t < rows; t++)
                TileKernel<L, W, E, C>.AnyCodes(ref Unsafe.Add(ref x, (nint)t * K + k), run, s, ref Unsafe.Add(ref codes, (nint)t * K + k));
        }
    }

    /// <summary>Tiles of one row and any width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Flat<L, W, E, C>(ref E x, int columns, int width, QuantizeAttributes attributes, ref C codes, ref float scales)
        where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where E : unmanaged where C : unmanaged
    {
        // Sixteen tiles at a time: one division for all their scales, and no tile waits for its own.
        Span<uint> maxima = stackalloc uint[Group * Group];
        var s = new GroupScales<L, W, E, C>(attributes);
        nint ahead = (nint)Group * width * Unsafe.SizeOf<E>();
        int tiles = Math.Max(1, (int)(((long)columns + width - 1) / Math.Max(1, width)));
        for (int j = 0; j < tiles; j += Group)
        {
            int count = Math.Min(Group, tiles - j);
            for (int n = 0; n < count; n++)
            {
                int k = (j + n) * width;
                TileKernel<L, W, E, C>.Greatest16(ref Unsafe.Add(ref x, k), Math.Min(width, columns - k), ref maxima[Group * n]);
            }

            s.Set(maxima, count, ref Unsafe.Add(ref scales, j));
            int first = s.WholeTiles((columns - j * width) / Math.Max(1, width), ref Unsafe.Add(ref x, j * width), width, ahead, ref Unsafe.Add(ref codes, j * width));
            for (int n = first; n < count; n++)
            {
                int k = (j + n) * width;
                s.Codes(n, ref Unsafe.Add(ref x, k), Math.Min(width, columns - k), ahead, ref Unsafe.Add(ref codes, k));
            }
        }
    }

    /// <summary>A run of one tile, whose scale is written elsewhere.</summary>
    private static void Tile<L, W, E, C>(ref E x, int count, uint greatest, QuantizeAttributes attributes, ref C codes)
        where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where E : unmanaged where C : unmanaged
    {
        float scale = 0f;
        Span<uint> maxima = stackalloc uint[Group * Group];
        maxima[..Group].Fill(greatest);
        var s = new GroupScales<L, W, E, C>(attributes);
        s.Set(maxima, 1, ref scale);
        int even = count / TileGrid.Side * TileGrid.Side;
        int whole = s.WholeTiles(1, ref x, even, 0, ref codes) * even;
        s.Codes(0, ref Unsafe.Add(ref x, whole), count - whole, 0, ref Unsafe.Add(ref codes, whole));
    }

    /// <summary>Tiles of up to 128 rows and 128 columns, as many as a band has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Square<L, W, E, C>(ref E x, int rows, int columns, int K, QuantizeAttributes attributes, ref C codes, ref float scales)
        where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where E : unmanaged where C : unmanaged
    {
        int tiles = TileGrid.Ceil(columns);
        Span<uint> maxima = stackalloc uint[Group * Group];
        maxima.Clear();
        for (int t = 0; t < rows; t++)
        {
            for (int j = 0; j < tiles; j++)
            {
                ref E run = ref Unsafe.Add(ref x, (nint)t * K + j * TileGrid.Side);
                TileKernel<L, W, E, C>.Raise16(ref run, Math.Min(TileGrid.Side, columns - j * TileGrid.Side), ref maxima[Group * j]);
            }
        }

        var s = new GroupScales<L, W, E, C>(attributes);
        s.Set(maxima, tiles, ref scales);
        nint ahead = (nint)BandColumns * Unsafe.SizeOf<E>();
        for (int t = 0; t < rows; t++)
        {
            int first = s.WholeTiles(columns / TileGrid.Side, ref Unsafe.Add(ref x, (nint)t * K), TileGrid.Side, ahead, ref Unsafe.Add(ref codes, (nint)t * K));
            for (int j = first; j < tiles; j++)
            {
                nint at = (nint)t * K + j * TileGrid.Side;
                s.Codes(j, ref Unsafe.Add(ref x, at), Math.Min(TileGrid.Side, columns - j * TileGrid.Side), ahead, ref Unsafe.Add(ref codes, at));
            }
        }
    }

    /// <summary>Tiles of up to 128 rows and one column, as many as a band has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Upright<L, W, E, C>(ref E x, int rows, int columns, int K, QuantizeAttributes attributes, ref C codes, ref float scales)
        where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where E : unmanaged where C : unmanaged
    {
        Span<uint> greatest = stackalloc uint[BandColumns];
        greatest.Clear();
        for (int t = 0; t < rows; t++)
            TileKernel<L, W, E, C>.Raise(ref Unsafe.Add(ref x, (nint)t * K), ref greatest[0], columns);

        Span<float> own = stackalloc float[BandColumns], factors = stackalloc float[BandColumns], residues = stackalloc float[BandColumns];
        bool ordinary = true;
        int whole = columns & ~15;
        for (int k = 0; k < whole; k += 16)
            ordinary &= TileKernel<L, W, E, C>.Scales(ref greatest[k], attributes, ref own[k], ref factors[k], ref residues[k]);
        if (!ordinary)
            whole = 0;
        Span<TileScale> rest = stackalloc TileScale[columns - whole];
        for (int k = whole; k < columns; k++)
        {
            rest[k - whole] = TileScale.Of(BitConverter.UInt32BitsToSingle(greatest[k]), Largest<C>(), attributes);
            own[k] = rest[k - whole].Scale;
        }

        for (int k = 0; k < columns; k++)
            Unsafe.Add(ref scales, k) = own[k];
        bool divides = DividesInexactly(attributes);
        for (int t = 0; t < rows; t++)
        {
            ref E row = ref Unsafe.Add(ref x, (nint)t * K);
            ref C line = ref Unsafe.Add(ref codes, (nint)t * K);
            TileKernel<L, W, E, C>.CodesByColumn(ref row, whole, ref factors[0], ref residues[0], divides, ref line);
            for (int k = whole; k < columns; k++)
                TileKernel<L, W, E, C>.AnyCodes(ref Unsafe.Add(ref row, k), 1, rest[k - whole], ref Unsafe.Add(ref line, k));
        }
    }

    /// <summary>Tiles whose scales are computed together.</summary>
    private const int Group = 16;

    [InlineArray(Group)]
    private struct Sixteen<T>
    {
        private T element;
    }

    /// <summary>The scales of up to sixteen tiles, written where the caller wants them, and what the codes need of them.</summary>
    private ref struct GroupScales<L, W, E, C> where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where E : unmanaged where C : unmanaged
    {
        private readonly QuantizeAttributes attributes;
        private readonly bool divides;
        private readonly BFloat16Steps? steps;
        private readonly uint leastAmax;
        private bool ordinary;
        private bool unclamped;
        private Sixteen<uint> amax;
        private Sixteen<float> scale;
        private Sixteen<float> factor;
        private Sixteen<float> residue;

        public GroupScales(QuantizeAttributes attributes)
        {
            this.attributes = attributes;
            divides = DividesInexactly(attributes);
            steps = typeof(L) == typeof(Lanes512) && typeof(E) == typeof(ushort) && typeof(C) == typeof(byte) ? BFloat16Steps.Of(attributes) : null;
            leastAmax = BFloat16Steps.LeastAmax(attributes.Clamp);
        }

        /// <summary>Takes the scales of count tiles from sixteen maxima of each.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Set(scoped Span<uint> maxima, int count, ref float scales)
        {
            maxima[(Group * count)..].Fill(0x3F800000);
            TileKernel<L, W, E, C>.GreatestOfEach(ref maxima[0], ref amax[0]);
            ordinary = TileKernel<L, W, E, C>.Scales(ref amax[0], attributes, ref scale[0], ref factor[0], ref residue[0]);
            unclamped = true;
            for (int n = 0; n < count; n++)
                unclamped &= amax[n] >= leastAmax;
            for (int n = 0; n < count; n++)
                Unsafe.Add(ref scales, n) = ordinary ? scale[n] : Definition(n).Scale;
        }

        /// <summary>The codes of a run of tile n.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Codes(int n, ref E x, int count, nint ahead, ref C codes)
        {
            if (ordinary)
                TileKernel<L, W, E, C>.Codes(ref x, count, scale[n], factor[n], residue[n], divides, ahead, ref codes);
            else
                TileKernel<L, W, E, C>.AnyCodes(ref x, count, Definition(n), ref codes);
        }

        /// <summary>The codes of the first tiles of the group, all of them whole, where one call can make them; how many it did.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int WholeTiles(int whole, ref E x, int width, nint ahead, ref C codes)
        {
            if (!ordinary || typeof(L) != typeof(Lanes512) || typeof(C) != typeof(byte) || width % TileKernel512.Step != 0)
                return 0;
            int count = Math.Min(whole, Group);
            if (steps != null && unclamped)
            {
                TileKernel512.Tiles(
                    ref Unsafe.As<E, ushort>(ref x), count, width, steps, ref amax[0], ref factor[0], ref residue[0], divides, ahead, ref Unsafe.As<C, byte>(ref codes));
                return count;
            }

            TileKernel512.Tiles(ref x, count, width, ref factor[0], ref residue[0], divides, ahead, ref Unsafe.As<C, byte>(ref codes));
            return count;
        }

        private TileScale Definition(int n) => TileScale.Of(BitConverter.UInt32BitsToSingle(amax[n]), Largest<C>(), attributes);
    }
}
