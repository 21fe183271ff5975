using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace DeepSeek.Reference.Numerics;

/// <summary>
/// The one place that says which vector paths this process may take. Each property is a constant to the JIT.
/// Without any of them the definitions run: the bits are the same by rule N1.
/// </summary>
/// <remarks>A path needs a hardware fma: the software fallback of <c>VectorNNN.FusedMultiplyAdd</c> is a call per element.</remarks>
internal static class Isa
{
    /// <summary>512-bit vectors with fma, dword and qword instructions.</summary>
    public static bool Has512 => Vector512.IsHardwareAccelerated && Avx512F.IsSupported && Avx512DQ.IsSupported && Avx512BW.IsSupported;

    /// <summary>256-bit vectors with fma and integer instructions.</summary>
    public static bool Has256 => Vector256.IsHardwareAccelerated && Avx2.IsSupported && Fma.IsSupported;

    /// <summary>128-bit vectors with fma: Arm64.</summary>
    public static bool Has128 => Vector128.IsHardwareAccelerated && AdvSimd.Arm64.IsSupported;

    /// <summary>True where some vector path exists.</summary>
    public static bool Any => Has512 || Has256 || Has128;

    /// <summary>The path in use, for reports.</summary>
    public static string Name => Has512 ? "AVX-512" : Has256 ? "AVX2+FMA" : Has128 ? "AdvSimd" : "scalar";
}
