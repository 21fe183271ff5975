using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Verification;

/// <summary>Elements of any dtype as binary64 (exact for every floating format) and as their own bits.</summary>
internal static class ElementReader
{
    /// <summary>Whether values of the dtype can be compared as real numbers.</summary>
    public static bool IsReal(DType dtype) => dtype.IsFloat() || dtype is DType.F8_E4M3 or DType.F8_E5M2 or DType.F8_E8M0 or DType.F8_E4M3FNUZ or DType.F8_E5M2FNUZ;

    /// <summary>Whether values of the dtype are whole numbers.</summary>
    public static bool IsInteger(DType dtype) => dtype is DType.I64 or DType.I32 or DType.I16 or DType.I8 or DType.U64 or DType.U32 or DType.U16 or DType.U8 or DType.Bool;

    /// <summary>Element i as binary64; 64-bit integers are rounded.</summary>
    public static double Value(Tensor t, long i) => t.DType switch
    {
        DType.F64 => At<double>(t, i),
        DType.F32 => At<float>(t, i),
        DType.BF16 => BFloat16.FromBits(At<ushort>(t, i)).ToSingle(),
        DType.F16 => (double)At<Half>(t, i),
        DType.F8_E4M3 => At<Float8E4M3>(t, i).ToSingle(),
        DType.F8_E5M2 => At<Float8E5M2>(t, i).ToSingle(),
        DType.F8_E4M3FNUZ => Unsigned(At<byte>(t, i), 3, 8),
        DType.F8_E5M2FNUZ => Unsigned(At<byte>(t, i), 2, 16),
        DType.F8_E8M0 => At<Float8E8M0>(t, i).ToSingle(),
        DType.I64 => At<long>(t, i),
        DType.I32 => At<int>(t, i),
        DType.I16 => At<short>(t, i),
        DType.I8 => At<sbyte>(t, i),
        DType.U64 => At<ulong>(t, i),
        DType.U32 => At<uint>(t, i),
        DType.U16 => At<ushort>(t, i),
        DType.U8 or DType.Bool => At<byte>(t, i),
        _ => throw new ShapeException($"{t} cannot be compared by value; widen it first"),
    };

    /// <summary>Element i of an integer tensor, exactly.</summary>
    public static Int128 Integer(Tensor t, long i) => t.DType switch
    {
        DType.I64 => At<long>(t, i),
        DType.U64 => At<ulong>(t, i),
        _ => (Int128)Value(t, i),
    };

    /// <summary>The bits of element i.</summary>
    public static ulong Bits(Tensor t, long i) => (t.DType.Bits() / 8) switch
    {
        8 => At<ulong>(t, i),
        4 => At<uint>(t, i),
        2 => At<ushort>(t, i),
        _ => At<byte>(t, i),
    };

    /// <summary>Fraction bits and least exponent of a format: what a unit in the last place is made of.</summary>
    public static (int Fraction, int LeastExponent) Precision(DType dtype) => dtype switch
    {
        DType.F64 => (52, -1022),
        DType.F32 => (23, -126),
        DType.F16 => (10, -14),
        DType.BF16 => (7, -126),
        DType.F8_E4M3 => (3, -6),
        DType.F8_E5M2 => (2, -14),
        DType.F8_E4M3FNUZ => (3, -7),
        DType.F8_E5M2FNUZ => (2, -15),
        _ => (0, -127),
    };

    private static T At<T>(Tensor t, long i) where T : unmanaged =>
        Unsafe.ReadUnaligned<T>(ref Unsafe.AddByteOffset(ref t.ByteOrigin, (nint)(i * Unsafe.SizeOf<T>())));

    private static double Unsigned(byte code, int fraction, int bias)
    {
        if (code == 0x80)
            return double.NaN;
        double value = Finite((code & 0x7F) >> fraction, code & ((1 << fraction) - 1), fraction, bias);
        return (code & 0x80) != 0 ? -value : value;
    }

    private static double Finite(int exponent, int digits, int fraction, int bias) => exponent == 0
        ? double.ScaleB(digits, 1 - bias - fraction)
        : double.ScaleB((1 << fraction) + digits, exponent - bias - fraction);
}
