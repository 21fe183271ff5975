namespace DeepSeek.Reference.Verification;

/// <summary>Sums over a group of elements from which the statistics of NOISE follow (docs/spec/noise.md).</summary>
/// <remarks>
/// a = (y - r) / u for the candidate, b = (e - r) / u for the emulation of the declared contract, with r the rounded exact result and u the element's
/// <see cref="JudgedElements.Scale"/>. s is the sign of the exact result.
/// </remarks>
internal struct NoiseSums
{
    /// <summary>Elements.</summary>
    public long Count;

    /// <summary>Σ a², Σ a⁴, Σ b², Σ b⁴.</summary>
    public double A2, A4, B2, B4;

    /// <summary>Elements with y ≠ r, and with e ≠ r.</summary>
    public long CandidateOff, EmulationOff;

    /// <summary>Σ s a, Σ s b, Σ (a - b)².</summary>
    public double SignedA, SignedB, Difference2;

    /// <summary>Adds an element.</summary>
    public void Add(double a, double b, double sign)
    {
        Count++;
        double a2 = a * a, b2 = b * b;
        A2 += a2;
        A4 += a2 * a2;
        B2 += b2;
        B4 += b2 * b2;
        CandidateOff += a != 0 ? 1 : 0;
        EmulationOff += b != 0 ? 1 : 0;
        SignedA += sign * a;
        SignedB += sign * b;
        Difference2 += (a - b) * (a - b);
    }

    /// <summary>R: RMS of the candidate's error over that of the emulation's, or of the worst order; +∞ where that is 0.</summary>
    public readonly double Ratio(OrderAllowance orders) => A2 == 0 ? 0 : Math.Sqrt(A2 / Math.Max(B2, Count * orders.MeanSquare));

    /// <summary>
    /// How many standard errors ln R lies above 0, where R is beyond <see cref="NoiseTolerance.Ratio"/>; 0 where it is not.
    /// <paramref name="atom"/> is added to both sums, as one more error of typical size, so that a handful of elements off in one and none in the other is not an infinite ratio.
    /// </summary>
    public readonly double RatioExcess(NoiseTolerance tolerance, OrderAllowance orders, double atom)
    {
        double a2 = A2 + atom, b2 = Math.Max(B2, Count * orders.MeanSquare) + atom;
        if (Math.Sqrt(a2) <= tolerance.Ratio * Math.Sqrt(b2))
            return 0;

        // A sum of squares S has the relative variance Σ x⁴ / S² - 1/n; ln R is half the difference of two logarithms of such sums.
        double variance = ((A4 + atom * atom) / (a2 * a2) + (B4 + atom * atom) / (b2 * b2)) / 4;
        return (Math.Log(a2 / b2) / 2 - Math.Log(tolerance.CountedFromOne ? 1 : tolerance.Ratio)) / Math.Sqrt(variance);
    }

    /// <summary>
    /// How many standard errors the rate of results off lies above the emulation's, where it is beyond <see cref="NoiseTolerance.Rate"/> times that; 0 where it is not. The difference of arcsines of square roots (Anscombe's 3/8 added), whose variance is 1/(4n) each whatever the rate.
    /// </summary>
    public readonly double RateExcess(NoiseTolerance tolerance, OrderAllowance orders)
    {
        double off = Math.Max(EmulationOff, Count * orders.Rate);
        if (CandidateOff <= tolerance.Rate * off)
            return 0;
        double n = Count + 0.75;
        double p = Math.Min(1, (CandidateOff + 0.375) / n), q = Math.Min(1, ((tolerance.CountedFromOne ? 1 : tolerance.Rate) * off + 0.375) / n);
        return (Math.Asin(Math.Sqrt(p)) - Math.Asin(Math.Sqrt(q))) * Math.Sqrt(2 * n);
    }

    /// <summary>
    /// How many standard errors the mean error toward the result, Σ s a / n, lies outside the interval from 0 to the emulation's; 0 where it is outside by less than
    /// <see cref="NoiseTolerance.Bias"/> of the emulation's RMS. At the emulation's end the standard error is that of the paired differences a - b, which is small where the two share
    /// most of their roundings; at 0 it is that of a.
    /// </summary>
    /// <param name="tolerance">What is tolerated however well it is measured.</param>
    /// <param name="orders">What other orders do.</param>
    /// <param name="rows">Rows that the elements belong to.</param>
    public readonly double BiasExcess(NoiseTolerance tolerance, OrderAllowance orders, long rows)
    {
        if (Count < 2)
            return 0;
        double n = Count, a = SignedA / n, b = SignedB / n;
        double end = Math.Clamp(a, Math.Min(0, b), Math.Max(0, b));
        double distance = Math.Abs(a - end) - orders.Bias(rows);
        if (distance <= tolerance.Bias * Math.Sqrt(Math.Max(B2 / n, orders.MeanSquare)))
            return 0;
        if (!tolerance.CountedFromOne)
            distance -= tolerance.Bias * Math.Sqrt(Math.Max(B2 / n, orders.MeanSquare));
        double variance = end == 0 && b != 0 ? A2 / n - a * a : Difference2 / n - (a - b) * (a - b);

        // All errors alike: no spread to measure by; one error's worth of it stands in.
        double floor = distance * distance / n;
        return distance / Math.Sqrt((Math.Max(variance, 0) + floor) / n);
    }
}
