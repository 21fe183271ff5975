namespace DeepSeek.Reference.Numerics;

/// <summary>binary32 with the last bits of its fraction taken away: the formats of eight exponent bits that live in 32-bit registers.</summary>
/// <remarks>
/// A NaN is made quiet and keeps its sign and what is left of its payload. Overflow of the roundings to nearest goes to infinity.
/// Because a binary32 subnormal has the same exponent throughout, cutting bits gives the format's own subnormals.
/// </remarks>
internal static class FractionCut
{
    /// <summary>Towards zero.</summary>
    public static float Truncate(float x, int dropped) => Finish(x, BitConverter.SingleToUInt32Bits(x), dropped);

    /// <summary>To nearest, ties to even.</summary>
    public static float ToNearestEven(float x, int dropped)
    {
        uint u = BitConverter.SingleToUInt32Bits(x);
        return Finish(x, u + ((1u << (dropped - 1)) - 1) + ((u >> dropped) & 1), dropped);
    }

    /// <summary>To nearest, ties away from zero.</summary>
    public static float ToNearestAway(float x, int dropped) => Finish(x, BitConverter.SingleToUInt32Bits(x) + (1u << (dropped - 1)), dropped);

    private static float Finish(float x, uint rounded, int dropped)
    {
        uint quiet = BitConverter.SingleToUInt32Bits(x) | 0x00400000;
        return BitConverter.UInt32BitsToSingle((float.IsNaN(x) ? quiet : rounded) & ~((1u << dropped) - 1));
    }
}
