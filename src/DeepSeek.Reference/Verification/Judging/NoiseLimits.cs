using MathNet.Numerics.Distributions;

namespace DeepSeek.Reference.Verification;

/// <summary>What is tolerated of a statistic however well it is measured.</summary>
/// <param name="Ratio">R: RMS of the candidate's error over the emulation's.</param>
/// <param name="Rate">Factor on the emulation's rate of results off.</param>
/// <param name="Bias">Mean error outside the interval, in the emulation's RMS.</param>
/// <param name="CountedFromOne">Whether standard errors are counted from equality with the emulation, beyond the tolerance; else from the tolerance.</param>
internal readonly record struct NoiseTolerance(double Ratio, double Rate, double Bias, bool CountedFromOne);

/// <summary>The limits of the statistics of NOISE. Where they come from and how they were calibrated: docs/spec/noise.md.</summary>
internal static class NoiseLimits
{
    /// <summary>Over an output of many rows and columns: orders of one sum differ by a hundredth, and the mildest wrong arithmetic, promotion after 256 instead of 128, has R from 1.37 and rates from 1.27.</summary>
    public static NoiseTolerance Many { get; } = new(1.25, 1.05, 0.01, true);

    /// <summary>
    /// Over a group, or an output of few rows or columns: one large operand that is cut by one instruction in one order and by all four of a run in another makes
    /// twice the error in its whole row.
    /// </summary>
    public static NoiseTolerance Few { get; } = new(2, 2, 0.25, false);

    /// <summary>Rows, and columns, from which an output has many.</summary>
    public const int ManyRows = 32;

    /// <summary>Standard errors that a statistic of the whole output may be beyond its limit: 3 in 10^7 for a normal one.</summary>
    public const double Whole = 5;

    /// <summary>The chance of a false alarm that all groups of one kind and one statistic share.</summary>
    public const double LocalAlarm = 1e-8;

    /// <summary>Elements that a group needs before it is judged alone: below, a statistic is no longer near normal.</summary>
    public const int LeastGroup = 64;

    /// <summary>Standard errors for one of so many groups: all of them together alarm with probability <see cref="LocalAlarm"/>.</summary>
    public static double Local(int groups) => Math.Max(Whole, Normal.InvCDF(0, 1, 1 - LocalAlarm / Math.Max(1, groups)));
}
