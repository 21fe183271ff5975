using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>A matrix turned in scratch, so that what lay along the outputs lies along the sum. Copies, or exact widenings of bfloat16 codes.</summary>
internal static class FloatTurn
{
    // Columns that are turned for all rows before the next: four lines of each row, so that the rows' lines are asked for in pairs.
    private const int Strip = 64;
    private const int Side = 16;

    /// <summary>to_{j,i} = from_{i,j}; rows of the turned matrix are filled with +0 up to whole lines of sixteen.</summary>
    /// <param name="from">The first value: float, or ushort for bfloat16 codes.</param>
    /// <param name="fromStride">Distance of its rows.</param>
    /// <param name="rows">How many i.</param>
    /// <param name="columns">How many j.</param>
    /// <param name="to">The first value of the turned matrix.</param>
    /// <param name="toStride">Distance of its rows, whole lines at least.</param>
    public static void Turn<E>(ref E from, nint fromStride, int rows, int columns, ref float to, nint toStride) where E : unmanaged
    {
        for (int strip = 0; strip < columns; strip += Strip)
        {
            int end = Math.Min(columns, strip + Strip);
            for (int i = 0; i < rows; i += Side)
            {
                for (int j = strip; j < end; j += Side)
                {
                    Square(
                        ref Unsafe.Add(ref from, i * fromStride + j), fromStride, Math.Min(Side, rows - i), Math.Min(Side, end - j),
                        ref Unsafe.Add(ref to, j * toStride + i), toStride);
                }
            }
        }
    }

