namespace DeepSeek.Reference.Verification;

/// <summary>A number that is known within a radius: what a value of a legitimate computation may be at some step (midpoint-radius arithmetic).</summary>
/// <remarks>
/// Operations bound what they do over the whole ball, their own binary64 rounding included. A rounding that the contract names is a step of its own: where the
/// value before it may fall on either side of a tie, the ball afterwards holds both. A radius of +∞ promises nothing. A midpoint that is no finite number, with
/// radius 0, is what every legitimate computation has there. docs/spec/bounds.md 2.
/// </remarks>
internal readonly record struct Ball(double Mid, double Radius = 0)
{
    /// <summary>The largest magnitude in it.</summary>
    public double Most => Math.Abs(Mid) + Radius;

    /// <summary>Whether nothing is promised.</summary>
    public bool IsNothing => double.IsPositiveInfinity(Radius);

    /// <summary>The least magnitude in it.</summary>
    public double Least => Math.Max(0, Math.Abs(Mid) - Radius);

    public static Ball operator +(Ball a, Ball b) => Of(a.Mid + b.Mid, a.Radius + b.Radius, a, b);

    public static Ball operator -(Ball a, Ball b) => a + -b;

    public static Ball operator -(Ball a) => new(-a.Mid, a.Radius);

    public static Ball operator *(Ball a, Ball b) =>
        Of(a.Mid * b.Mid, Math.Abs(a.Mid) * b.Radius + Math.Abs(b.Mid) * a.Radius + a.Radius * b.Radius, a, b);

    public static Ball operator /(Ball a, Ball b)
    {
        double q = a.Mid / b.Mid;
        if (b.Radius > 0 && b.Least <= 0)
            return Nothing(q);
        return Of(q, b.Radius == 0 && a.Radius == 0 ? 0 : (a.Radius + Math.Abs(q) * b.Radius) / b.Least, a, b);
    }

    /// <summary>An exact number.</summary>
    public static implicit operator Ball(double exact) => new(exact);

    /// <summary>Nothing is promised.</summary>
    public static Ball Nothing(double mid) => new(mid, double.PositiveInfinity);

    /// <summary>The same, with another error of this size.</summary>
    public Ball Plus(double error) => this with { Radius = Radius + error };

    /// <summary>The same, with another error of this part of its magnitude, and of some of the least binary32 steps.</summary>
    public Ball Off(double relative, double subnormalSteps = 0) => double.IsFinite(Mid) ? Plus(Most * relative + subnormalSteps * (2 * Roundoff.SingleUnderflow)) : this;

    /// <summary>After one rounding to binary32, of a result that may be subnormal.</summary>
    public Ball Single()
    {
        if (!double.IsFinite(Mid) || !double.IsFinite(Radius))
            return this;
        if (Least >= Roundoff.SingleOverflow)
            return new Ball(Math.CopySign(double.PositiveInfinity, Mid));
        if (Most >= Roundoff.SingleOverflow)
            return Nothing(Mid);
        return Plus(Math.Max(Most * Roundoff.Single, Most == 0 ? 0 : Roundoff.SingleUnderflow));
    }

    /// <summary>After a rounding to binary32 and one that the contract names to bfloat16: both neighbours where it may go either way.</summary>
    public Ball BFloat16() => Snapped(x => Store(x, DType.BF16));

    /// <summary>After one rounding to bfloat16 alone.</summary>
    public Ball BFloat16Once() => Snapped(x => Roundoff.Round(x, DType.BF16));

    /// <summary>After a rounding that the contract names, to a format of few enough numbers that the result is one of them.</summary>
    public Ball Snapped(Func<double, double> round)
    {
        if (double.IsNaN(Mid) || !double.IsFinite(Radius))
            return this;
        double mid = round(Mid), least = round(Mid - Radius), most = round(Mid + Radius);
        if (double.IsInfinity(mid) && mid == least && mid == most)
            return mid;
        return double.IsFinite(least) && double.IsFinite(most) ? new Ball(mid, Math.Max(most - mid, mid - least)) : Nothing(mid);
    }

    /// <summary>The measurement of a value that is rounded to binary32 and then to the output's format.</summary>
    public Measurement Stored(DType output)
    {
        if (double.IsNaN(Mid) || !double.IsFinite(Radius))
            return new Measurement(Mid, double.IsFinite(Radius) ? 0 : double.PositiveInfinity);
        double least = Store(Mid - Radius, output), most = Store(Mid + Radius, output);
        if (least == most && double.IsInfinity(least))
            return new Measurement(least, 0);
        return double.IsFinite(least) && double.IsFinite(most)
            ? new Measurement(Mid, Math.Max(most - Mid, Mid - least) * Roundoff.Slack)
            : Roundoff.Nothing(Mid);
    }

    private static double Store(double x, DType output) => output == DType.BF16 ? DeepSeek.Reference.BFloat16.RoundToFloat((float)x) : (float)x;

    private static Ball Of(double mid, double radius, Ball a, Ball b)
    {
        if (double.IsFinite(mid))
            return new Ball(mid, radius + Math.Abs(mid) * Roundoff.Double);
        // A number that may be zero beside an infinity makes an infinity or a NaN.
        bool certain = double.IsFinite(a.Radius) && double.IsFinite(b.Radius) && (a.Radius == 0 || a.Least > 0) && (b.Radius == 0 || b.Least > 0);
        return certain ? new Ball(mid) : Nothing(mid);
    }
}
