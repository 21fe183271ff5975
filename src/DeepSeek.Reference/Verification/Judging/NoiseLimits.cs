using MathNet.Numerics.Distributions;

namespace DeepSeek.Reference.Verification;

/// <summary>The limits of the statistics of NOISE. Where they come from and how they were calibrated: docs/spec/noise.md.</summary>
internal static class NoiseLimits
{
    /// <summary>R that is tolerated however well it is measured: orders of one sum differ by a hundredth, the mildest wrong arithmetic, promotion after 256 instead of 128, has R from 1.37.</summary>
    public const double Ratio = 1.25;

    /// <summary>Factor on the rate of results off that is tolerated however well it is measured; the mildest wrong arithmetic is at 1.27.</summary>
    public const double Rate = 1.05;

    /// <summary>Mean error, in the emulation's RMS, that is tolerated outside the interval however well it is measured: 10^5 elements are needed to see so little.</summary>
    public const double Bias = 0.01;

    /// <summary>Standard errors that a statistic of the whole output may be beyond its limit: 3 in 10^7 for a normal one.</summary>
    public const double Whole = 5;

    /// <summary>The chance of a false alarm that all groups of one kind and one statistic share.</summary>
    public const double LocalAlarm = 1e-8;

    /// <summary>Elements that a group needs before it is judged alone: below, a statistic is no longer near normal.</summary>
    public const int LeastGroup = 64;

    /// <summary>Standard errors for one of so many groups: all of them together alarm with probability <see cref="LocalAlarm"/>.</summary>
    public static double Local(int groups) => Math.Max(Whole, Normal.InvCDF(0, 1, 1 - LocalAlarm / Math.Max(1, groups)));
}
