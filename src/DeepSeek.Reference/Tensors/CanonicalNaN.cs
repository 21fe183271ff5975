using System.Runtime.InteropServices;

namespace DeepSeek.Reference;

/// <summary>Which NaN a file or hash carries.</summary>
public enum NaNBits
{
    /// <summary>The canonical quiet NaN of F32, BF16, F16, F64 and C64, whatever NaN the tensor holds (rules N3, N15).</summary>
    Canonical,

    /// <summary>The bits as they are, for what emulates a unit with a NaN of its own.</summary>
    AsStored,
}

/// <summary>Rules N3 and N15: results that leave the library carry one NaN.</summary>
/// <remarks><code>F32 0x7FC00000   BF16 0x7FC0   F16 0x7E00   F64 0x7FF8000000000000   C64 each part as F32</code></remarks>
internal static class CanonicalNaN
{
    private const uint F32 = 0x7FC00000;
    private const ushort BF16 = 0x7FC0;
    private const ushort F16 = 0x7E00;
    private const ulong F64 = 0x7FF8000000000000;

    /// <summary>Whether elements of that dtype may need a change.</summary>
    public static bool Concerns(DType dtype) => dtype.IsFloat() || dtype == DType.C64;

    /// <summary>Replaces every NaN among whole elements.</summary>
    public static void Apply(DType dtype, Span<byte> elements)
    {
        switch (dtype)
        {
            case DType.F32 or DType.C64:
                foreach (ref uint u in MemoryMarshal.Cast<byte, uint>(elements))
                {
                    if ((u & 0x7FFFFFFF) > 0x7F800000)
                        u = F32;
                }

                break;
            case DType.BF16:
                foreach (ref ushort u in MemoryMarshal.Cast<byte, ushort>(elements))
                {
                    if ((u & 0x7FFF) > 0x7F80)
                        u = BF16;
                }

                break;
            case DType.F16:
                foreach (ref ushort u in MemoryMarshal.Cast<byte, ushort>(elements))
                {
                    if ((u & 0x7FFF) > 0x7C00)
                        u = F16;
                }

                break;
            case DType.F64:
                foreach (ref ulong u in MemoryMarshal.Cast<byte, ulong>(elements))
                {
                    if ((u & 0x7FFFFFFFFFFFFFFF) > 0x7FF0000000000000)
                        u = F64;
                }

                break;
        }
    }
}
