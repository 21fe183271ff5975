using System.Numerics;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>An exact fraction with one rounding to binary32 or bfloat16: a witness that shares no code with the library.</summary>
internal readonly record struct Rational(BigInteger Numerator, BigInteger Denominator)
{
    public static Rational Of(float x)
    {
        uint u = BitConverter.SingleToUInt32Bits(x);
        int e = (int)(u >> 23) & 255;
        BigInteger m = (u & 0x7FFFFF) | (e == 0 ? 0u : 0x800000u);
        int shift = Math.Max(e, 1) - 150;
        if (u >> 31 != 0)
            m = -m;
        return shift >= 0 ? new(m << shift, 1) : new(m, BigInteger.One << -shift);
    }

    public static Rational operator +(Rational a, Rational b) => new(a.Numerator * b.Denominator + b.Numerator * a.Denominator, a.Denominator * b.Denominator);

    public static Rational operator *(Rational a, Rational b) => new(a.Numerator * b.Numerator, a.Denominator * b.Denominator);

    public static Rational operator /(Rational a, Rational b) => b.Numerator.Sign < 0
        ? new(-a.Numerator * b.Denominator, -a.Denominator * b.Numerator)
        : new(a.Numerator * b.Denominator, a.Denominator * b.Numerator);

    /// <summary>1/√q to 2^-200 of its value, for q > 0.</summary>
    public static Rational InverseRoot(Rational q)
    {
        // √(den/num) = √(den · num · 4^k) / (num · 2^k)
        const int K = 400;
        BigInteger n = q.Numerator * q.Denominator << 2 * K;
        BigInteger low = 0, high = BigInteger.One << (int)(n.GetBitLength() / 2 + 1);
        while (high - low > 1)
        {
            BigInteger middle = low + high >> 1;
            if (middle * middle <= n)
                low = middle;
            else
                high = middle;
        }

        return new(low, q.Numerator << K);
    }

    public float ToFloat() => Round(24, -149);

    /// <summary>The binary32 that holds the nearest bfloat16.</summary>
    public float ToBFloat16() => Round(8, -133);

    private float Round(int significant, int lowest)
    {
        if (Numerator.IsZero)
            return 0f;
        BigInteger n = BigInteger.Abs(Numerator);

        // The exponent of the last kept bit.
        int e = (int)(n.GetBitLength() - Denominator.GetBitLength());
        if (e >= 0 ? n >= Denominator << e : n << -e >= Denominator)
            e++;
        int last = Math.Max(e - significant, lowest);
        BigInteger scaled = last < 0 ? n << -last : n;
        BigInteger d = last > 0 ? Denominator << last : Denominator;
        BigInteger whole = BigInteger.DivRem(scaled, d, out BigInteger rest);
        int half = (rest * 2).CompareTo(d);
        if (half > 0 || half == 0 && !whole.IsEven)
            whole += 1;
        double value = (double)whole * Math.ScaleB(1, last);
        return (float)(Numerator.Sign < 0 ? -value : value);
    }
}
