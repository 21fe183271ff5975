using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

/// <summary>Whether the calling thread computes as IEEE 754 says (rule N2): native code in the process can leave another rounding or flush mode behind.</summary>
/// <remarks>
/// <code>
/// 1 + 2^-25 = 1, 1 - 2^-25 = 1         to nearest, ties to even: up moves the first, down and to zero the second
/// 2^-126 · 1/2 = 2^-127                a result that is subnormal is kept
/// 2^-127 · 2   = 2^-126                an operand that is subnormal is kept
/// </code>
/// </remarks>
internal static class FloatingPointMode
{
    private const uint Normal = 0x00800000;
    private const uint Subnormal = 0x00400000;

    /// <summary>Throws unless this thread rounds to nearest and keeps subnormal numbers.</summary>
    /// <exception cref="ContractException">It does not.</exception>
    public static void Require()
    {
        float one = Opaque(1f);
        float small = Opaque(1f / (1 << 25));
        if (one + small != 1f || one - small != 1f)
            throw Changed("does not round to nearest");
        if (Bits(Opaque(Float(Normal)) * Opaque(0.5f)) != Subnormal || Bits(Opaque(Float(Subnormal)) * Opaque(2f)) != Normal)
            throw Changed("flushes subnormal numbers to zero");
    }

    private static ContractException Changed(string how) =>
        new($"this thread's arithmetic {how}: native code in the process has changed its floating-point mode; restore it before computing here");

    /// <summary>x, unknown to the compiler: what it computes itself would say nothing about the thread.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float Opaque(float x) => x;

    private static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);

    private static uint Bits(float x) => BitConverter.SingleToUInt32Bits(x);
}