    private static void Square<E>(ref E from, nint fromStride, int rows, int columns, ref float to, nint toStride) where E : unmanaged
    {
        if (columns == Side && Isa.Has512)
        {
            Turn16(ref from, fromStride, rows, ref to, toStride);
            return;
        }

        int wholeRows = Isa.Any ? rows & ~3 : 0, wholeColumns = Isa.Any ? columns & ~3 : 0;
        for (int j = 0; j < wholeColumns; j += 4)
        {
            for (int i = 0; i < wholeRows; i += 4)
                Turn4(ref Unsafe.Add(ref from, i * fromStride + j), fromStride, ref Unsafe.Add(ref to, j * toStride + i), toStride);
        }

        for (int j = 0; j < columns; j++)
        {
            for (int i = j < wholeColumns ? wholeRows : 0; i < Side; i++)
                Unsafe.Add(ref to, j * toStride + i) = i < rows ? One(ref Unsafe.Add(ref from, i * fromStride + j)) : 0f;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Turn16<E>(ref E from, nint fromStride, int rows, ref float to, nint toStride) where E : unmanaged
    {
        (Vector512<float> a0, Vector512<float> a1, Vector512<float> a2, Vector512<float> a3) = Quads(ref from, fromStride, rows);
        (Vector512<float> b0, Vector512<float> b1, Vector512<float> b2, Vector512<float> b3) = Quads(ref Unsafe.Add(ref from, 4 * fromStride), fromStride, rows - 4);
        (Vector512<float> c0, Vector512<float> c1, Vector512<float> c2, Vector512<float> c3) = Quads(ref Unsafe.Add(ref from, 8 * fromStride), fromStride, rows - 8);
        (Vector512<float> d0, Vector512<float> d1, Vector512<float> d2, Vector512<float> d3) = Quads(ref Unsafe.Add(ref from, 12 * fromStride), fromStride, rows - 12);
        Columns4(a0, b0, c0, d0, ref to, toStride);
        Columns4(a1, b1, c1, d1, ref Unsafe.Add(ref to, toStride), toStride);
        Columns4(a2, b2, c2, d2, ref Unsafe.Add(ref to, 2 * toStride), toStride);
        Columns4(a3, b3, c3, d3, ref Unsafe.Add(ref to, 3 * toStride), toStride);
    }

    /// <summary>Four rows of sixteen, +0 where there are fewer: block b of result c holds the four values of column 4b + c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> C0, Vector512<float> C1, Vector512<float> C2, Vector512<float> C3) Quads<E>(ref E from, nint stride, int rows) where E : unmanaged
    {
        Vector512<float> zero = Vector512<float>.Zero;
        Vector512<float> a = rows > 0 ? LaneElements.Load<Lanes512, E>(ref from).V : zero;
        Vector512<float> b = rows > 1 ? LaneElements.Load<Lanes512, E>(ref Unsafe.Add(ref from, stride)).V : zero;
        Vector512<float> c = rows > 2 ? LaneElements.Load<Lanes512, E>(ref Unsafe.Add(ref from, 2 * stride)).V : zero;
        Vector512<float> d = rows > 3 ? LaneElements.Load<Lanes512, E>(ref Unsafe.Add(ref from, 3 * stride)).V : zero;
        Vector512<double> abLower = Avx512F.UnpackLow(a, b).AsDouble(), abUpper = Avx512F.UnpackHigh(a, b).AsDouble();
        Vector512<double> cdLower = Avx512F.UnpackLow(c, d).AsDouble(), cdUpper = Avx512F.UnpackHigh(c, d).AsDouble();
        return (
            Avx512F.UnpackLow(abLower, cdLower).AsSingle(), Avx512F.UnpackHigh(abLower, cdLower).AsSingle(),
            Avx512F.UnpackLow(abUpper, cdUpper).AsSingle(), Avx512F.UnpackHigh(abUpper, cdUpper).AsSingle());
    }

    /// <summary>Blocks 0 to 3 of four registers become rows 0, 4, 8 and 12.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Columns4(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, ref float to, nint stride)
    {
        Vector512<float> abEven = Avx512F.Shuffle4x128(a, b, 0x88), abOdd = Avx512F.Shuffle4x128(a, b, 0xDD);
        Vector512<float> cdEven = Avx512F.Shuffle4x128(c, d, 0x88), cdOdd = Avx512F.Shuffle4x128(c, d, 0xDD);
        Avx512F.Shuffle4x128(abEven, cdEven, 0x88).StoreUnsafe(ref to);
        Avx512F.Shuffle4x128(abOdd, cdOdd, 0x88).StoreUnsafe(ref Unsafe.Add(ref to, 4 * stride));
        Avx512F.Shuffle4x128(abEven, cdEven, 0xDD).StoreUnsafe(ref Unsafe.Add(ref to, 8 * stride));
        Avx512F.Shuffle4x128(abOdd, cdOdd, 0xDD).StoreUnsafe(ref Unsafe.Add(ref to, 12 * stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn4<E>(ref E from, nint fromStride, ref float to, nint toStride) where E : unmanaged
    {
        Vector128<float> a = Four(ref from), b = Four(ref Unsafe.Add(ref from, fromStride));
        Vector128<float> c = Four(ref Unsafe.Add(ref from, 2 * fromStride)), d = Four(ref Unsafe.Add(ref from, 3 * fromStride));
        Vector128<double> abLower = ZipLower(a, b).AsDouble(), abUpper = ZipUpper(a, b).AsDouble();
        Vector128<double> cdLower = ZipLower(c, d).AsDouble(), cdUpper = ZipUpper(c, d).AsDouble();
        ZipLower(abLower, cdLower).AsSingle().StoreUnsafe(ref to);
        ZipUpper(abLower, cdLower).AsSingle().StoreUnsafe(ref Unsafe.Add(ref to, toStride));
        ZipLower(abUpper, cdUpper).AsSingle().StoreUnsafe(ref Unsafe.Add(ref to, 2 * toStride));
        ZipUpper(abUpper, cdUpper).AsSingle().StoreUnsafe(ref Unsafe.Add(ref to, 3 * toStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Four<E>(ref E from) where E : unmanaged
    {
        if (typeof(E) == typeof(float))
            return Vector128.LoadUnsafe(ref Unsafe.As<E, float>(ref from));
        Vector128<ushort> codes = Vector128.CreateScalar(Unsafe.ReadUnaligned<ulong>(ref Unsafe.As<E, byte>(ref from))).AsUInt16();
        return (Vector128.WidenLower(codes) << 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float One<E>(ref E from) where E : unmanaged =>
        typeof(E) == typeof(float) ? Unsafe.As<E, float>(ref from) : BitConverter.UInt32BitsToSingle((uint)Unsafe.As<E, ushort>(ref from) << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLower(Vector128<float> x, Vector128<float> y) => Sse.IsSupported ? Sse.UnpackLow(x, y) : AdvSimd.Arm64.ZipLow(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipUpper(Vector128<float> x, Vector128<float> y) => Sse.IsSupported ? Sse.UnpackHigh(x, y) : AdvSimd.Arm64.ZipHigh(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> ZipLower(Vector128<double> x, Vector128<double> y) => Sse2.IsSupported ? Sse2.UnpackLow(x, y) : AdvSimd.Arm64.ZipLow(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> ZipUpper(Vector128<double> x, Vector128<double> y) => Sse2.IsSupported ? Sse2.UnpackHigh(x, y) : AdvSimd.Arm64.ZipHigh(x, y);
}
