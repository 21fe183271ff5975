using System.Numerics;

namespace DeepSeek.Reference.Numerics;

/// <summary>A real number in fixed point, 320 bits behind the point, for building tables: slow, exact enough to round once.</summary>
/// <remarks>
/// value = mantissa · 2^-320. Sums are exact; products and quotients are cut off at 2^-320; Ln, Exp and Pi are off by less than 2^-300.
/// Meant for magnitudes between 2^-100 and 2^100, where that is a relative error far below 2^-70.
/// No floating-point function is called, so a table is the same on every platform.
/// </remarks>
internal readonly struct HighPrecision : IComparable<HighPrecision>
{
    private const int Bits = 320;
    private readonly BigInteger mantissa;

    private HighPrecision(BigInteger mantissa) => this.mantissa = mantissa;

    public static HighPrecision Zero => default;

    public static HighPrecision One { get; } = FromRatio(1, 1);

    /// <summary>ln 2 = 2 artanh(1/3).</summary>
    public static HighPrecision Ln2 { get; } = ArTanh(FromRatio(1, 3)) * FromRatio(2, 1);

    /// <summary>π = 16 arctan(1/5) - 4 arctan(1/239).</summary>
    public static HighPrecision Pi { get; } = ArcTanOfInverse(5) * FromRatio(16, 1) - ArcTanOfInverse(239) * FromRatio(4, 1);

    public static HighPrecision FromRatio(BigInteger numerator, BigInteger denominator) => new((numerator << Bits) / denominator);

    /// <summary>The exact value of a finite binary64 of magnitude at least 2^-268, else cut off.</summary>
    public static HighPrecision FromDouble(double x)
    {
        long bits = BitConverter.DoubleToInt64Bits(x);
        int exponent = (int)((bits >> 52) & 0x7FF);
        if (exponent == 0x7FF)
            throw new ContractException($"{x} is not a number that a table can be built from");
        BigInteger fraction = bits & 0xFFFFFFFFFFFFF | (exponent == 0 ? 0 : 1L << 52);
        int shift = Math.Max(exponent, 1) - 1075 + Bits;
        fraction = shift >= 0 ? fraction << shift : fraction >> -shift;
        return new(bits < 0 ? -fraction : fraction);
    }

    public static HighPrecision operator +(HighPrecision a, HighPrecision b) => new(a.mantissa + b.mantissa);

    public static HighPrecision operator -(HighPrecision a, HighPrecision b) => new(a.mantissa - b.mantissa);

    public static HighPrecision operator *(HighPrecision a, HighPrecision b) => new((a.mantissa * b.mantissa) >> Bits);

    public static HighPrecision operator /(HighPrecision a, HighPrecision b) => new((a.mantissa << Bits) / b.mantissa);

    public int CompareTo(HighPrecision other) => mantissa.CompareTo(other.mantissa);

    /// <summary>The largest integer not above the value.</summary>
    public BigInteger Floor() => mantissa >> Bits;

    /// <summary>The smallest integer not below the value.</summary>
    public BigInteger Ceiling() => -(-mantissa >> Bits);

    /// <summary>√x for x ≥ 0, by Newton's iteration on the integer 2^320 · mantissa.</summary>
    public static HighPrecision Sqrt(HighPrecision x)
    {
        if (x.mantissa.Sign <= 0)
            return Zero;
        BigInteger n = x.mantissa << Bits;
        BigInteger root = BigInteger.One << (int)((n.GetBitLength() + 1) / 2);
        while (true)
        {
            BigInteger next = (root + n / root) >> 1;
            if (next >= root)
                return new(root);
            root = next;
        }
    }

    /// <summary>ln x for x > 0: x = z · 2^k with z in [1, 2), ln z = 2 artanh((z - 1)/(z + 1)).</summary>
    public static HighPrecision Ln(HighPrecision x)
    {
        if (x.mantissa.Sign <= 0)
            throw new ContractException("the logarithm of a number that is not positive was asked for, building a table");
        int k = (int)x.mantissa.GetBitLength() - 1 - Bits;
        var z = new HighPrecision(k >= 0 ? x.mantissa >> k : x.mantissa << -k);
        return ArTanh((z - One) / (z + One)) * FromRatio(2, 1) + Ln2 * FromRatio(k, 1);
    }

    /// <summary>e^x: x = k ln 2 + r with 0 ≤ r &lt; ln 2, and the Taylor series of e^r.</summary>
    public static HighPrecision Exp(HighPrecision x)
    {
        int k = (int)(x / Ln2).Floor();
        HighPrecision r = x - Ln2 * FromRatio(k, 1);
        HighPrecision sum = One;
        HighPrecision term = One;
        for (int n = 1; !term.mantissa.IsZero; n++)
        {
            term = new((term * r).mantissa / n);
            sum += term;
        }

        return new(k >= 0 ? sum.mantissa << k : sum.mantissa >> -k);
    }

    /// <summary>x^y for x > 0.</summary>
    public static HighPrecision Pow(HighPrecision x, HighPrecision y) => Exp(Ln(x) * y);

    /// <summary>The nearest binary32, ties to even, subnormals and overflow included.</summary>
    public float ToSingle() => (float)Rounded(24, -149);

    /// <summary>The nearest binary64, ties to even; of magnitude 2^-320 at least, or zero.</summary>
    public double ToDouble() => Rounded(53, -1074);

    /// <summary>Rounds to that many significant bits, none below 2^lowest; the result is exact as a binary64.</summary>
    private double Rounded(int significant, int lowest)
    {
        BigInteger magnitude = BigInteger.Abs(mantissa);
        int cut = Math.Max((int)magnitude.GetBitLength() - significant, lowest + Bits);
        if (cut > 0)
        {
            BigInteger half = BigInteger.One << (cut - 1);
            BigInteger kept = magnitude >> cut;
            BigInteger rest = magnitude - (kept << cut);
            if (rest > half || rest == half && !kept.IsEven)
                kept += 1;
            magnitude = kept << cut;
        }

        // At most 53 significant bits are left, so that both steps are exact.
        int scale = Math.Max((int)magnitude.GetBitLength() - 53, 0);
        double value = Math.ScaleB((double)(magnitude >> scale), scale - Bits);
        return mantissa.Sign < 0 ? -value : value;
    }

    /// <summary>artanh x = x + x³/3 + x⁵/5 + ... for |x| ≤ 1/3.</summary>
    private static HighPrecision ArTanh(HighPrecision x)
    {
        HighPrecision square = x * x;
        HighPrecision power = x;
        HighPrecision sum = x;
        for (int n = 3; !power.mantissa.IsZero && power.mantissa != BigInteger.MinusOne; n += 2)
        {
            power *= square;
            sum += new HighPrecision(power.mantissa / n);
        }

        return sum;
    }

    /// <summary>arctan(1/n) = 1/n - 1/(3n³) + 1/(5n⁵) - ...</summary>
    private static HighPrecision ArcTanOfInverse(int n)
    {
        BigInteger power = (BigInteger.One << Bits) / n;
        BigInteger sum = power;
        for (int k = 3; !power.IsZero; k += 2)
        {
            power /= n * n;
            sum += (k & 2) != 0 ? -(power / k) : power / k;
        }

        return new(sum);
    }
}
