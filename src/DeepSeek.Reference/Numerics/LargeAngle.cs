namespace DeepSeek.Reference.Numerics;

/// <summary>sin and cos beyond |x| = 2^20, in the manner of Payne and Hanek: scalar, from integers and binary64 alone.</summary>
/// <remarks>
/// <code>
/// x = m 2^e, m &lt; 2^24 an integer
/// x (2/π) mod 4 = m · (192 bits of 2/π from bit e - 1 on, bit 1 being 1/2) mod 2^192, over 2^190
///               = q + F / 2^128,  q an integer, F a signed 128-bit fraction: its error is below 2^-100
/// r + r' = (F / 2^128) (π/2)                       as two binary64, |r| ≤ π/4
/// sin x = sin r, cos r, -sin r, -cos r for q mod 4 = 0, 1, 2, 3;   cos r = sin(π/2 - |r|)
/// </code>
/// ±∞ and NaN give NaN. Exhaustively tested: the listed arguments are the only ones that one rounding gets wrong.
/// </remarks>
internal static class LargeAngle
{
    private const double HalfPiHead = 1.5707963267948966, HalfPiTail = 6.123233995736766e-17;

    /// <summary>The bits of 2/π behind the binary point.</summary>
    private static ReadOnlySpan<ulong> TwoOverPi =>
        [0xA2F9836E4E441529, 0xFC2757D1F534DDC0, 0xDB6295993C439041, 0xFE5163ABDEBBC561, 0xB7246E3A424DD2E0];

    /// <summary>sin x.</summary>
    public static float Sin(float x) => BitConverter.SingleToUInt32Bits(x) switch
    {
        _ when !float.IsFinite(x) => Correct.NaN,
        0x55CAFB2A => BitConverter.UInt32BitsToSingle(0xBF7E7A17),
        0xD5CAFB2A => BitConverter.UInt32BitsToSingle(0x3F7E7A17),
        _ => Evaluate(x, 0),
    };

    /// <summary>cos x = sin(|x| + π/2).</summary>
    public static float Cos(float x) => (BitConverter.SingleToUInt32Bits(x) & 0x7FFFFFFF) switch
    {
        _ when !float.IsFinite(x) => Correct.NaN,
        0x5F18B878 => BitConverter.UInt32BitsToSingle(0x3F7F14BB),
        0x6115CB11 => BitConverter.UInt32BitsToSingle(0x3F78142F),
        0x7908CD73 => BitConverter.UInt32BitsToSingle(0x3F798BB5),
        _ => Evaluate(MathF.Abs(x), 1),
    };

    private static float Evaluate(float x, int quarters)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        int e = (int)(bits >> 23 & 0xFF) - 150;
        ulong m = bits & 0x7FFFFF | 0x800000;

        UInt128 low = (UInt128)m * Word(e - 2 + 128);
        UInt128 middle = (UInt128)m * Word(e - 2 + 64) + (low >> 64);
        UInt128 turn = ((UInt128)(m * Word(e - 2)) << 64) + middle; // x (2/π) mod 4, over 2^126
        int q = (int)(turn >> 126) + (int)(turn >> 125 & 1);
        var F = (Int128)(turn << 2);

        bool negative = Int128.IsNegative(F);
        UInt128 magnitude = (UInt128)(negative ? -F : F);
        int zeros = (int)UInt128.LeadingZeroCount(magnitude);
        UInt128 normal = magnitude << zeros;
        double head = (double)(ulong)(normal >> 75) * PowerOfTwo(75 - zeros - 128);
        double tail = (double)(ulong)(normal >> 22 & 0x1FFFFFFFFFFFFF) * PowerOfTwo(22 - zeros - 128);
        double r = head * HalfPiHead;
        double rest = Math.FusedMultiplyAdd(head, HalfPiHead, -r) + Math.FusedMultiplyAdd(head, HalfPiTail, tail * HalfPiHead);

        // Sign of r and of x aside: sin is odd. negative is F's; x's sign turns everything around.
        int quadrant = q + quarters;
        double y;
        if ((quadrant & 1) == 0)
        {
            y = Sine(r, rest);
            if (negative) y = -y;
        }
        else
        {
            double c = HalfPiHead - r;
            y = Sine(c, HalfPiHead - c - r + (HalfPiTail - rest));
        }
        if ((quadrant & 2) != 0) y = -y;
        return (float)(float.IsNegative(x) ? -y : y);
    }

    /// <summary>sin(r + rest): the polynomial, and rest · cos r to a few bits.</summary>
    private static double Sine(double r, double rest)
    {
        double t = r * r;
        double cosine = Math.FusedMultiplyAdd(t, Math.FusedMultiplyAdd(t, 1.0 / 24, -0.5), 1.0);
        return r + Math.FusedMultiplyAdd(rest, cosine, r * t * SineParts.Series(new Double1(t)).V);
    }

    /// <summary>64 bits of 2/π from bit position on; positions before the first bit are 0.</summary>
    private static ulong Word(int position)
    {
        if (position <= -64)
            return 0;
        if (position < 0)
            return TwoOverPi[0] >> -position;
        int i = position >> 6, s = position & 63;
        return s == 0 ? TwoOverPi[i] : TwoOverPi[i] << s | TwoOverPi[i + 1] >> (64 - s);
    }

    private static double PowerOfTwo(int n) => BitConverter.Int64BitsToDouble((long)(n + 1023) << 52);
}
