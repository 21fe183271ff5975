using System.Numerics;
using System.Runtime.InteropServices;

namespace DeepSeek.Reference;

/// <summary>Which NaN a file or hash carries.</summary>
public enum NaNBits
{
    /// <summary>The canonical NaN of each format, whatever NaN the tensor holds (rules N3, N15).</summary>
    Canonical,

    /// <summary>The bits as they are, for what emulates a unit with a NaN of its own.</summary>
    AsStored,
}

/// <summary>Rules N3 and N15: results that leave the library, in files and in hashes, carry one NaN a format.</summary>
/// <remarks>
/// <code>
/// F32 0x7FC00000   F64 0x7FF8000000000000   F16 0x7E00   BF16 0x7FC0   F8_E4M3 0x7F   F8_E5M2 0x7E   C64 each part as F32
/// </code>
/// The other formats have one NaN or none.
/// </remarks>
internal static class CanonicalNaN
{
    /// <summary>Whether elements of that dtype may need a change.</summary>
    public static bool Concerns(DType dtype) => dtype.IsFloat() || dtype is DType.C64 or DType.F8_E4M3 or DType.F8_E5M2;

    /// <summary>Replaces every NaN among whole elements.</summary>
    public static void Apply(DType dtype, Span<byte> elements)
    {
        switch (dtype)
        {
            case DType.F64:
                Replace<ulong>(MemoryMarshal.Cast<byte, ulong>(elements), largest: 0x7FF0000000000000, nan: 0x7FF8000000000000);
                break;
            case DType.F32 or DType.C64:
                Replace<uint>(MemoryMarshal.Cast<byte, uint>(elements), largest: 0x7F800000, nan: 0x7FC00000);
                break;
            case DType.BF16:
                Replace<ushort>(MemoryMarshal.Cast<byte, ushort>(elements), largest: 0x7F80, nan: 0x7FC0);
                break;
            case DType.F16:
                Replace<ushort>(MemoryMarshal.Cast<byte, ushort>(elements), largest: 0x7C00, nan: 0x7E00);
                break;
            case DType.F8_E4M3:
                Replace<byte>(elements, largest: 0x7E, nan: 0x7F);
                break;
            case DType.F8_E5M2:
                Replace<byte>(elements, largest: 0x7C, nan: 0x7E);
                break;
        }
    }

    /// <summary>A NaN is what lies above the largest magnitude (infinity, or E4M3's 448), sign aside.</summary>
    private static void Replace<T>(Span<T> codes, T largest, T nan) where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        T magnitude = T.MaxValue >>> 1;
        foreach (ref T code in codes)
        {
            if ((code & magnitude) > largest)
                code = nan;
        }
    }
}
