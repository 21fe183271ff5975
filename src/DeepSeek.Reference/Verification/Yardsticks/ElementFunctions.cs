namespace DeepSeek.Reference.Verification;

/// <summary>Element functions of candidates: how far a correct kernel's may be from the mathematical value.</summary>
/// <remarks>
/// The contract's own are correctly rounded (rule N5). A GPU's are not; figures are the largest errors in units of the last place that the CUDA C++ Programming
/// Guide 12, "Mathematical Functions", gives for single precision, and for the fast ones those of PTX's approximate instructions. A unit in the last place is at
/// most 2^-23 of a normal result, and 2^-149 of a subnormal one. docs/spec/bounds.md 6.
/// </remarks>
internal static class ElementFunctions
{
    /// <summary>A unit in the last place, as a part of the result, at the most.</summary>
    public const double Ulp = 1.0 / (1 << 23);

    /// <summary>expf is within 2 ulp; __expf, and Triton's exp by way of ex2.approx, within 2 + 1.173 |x|.</summary>
    public const double ExpUlps = 2, ExpUlpsPerArgument = 1.173;

    /// <summary>rsqrtf is within 2 ulp.</summary>
    public const double ReciprocalRootUlps = 2;

    /// <summary>sinf and cosf are within 2 ulp.</summary>
    public const double SineUlps = 2;

    /// <summary>__fdividef and div.full are within 2 ulp; a reciprocal (rcp.approx, 1 ulp) and a product are too.</summary>
    public const double QuotientUlps = 2;

    /// <summary>From here on a fast division may give 0 (__fdividef, 2^126 to 2^128).</summary>
    public const double LargestDivisor = 8.5070591730234616e37;

    /// <summary>__logf is within 3 ulp, and between 1/2 and 2 within 2^-21.41.</summary>
    public const double LogUlps = 3, LogAbsolute = 3.5892e-7;

    /// <summary>e^x.</summary>
    public static Ball Exp(Ball x)
    {
        if (double.IsNaN(x.Mid) || !double.IsFinite(x.Radius))
            return Ball.Nothing(double.NaN) with { Radius = double.IsFinite(x.Radius) ? 0 : double.PositiveInfinity };
        double e = Math.Exp(x.Mid);
        if (e == 0 && double.IsFinite(x.Mid))
            return new Ball(0, Roundoff.SingleUnderflow + 2 * Math.Exp(x.Mid + x.Radius));
        if (double.IsInfinity(x.Mid))
            return new Ball(e);
        if (double.IsInfinity(e))
            return Math.Exp(x.Mid - x.Radius) > 2 * Roundoff.SingleOverflow ? new Ball(e) : Ball.Nothing(e);
        var value = new Ball(e, e * Expm1(x.Radius) + e * (4 * Roundoff.Double));
        return Overflowing(value.Off((ExpUlps + ExpUlpsPerArgument * x.Most) * Ulp, ExpUlps));
    }

    /// <summary>1 / (1 + e^-x), from an exponential, an addition and a quotient.</summary>
    public static Ball Sigmoid(Ball x) => Quotient(1, x);

    /// <summary>x / (1 + e^-x), or x times a sigmoid.</summary>
    public static Ball SiLU(Ball x)
    {
        // The limit is -0, which the definition gives; -∞ over an infinite divisor is a NaN, which others give.
        if (double.IsNegativeInfinity(x.Mid))
            return Ball.Nothing(-0.0);
        return Quotient(x, x).Off(Roundoff.Single, 1);
    }

    /// <summary>1/√x of a number that is not negative.</summary>
    public static Ball ReciprocalRoot(Ball x)
    {
        if (double.IsNaN(x.Mid) || x.Mid < 0)
            return new Ball(double.NaN);
        double r = 1 / Math.Sqrt(x.Mid);
        if (x.Radius == 0 && !(x.Mid > 0 && double.IsFinite(x.Mid)))
            return new Ball(r);
        if (!double.IsFinite(x.Radius) || x.Mid - x.Radius <= 0)
            return Ball.Nothing(r);
        double most = 1 / Math.Sqrt(x.Mid - x.Radius);
        return new Ball(r, most - r + r * (4 * Roundoff.Double)).Off(ReciprocalRootUlps * Ulp, ReciprocalRootUlps);
    }

    /// <summary>ln x of a positive number.</summary>
    public static Ball Log(Ball x)
    {
        if (!double.IsFinite(x.Radius) || x.Radius >= x.Mid)
            return Ball.Nothing(Math.Log(x.Mid));
        double log = Math.Log(x.Mid);
        double spread = -Math.Log(1 - x.Radius / x.Mid) * (1 + 8 * Roundoff.Double);
        return new Ball(log, spread + Math.Abs(log) * (4 * Roundoff.Double) + LogAbsolute).Off(LogUlps * Ulp);
    }

    /// <summary>cos of a binary32 angle.</summary>
    public static Ball Cos(float x) => Sine(Math.Cos(x));

    /// <summary>sin of a binary32 angle.</summary>
    public static Ball Sin(float x) => Sine(Math.Sin(x));

    /// <summary>a / b in binary32, by an IEEE division or one of a GPU's fast ones.</summary>
    public static Ball Quotient32(Ball a, Ball b) => Overflowing((a / b).Off((QuotientUlps + 0.5) * Ulp, QuotientUlps));

    /// <summary>e^r - 1.</summary>
    public static double Expm1(double r) => r < 1e-5 ? r * (1 + r) : Math.Exp(r) * (1 + 4 * Roundoff.Double) - 1;

    private static Ball Sine(double value) => double.IsNaN(value) ? new Ball(value) : new Ball(value, 4 * Roundoff.Double * Math.Abs(value)).Off(SineUlps * Ulp, SineUlps);

    private static Ball Quotient(Ball numerator, Ball x)
    {
        if (double.IsNaN(x.Mid))
            return new Ball(double.NaN);
        if (!double.IsFinite(x.Radius))
            return Ball.Nothing(double.NaN);
        if (double.IsInfinity(x.Mid))
            return x.Mid > 0 ? numerator.Off(QuotientUlps * Ulp) : 0;
        Ball e = Exp(-x);
        double divisor = 1 + Math.Exp(-x.Mid);
        double exact = numerator.Mid / divisor;
        // An exponential that overflows, or a divisor too large for a fast division, gives 0 for what is hardly more.
        if (!(e.Most + 1 < LargestDivisor))
            return new Ball(exact, Math.Abs(exact) * (1 + 64 * Ulp) + 8 * Roundoff.SingleUnderflow);
        return Quotient32(numerator, (1 + e).Single()) with { Mid = exact };
    }

    private static Ball Overflowing(Ball value) => !double.IsFinite(value.Mid) || !double.IsFinite(value.Radius) ? value
        : value.Least >= Roundoff.SingleOverflow ? new Ball(Math.CopySign(double.PositiveInfinity, value.Mid))
        : value.Most >= Roundoff.SingleOverflow ? Ball.Nothing(value.Mid) : value;
}
