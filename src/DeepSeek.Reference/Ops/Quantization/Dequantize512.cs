using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using DeepSeek.Reference.Numerics;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.Ops;

/// <summary>E4M3 codes of one tile to bfloat16 on 512-bit registers, thirty-two a step.</summary>
/// <remarks>
/// Sixteen products are all there is to compute: of the seven numbers below the normal ones and zero, codes 0 to 7, and of the normal ones of the least exponent, codes 8 to 15.
/// A normal number's code of a greater exponent adds to the product's exponent what it adds to the code's, times sixteen, as long as no product is subnormal or infinite.
/// </remarks>
internal static class Dequantize512
{
    /// <summary>Elements of a step.</summary>
    private const int Step = 32;

    /// <summary>Scales between this and its reciprocal leave all products normal.</summary>
    private const float LeastOrdinary = 1f / (1L << 60);

    /// <summary>True where the products of this scale are normal.</summary>
    [MethodImpl(Always)]
    public static bool Takes(float scale) => scale is >= LeastOrdinary and <= 1 / LeastOrdinary;

    /// <summary>bfloat16(RN32(code · scale)) of whole steps; the count of elements done.</summary>
    [MethodImpl(Always)]
    public static nint Run(ref byte codes, nint count, float scale, ref ushort y)
    {
        Vector512<ushort> products = Products(scale), quiet = Vector512.Create((ushort)0x7FC0);
        nint k = 0;
        for (; k <= count - Step; k += Step)
        {
            Vector512<ushort> code = Avx512BW.ConvertToVector512UInt16(Vector256.LoadUnsafe(ref codes, (nuint)k));
            Vector512<ushort> u = code & Vector512.Create((ushort)0x7F);
            // u itself below 8, else 8 and the fraction.
            Vector512<ushort> which = Vector512.Min(u, (u & Vector512.Create((ushort)7)) | Vector512.Create((ushort)8));
            Vector512<ushort> value = (u << 4) + Avx512BW.PermuteVar32x16(products, which);
            value = Vector512.ConditionalSelect(Vector512.Equals(u, Vector512.Create((ushort)0x7F)), quiet, value);
            (value | ((code << 8) & Vector512.Create((ushort)0x8000))).StoreUnsafe(ref y, (nuint)k);
        }

        return k;
    }

    /// <summary>The products of codes 0 to 15 as bfloat16, less sixteen times the code; twice.</summary>
    [MethodImpl(Always)]
    private static Vector512<ushort> Products(float scale)
    {
        // 0 to 7 count 2^-9; so do 8 to 15, as a normal number of the least exponent has its leading one there.
        Vector512<uint> code = Vector512.CreateSequence<uint>(0, 1);
        Vector512<uint> u = (Vector512.CreateSequence<float>(0f, 1f / 512) * Vector512.Create(scale)).AsUInt32();
        Vector512<uint> rounded = (u + Vector512.Create(0x7FFFu) + ((u >>> 16) & Vector512.Create(1u))) >>> 16;
        Vector256<ushort> sixteen = Avx512F.ConvertToVector256UInt16(rounded - (code << 4));
        return Vector512.Create(sixteen, sixteen);
    }
}
