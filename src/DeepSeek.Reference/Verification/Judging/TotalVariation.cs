namespace DeepSeek.Reference.Verification;

/// <summary>Distance of two distributions over the same outcomes, and whether a histogram of samples fits one.</summary>
/// <remarks>
/// <code>
/// TV(p, q) = 1/2 Σ_i |p_i - q_i|
/// E TV(p̂, p) ≤ 1/2 Σ_i √(p_i (1 - p_i) / n)                       p̂ the shares of n samples: Jensen for each binomial
/// P[TV(p̂, p) ≥ E + t] ≤ exp(-2 n t²)                              McDiarmid: one sample moves TV by 1/n at most
/// </code>
/// so that TV beyond E + √(ln(1/α) / 2n) has a probability of at most α, whatever p is and however many outcomes it has.
/// </remarks>
internal static class TotalVariation
{
    /// <summary>Half the sum of the absolute differences.</summary>
    /// <exception cref="ShapeException">The lengths differ.</exception>
    public static double Distance(ReadOnlySpan<double> p, ReadOnlySpan<double> q)
    {
        if (p.Length != q.Length)
            throw new ShapeException($"{p.Length} probabilities cannot be compared with {q.Length}");
        double sum = 0;
        for (int i = 0; i < p.Length; i++)
            sum += Math.Abs(p[i] - q[i]);
        return sum / 2;
    }

    /// <summary>What the total variation distance of n samples from their distribution exceeds with a probability of at most <paramref name="alarm"/>.</summary>
    public static double Critical(ReadOnlySpan<double> p, long samples, double alarm)
    {
        double mean = 0;
        foreach (double x in p)
            mean += Math.Sqrt(Math.Max(0, x * (1 - x)) / samples);
        return mean / 2 + Math.Sqrt(Math.Log(1 / alarm) / (2 * samples));
    }

    /// <summary>The distance of counts from the distribution they are said to be drawn from, the critical value, and whether they pass. An outcome of probability 0 that was drawn never passes.</summary>
    /// <exception cref="ShapeException">The lengths differ, or nothing was drawn.</exception>
    public static (double Distance, double Critical, bool Passes) Test(ReadOnlySpan<long> counts, ReadOnlySpan<double> p, double alarm = 1e-9)
    {
        long n = 0;
        foreach (long c in counts)
            n += c;
        if (n == 0)
            throw new ShapeException("no sample was drawn; a histogram of none fits everything");
        double[] shares = new double[counts.Length];
        bool possible = true;
        for (int i = 0; i < shares.Length; i++)
        {
            shares[i] = (double)counts[i] / n;
            possible &= counts[i] == 0 || (i < p.Length && p[i] > 0);
        }

        double distance = Distance(shares, p), critical = Critical(p, n, alarm);
        return (distance, critical, possible && distance <= critical);
    }
}
