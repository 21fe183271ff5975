using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using DeepSeek.Reference.Numerics;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.Ops;

/// <summary>Rows of E4M3 codes that lie one below the other, and the row of x that each is multiplied with.</summary>
internal unsafe struct Float8Stream
{
    /// <summary>K values.</summary>
    public float* X;

    /// <summary>The first code.</summary>
    public byte* Codes;

    /// <summary>Scale (0, 0) of the weight that the rows are part of.</summary>
    public float* Scales;

    /// <summary>The row of that weight which the codes begin.</summary>
    public int Row;
}

/// <summary>Four streams of E4M3 codes side by side, a scale for each block of 128 x 128: weights are decoded in registers and never written.</summary>
/// <remarks>
/// A code's sign, exponent and fraction at their places in binary32, without a change of bias, are the value times 2^-120, subnormal codes included. Times scale · 2^120, which
/// is exact, that is RN32(value · scale), the dequantised weight. NaN codes would come out as 480; they and scales of 2^8 and more are left to the caller.
/// All rows in one call, whose loops hold none: with a call for each four rows, and calls inside that kept its sums in memory, rows of 256 and 1024 codes went at a half to three quarters of the speed.
/// </remarks>
internal static unsafe class Float8Rows512
{
    private const int Tile = TileGrid.Side;
    private const int Streams = 4;

    /// <summary>2^120: what the exponents of codes lack.</summary>
    public const float Rebias = (float)(1L << 60) * (1L << 60);

    // Scales below this times 2^120 are finite.
    private const float LargeScale = 256;

    /// <summary>
    /// y_{j,n} = Σ_k x_{j,k} RN32(code_{j,n,k} · scale_j(n, k)) in sixteen lanes (rule N6) for j &lt; 4, n &lt; rows. False where a code is NaN or a scale is too large: y then
    /// holds nothing of use.
    /// </summary>
    /// <param name="streams">Four streams.</param>
    /// <param name="across">Scales of a row.</param>
    /// <param name="rows">Rows of each stream.</param>
    /// <param name="K">Columns.</param>
    /// <param name="y">Where y_{0,0} goes.</param>
    /// <param name="yStride">Values from y_{j,n} to y_{j+1,n}.</param>
    public static bool Rows(Float8Stream* streams, int across, int rows, int K, float* y, nint yStride)
    {
        bool one = true;
        for (int j = 0; j < Streams; j++)
        {
            if (!Ordinary(streams[j], across, rows))
                return false;
            one &= streams[j].X == streams[0].X;
        }

        return one ? Rows<OneRow>(streams, across, rows, K, y, yStride) : Rows<FourRows>(streams, across, rows, K, y, yStride);
    }

    /// <summary>The same for streams that share one row of x, or have four. Keep calls, and statics that are checked, out of its loops.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Rows<TRows>(Float8Stream* streams, int across, int rows, int K, float* y, nint yStride) where TRows : struct, IRows
    {
        int whole = K / Tile, tail = K - whole * Tile;
        bool everyLine = WeightPrefetch.EveryLine;
        // The last columns, fewer than 128, as copies with +0 behind them: x and codes of 0, which add +0.
        float* lastX = stackalloc float[Streams * Tile];
        byte* last = stackalloc byte[Streams * Tile];
        Vector512<byte> lower = Below(tail), upper = Below(tail - 64);
        if (tail > 0)
            LastValues(streams, whole * Tile, tail, lastX);

        byte* c0 = streams[0].Codes, c1 = streams[1].Codes, c2 = streams[2].Codes, c3 = streams[3].Codes;
        Vector512<byte> largest = Vector512<byte>.Zero;
        for (int n = 0; n < rows; n++)
        {
            Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default;
            float* x0 = streams[0].X, x1 = streams[1].X, x2 = streams[2].X, x3 = streams[3].X;
            float* s0 = Scales(streams[0], n, across), s1 = Scales(streams[1], n, across), s2 = Scales(streams[2], n, across), s3 = Scales(streams[3], n, across);
            byte* w0 = c0, w1 = c1, w2 = c2, w3 = c3;
            for (int b = 0; b < across; b++)
            {
                if (b == whole)
                {
                    Copy(w0, last, lower, upper);
                    Copy(w1, last + Tile, lower, upper);
                    Copy(w2, last + 2 * Tile, lower, upper);
                    Copy(w3, last + 3 * Tile, lower, upper);
                    w0 = last;
                    w1 = last + Tile;
                    w2 = last + 2 * Tile;
                    w3 = last + 3 * Tile;
                    x0 = lastX;
                    x1 = lastX + Tile;
                    x2 = lastX + 2 * Tile;
                    x3 = lastX + 3 * Tile;
                }

                if (!everyLine)
                {
                    WeightPrefetch.NextPage(w0);
                    WeightPrefetch.NextPage(w1);
                    WeightPrefetch.NextPage(w2);
                    WeightPrefetch.NextPage(w3);
                }

                Vector512<float> rebias = Vector512.Create(Rebias);
                Vector512<float> f0 = Vector512.Create(s0[b]) * rebias, f1 = Vector512.Create(s1[b]) * rebias, f2 = Vector512.Create(s2[b]) * rebias, f3 = Vector512.Create(s3[b]) * rebias;
                for (int half = 0; half < 2; half++)
                {
                    if (everyLine)
                    {
                        WeightPrefetch.Ahead(w0);
                        WeightPrefetch.Ahead(w1);
                        WeightPrefetch.Ahead(w2);
                        WeightPrefetch.Ahead(w3);
                    }

                    largest = Vector512.Max(Vector512.Max(Magnitudes(w0), Magnitudes(w1)), Vector512.Max(Vector512.Max(Magnitudes(w2), Magnitudes(w3)), largest));
                    // Written out, with the registers of sums across all blocks: a loop here takes an eighth longer.
                    Add<TRows>(x0, x1, x2, x3, 0, w0, f0, w1, f1, w2, f2, w3, f3, ref a0, ref a1, ref a2, ref a3);
                    Add<TRows>(x0, x1, x2, x3, 16, w0, f0, w1, f1, w2, f2, w3, f3, ref a0, ref a1, ref a2, ref a3);
                    Add<TRows>(x0, x1, x2, x3, 32, w0, f0, w1, f1, w2, f2, w3, f3, ref a0, ref a1, ref a2, ref a3);
                    Add<TRows>(x0, x1, x2, x3, 48, w0, f0, w1, f1, w2, f2, w3, f3, ref a0, ref a1, ref a2, ref a3);
                    x0 += 64;
                    x1 += 64;
                    x2 += 64;
                    x3 += 64;
                    w0 += 64;
                    w1 += 64;
                    w2 += 64;
                    w3 += 64;
                }
            }

            LinearTiles512.Fold4(a0, a1, a2, a3, y + n, yStride);
            c0 += K;
            c1 += K;
            c2 += K;
            c3 += K;
        }

        return !Vector512.EqualsAny(largest, Vector512.Create((byte)0x7F));
    }

