namespace DeepSeek.Reference.Numerics;

/// <summary>What E4M3, E5M2 and E5M6 share: a code is sign, exponent, fraction, with gradual underflow.</summary>
/// <param name="Fraction">Bits of the fraction.</param>
/// <param name="Bias">Bias of the exponent.</param>
/// <remarks>
/// <code>
/// code of |x|:   |x| ≥ 2^(1-bias):  (u + half - 1 + (lowest kept bit)) >> (23 - fraction), minus (127 - bias) &lt;&lt; fraction      u = bits(|x|)
///                below:             |x| · 2^(bias-1+fraction) rounded to an integer, to nearest even
/// </code>
/// The second line is one binary32 addition: |x| + 2^(24-bias-fraction) has its last bit where the format's smallest subnormal is. Rule N18.
/// </remarks>
internal readonly record struct SmallFloat(int Fraction, int Bias)
{
    /// <summary>4 exponent and 3 fraction bits.</summary>
    public static SmallFloat E4M3 => new(3, 7);

    /// <summary>5 exponent and 2 fraction bits.</summary>
    public static SmallFloat E5M2 => new(2, 15);

    /// <summary>5 exponent and 6 fraction bits.</summary>
    public static SmallFloat E5M6 => new(6, 15);

    /// <summary>Fraction bits of a binary32 that the format does not have.</summary>
    public int Dropped => 23 - Fraction;

    /// <summary>The encoding of 2^(1-bias), the smallest normal value, as binary32.</summary>
    public uint SmallestNormal => (uint)(128 - Bias) << 23;

    /// <summary>The encoding of 2^(24-bias-fraction), as binary32: added to a value below the smallest normal, it leaves the rounded code in the low bits.</summary>
    public uint Anchor => (uint)(151 - Bias - Fraction) << 23;

    /// <summary>The code of |x| as if exponents went on: everything above the format's largest finite code overflows. u is the encoding of |x|, not NaN.</summary>
    public uint Magnitude(uint u)
    {
        if (u < SmallestNormal)
            return BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle(u) + BitConverter.UInt32BitsToSingle(Anchor)) - Anchor;
        uint rounded = u + ((1u << (Dropped - 1)) - 1) + ((u >> Dropped) & 1);
        return (rounded >> Dropped) - ((uint)(127 - Bias) << Fraction);
    }

    /// <summary>The value of a finite code without its sign: f·2^(1-bias-fraction) for exponent 0, else (2^fraction + f)·2^(e-bias-fraction). Exact.</summary>
    public float Value(uint magnitude)
    {
        uint e = magnitude >> Fraction;
        uint f = magnitude & ((1u << Fraction) - 1);
        return e == 0
            ? f * PowerOfTwo(1 - Bias - Fraction)
            : ((1u << Fraction) + f) * PowerOfTwo((int)e - Bias - Fraction);
    }

    private static float PowerOfTwo(int exponent) => BitConverter.UInt32BitsToSingle((uint)(127 + exponent) << 23);
}
