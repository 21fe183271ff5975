namespace DeepSeek.Reference.Verification;

/// <summary>A column of attention's output whose values are not all numbers: Σ_j p_j v_j with a NaN or an infinity among the v_j (docs/spec/bounds.md 8).</summary>
internal static class SpecialColumn
{
    /// <summary>
    /// NaN where a value is NaN or infinities of both signs weigh; the infinity where those of one sign do. Nothing is promised where a weight may round to 0, since 0 · ∞ is NaN,
    /// or where the finite values may overflow by themselves.
    /// </summary>
    /// <param name="n">Keys.</param>
    /// <param name="value">v_j.</param>
    /// <param name="surelyWeighs">Whether the weight p_j is above 0 in every legitimate evaluation.</param>
    public static Measurement Of(int n, Func<int, double> value, Func<int, bool> surelyWeighs)
    {
        bool positive = false, negative = false, certain = true;
        double magnitude = 0;
        for (int j = 0; j < n; j++)
        {
            double v = value(j);
            if (double.IsNaN(v))
                return new Measurement(v, 0);
            if (double.IsFinite(v))
            {
                magnitude += Math.Abs(v);
                continue;
            }

            certain &= surelyWeighs(j);
            positive |= v > 0;
            negative |= v < 0;
        }

        if (!certain || magnitude >= Roundoff.SingleOverflow / 2)
            return Roundoff.Nothing(double.NaN);
        return new Measurement(positive && negative ? double.NaN : positive ? double.PositiveInfinity : double.NegativeInfinity, 0);
    }
}
