namespace DeepSeek.Reference.Verification;

/// <summary>The pieces that bounds are made of: unit roundoffs, sums in any order, and the one rounding at a store.</summary>
/// <remarks>
/// <code>
/// u           half the distance from 1 to the next number: 2^-24 binary32, 2^-8 bfloat16, 2^-53 binary64
/// growth(m)   (1 + u)^m - 1: relative error of m roundings one after another
/// store(v, e) [RN(v - e), RN(v + e)]: where a value within e of v lands, rounding being monotone
/// </code>
/// docs/spec/bounds.md 1 and 2. The arithmetic of bounds is binary64; <see cref="Slack"/> covers its own roundings.
/// </remarks>
internal static class Roundoff
{
    /// <summary>Unit roundoff of binary32.</summary>
    public const double Single = 1.0 / (1 << 24);

    /// <summary>Unit roundoff of bfloat16.</summary>
    public const double BFloat16 = 1.0 / (1 << 8);

    /// <summary>Unit roundoff of binary64.</summary>
    public const double Double = 1.0 / (1L << 53);

    /// <summary>Largest error of rounding to a subnormal binary32: half of 2^-149.</summary>
    public const double SingleUnderflow = 1.0 / (1L << 50) / (1L << 50) / (1L << 50);

    /// <summary>Largest error of rounding to a subnormal bfloat16: half of 2^-133.</summary>
    public const double BFloat16Underflow = 1.0 / (1L << 50) / (1L << 50) / (1L << 34);

    /// <summary>From here on a sum rounds to a binary32 infinity: 2^128 - 2^103.</summary>
    public const double SingleOverflow = 3.4028235677973366e38;

    /// <summary>Factor on every bound for the few dozen binary64 roundings that computed it.</summary>
    public const double Slack = 1 + 1.0 / (1L << 40);

    /// <summary>(1 + u)^m - 1 from above.</summary>
    public static double Growth(double m, double u)
    {
        // ln(1 + u) ≤ u, and e^x - 1 ≤ x (1 + x) for 0 ≤ x ≤ 1.
        double x = Math.Max(0, m) * u;
        return x <= 0.5 ? x * (1 + x) : Math.Exp(x) * Slack - 1;
    }

    /// <summary>Bound on a sum of products in binary32, in any order and split anywhere, products rounded or fused (docs/spec/bounds.md 3).</summary>
    /// <param name="sum">The exact sum.</param>
    /// <param name="magnitude">Σ |a b|.</param>
    /// <param name="n">Terms.</param>
    public static double SingleSum(double sum, double magnitude, double n)
    {
        double products = Single * magnitude + n * SingleUnderflow;
        return products + (LargestPartial(sum, magnitude) + products) * Growth(n - 1, Single);
    }

    /// <summary>The largest magnitude that any partial sum can have: that of the positive terms or of the negative ones.</summary>
    public static double LargestPartial(double sum, double magnitude) => 0.5 * (magnitude + Math.Abs(sum));

    /// <summary>Error of the yardstick's own sum of n terms in binary64.</summary>
    public static double OwnSum(double magnitude, double n) => n * Double * magnitude;

    /// <summary>A value within <paramref name="error"/> of <paramref name="exact"/>, rounded once to the output's format.</summary>
    public static Measurement Stored(double exact, double error, DType output)
    {
        if (double.IsNaN(exact))
            return new Measurement(exact, 0);
        if (!double.IsFinite(error))
            return Nothing(exact);
        if (double.IsInfinity(exact))
            return new Measurement(exact, 0);
        if (error > 0)
            error = error * Slack + Math.Abs(exact) * (2 * Double);
        double least = Round(exact - error, output), most = Round(exact + error, output);
        if (double.IsInfinity(least) && least == most)
            return new Measurement(least, 0);
        return double.IsInfinity(least) || double.IsInfinity(most) ? Nothing(exact) : new Measurement(exact, Math.Max(most - exact, exact - least) * Slack);
    }

    /// <summary>
    /// A binary32 result whose error, its own rounding included, is at most <paramref name="error"/>; a BF16 output rounds it once more.
    /// </summary>
    /// <param name="exact">The exact result.</param>
    /// <param name="error">The bound.</param>
    /// <param name="largest">The largest magnitude that an intermediate sum can have; from the overflow threshold on nothing is promised.</param>
    /// <param name="opposite">The largest that sums of the opposite sign can have: where it is far from the threshold and the result beyond, that is an infinity.</param>
    /// <param name="output">F32 or BF16.</param>
    public static Measurement OfSingle(double exact, double error, double largest, double opposite, DType output)
    {
        if (!double.IsFinite(error) && !double.IsNaN(exact))
            return Nothing(exact);
        if (double.IsFinite(exact) && largest + error >= SingleOverflow)
        {
            bool infinite = Math.Abs(exact) - error >= SingleOverflow && opposite + error < SingleOverflow / 2;
            return infinite ? new Measurement(Math.CopySign(double.PositiveInfinity, exact), 0) : Nothing(exact);
        }

        if (output != DType.F32)
            return Stored(exact, error, output);
        if (!double.IsFinite(exact))
            return new Measurement(exact, 0);
        return new Measurement(exact, error * Slack);
    }

    /// <summary>Nothing is promised of the element.</summary>
    public static Measurement Nothing(double exact) => new(exact, double.PositiveInfinity);

    /// <summary>The number of a format nearest to x, ties to even.</summary>
    public static double Round(double x, DType output) => output switch
    {
        DType.F32 => (float)x,
        DType.BF16 => DeepSeek.Reference.BFloat16.FromDouble(x).ToSingle(),
        _ => x,
    };
}