    /// <summary>Whether every scale of the stream's rows, times 2^120, is finite.</summary>
    public static bool Ordinary(Float8Stream stream, int across, int rows)
    {
        for (float* s = Scales(stream, 0, across), end = Scales(stream, rows - 1, across) + across; s < end; s++)
        {
            if (!(MathF.Abs(*s) < LargeScale))
                return false;
        }

        return true;
    }

    /// <summary>The scales of the stream's row n.</summary>
    [MethodImpl(Always)]
    public static float* Scales(in Float8Stream stream, int n, int across) => stream.Scales + (nint)((uint)(stream.Row + n) / Tile) * across;

    /// <summary>The last values of each stream's row of x.</summary>
    private static void LastValues(Float8Stream* streams, int from, int tail, float* lastX)
    {
        for (int j = 0; j < Streams; j++)
        {
            var copy = new Span<float>(lastX + j * Tile, Tile);
            new ReadOnlySpan<float>(streams[j].X + from, tail).CopyTo(copy);
            copy[tail..].Clear();
        }
    }

    /// <summary>Bytes of a register that stand before this one, as a mask.</summary>
    private static Vector512<byte> Below(int end) => Vector512.LessThan(Vector512<byte>.Indices, Vector512.Create((byte)Math.Clamp(end, 0, 64)));

    [MethodImpl(Always)]
    private static void Copy(byte* from, byte* to, Vector512<byte> lower, Vector512<byte> upper)
    {
        Avx512BW.MaskLoad(from, lower, Vector512<byte>.Zero).Store(to);
        Avx512BW.MaskLoad(from + 64, upper, Vector512<byte>.Zero).Store(to + 64);
    }

    /// <summary>Sixteen columns of four rows onto their lanes.</summary>
    [MethodImpl(Always)]
    private static void Add<TRows>(
        float* x0, float* x1, float* x2, float* x3, nint k, byte* w0, Vector512<float> f0, byte* w1, Vector512<float> f1, byte* w2, Vector512<float> f2, byte* w3, Vector512<float> f3,
        ref Vector512<float> a0, ref Vector512<float> a1, ref Vector512<float> a2, ref Vector512<float> a3) where TRows : struct, IRows
    {
        Vector512<float> x = Vector512.Load(x0 + k);
        a0 = Vector512.FusedMultiplyAdd(x, Scaled(w0 + k) * f0, a0);
        a1 = Vector512.FusedMultiplyAdd(TRows.One ? x : Vector512.Load(x1 + k), Scaled(w1 + k) * f1, a1);
        a2 = Vector512.FusedMultiplyAdd(TRows.One ? x : Vector512.Load(x2 + k), Scaled(w2 + k) * f2, a2);
        a3 = Vector512.FusedMultiplyAdd(TRows.One ? x : Vector512.Load(x3 + k), Scaled(w3 + k) * f3, a3);
    }

    /// <summary>Sixty-four codes without their signs; 7F is NaN.</summary>
    [MethodImpl(Always)]
    public static Vector512<byte> Magnitudes(byte* codes) => Vector512.Load(codes) & Vector512.Create((byte)0x7F);

    /// <summary>Sixteen codes as values times 2^-120.</summary>
    [MethodImpl(Always)]
    public static Vector512<float> Scaled(byte* codes) =>
        (Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)codes)), 20) & Vector512.Create(unchecked((int)0x87FFFFFF))).AsSingle();

    /// <summary>Whether the streams share their row of x.</summary>
    private interface IRows
    {
        static abstract bool One { get; }
    }

    private readonly struct OneRow : IRows
    {
        public static bool One => true;
    }

    private readonly struct FourRows : IRows
    {
        public static bool One => false;
    }
}
