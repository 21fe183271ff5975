namespace DeepSeek.Reference.Verification;

/// <summary>Single elements that no average would show.</summary>
/// <remarks>
/// <code>
/// x(v) = max(0, |v - r| - ω) / bound          what is left of an error when a result on the other side of a rounding boundary, ω = 1 ulp away, is granted
/// allowed: x(y) ≤ 4 · max x(e) + ω / bound    over the emulation's e on all measured elements and over legitimate orders; 1/256 at least
/// </code>
/// Errors of legitimate orders have one distribution with the emulation's: the largest of 10^7 of them is about twice the largest of 10^3 (docs/spec/noise.md 4).
/// </remarks>
internal static class Outlier
{
    private const double Times = 4;

    // Where the emulation makes no error at all (whole numbers), binary32 additions of its parts still may.
    private const double Least = 1.0 / 256;

    /// <summary>The element whose error is furthest beyond what is allowed; null where none is.</summary>
    public static NoiseFinding? Find(MeasuredSample sample, OrderAllowance orders)
    {
        JudgedElements[] parts = [sample.Suspicious, sample.Fair];
        double largest = Math.Max(Least, orders.Largest);
        foreach (JudgedElements e in parts)
        {
            for (int i = 0; i < e.Count; i++)
            {
                if (e.IsMeasurable(i))
                    largest = Math.Max(largest, Left(e, i, e.Reference[i]));
            }
        }

        (double Excess, string Where) worst = (1, "");
        foreach (JudgedElements e in parts)
        {
            for (int i = 0; i < e.Count; i++)
            {
                if (!e.IsMeasurable(i) || e.Bound[i] == 0)
                    continue;
                double excess = Left(e, i, e.Actual[i]) / (Times * largest + StoredValue.Ulp(e.Rounded[i], e.DType) / e.Bound[i]);
                if (excess > worst.Excess)
                    worst = (excess, FormattableString.Invariant($"row {e.Index[i] / e.Columns}, column {e.Index[i] % e.Columns}: {e.Actual[i]:R} for {e.Exact[i]:R}"));
            }
        }

        return worst.Excess > 1
            ? new NoiseFinding("outlier", Times * worst.Excess, Times, worst.Where, FormattableString.Invariant($"one error is {Times * worst.Excess:G3} times the emulation's largest"))
            : null;
    }

    /// <summary>x(v) of an element.</summary>
    public static double Left(JudgedElements e, int i, double value) =>
        e.Bound[i] == 0 ? 0 : Math.Max(0, Math.Abs(value - e.Rounded[i]) - StoredValue.Ulp(e.Rounded[i], e.DType)) / e.Bound[i];
}
