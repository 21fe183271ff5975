namespace DeepSeek.Reference.Numerics;

/// <summary>The error of a cast that is asked for an overflow its format does not have.</summary>
internal static class OverflowRefusal
{
    /// <summary>Names the format, what was asked, why not, and what can be asked.</summary>
    public static ContractException Of(string format, Fp8Overflow asked, string reason, Fp8Overflow first, Fp8Overflow second) =>
        new($"{format} {reason}: a cast cannot overflow to {asked}; take {nameof(Fp8Overflow)}.{first} or {nameof(Fp8Overflow)}.{second}");
}
