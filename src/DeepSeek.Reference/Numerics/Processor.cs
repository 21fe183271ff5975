using System.Runtime.Intrinsics.X86;

namespace DeepSeek.Reference.Numerics;

/// <summary>What the processor is, where the best order of the same work depends on it. Nothing that decides a bit may ask.</summary>
internal static class Processor
{
    // The first four letters of AuthenticAMD.
    private const int AuthenticAmd = 0x6874_7541;

    /// <summary>A Zen 4: 512-bit instructions in two halves, a first-level cache of 32 KiB. AMD's family 25, whose other member, Zen 3, has the same cache and no 512-bit registers.</summary>
    public static readonly bool IsZen4 = IsAmdFamily(25);

    private static bool IsAmdFamily(int family)
    {
        if (!X86Base.IsSupported)
            return false;
        (_, int vendor, _, _) = X86Base.CpuId(0, 0);
        (int version, _, _, _) = X86Base.CpuId(1, 0);
        return vendor == AuthenticAmd && (version >> 8 & 0xF) + (version >> 20 & 0xFF) == family;
    }
}
