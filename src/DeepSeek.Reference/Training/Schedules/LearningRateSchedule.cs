using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Training;

/// <summary>The learning rate as a pure function of step and tokens: warm-up, plateau, cosine, and two constant phases at the end.</summary>
/// <remarks>
/// <code>
/// step &lt; W:        η = peak · step / W
/// x = tokens - P:   x ≤ 0           η = peak
///                   x ≤ C           η = peak · w + floor · (1 - w),  w = (1 + cos(π · x/C)) / 2
///                   x ≤ C + F       η = floor
///                   else            η = last
/// </code>
/// Steps count from 1, so step 0 would have the rate 0; tokens are those that earlier steps took. Binary64 but for the cosine, which is N5's of the angle rounded to
/// binary32; both ends of the cosine are exact. The smaller of warm-up and phase is taken where a scaled-down run overlaps them. Defaults: DeepSeek-V3 report 4.2.
/// </remarks>
public sealed record LearningRateSchedule
{
    /// <summary>The rate after warm-up.</summary>
    public double Peak { get; init; } = 2.2e-4;

    /// <summary>The rate at the end of the cosine.</summary>
    public double Floor { get; init; } = 2.2e-5;

    /// <summary>The rate of the last phase.</summary>
    public double Last { get; init; } = 7.3e-6;

    /// <summary>W: steps of the linear warm-up.</summary>
    public long WarmupSteps { get; init; } = 2000;

    /// <summary>P: tokens until the cosine begins.</summary>
    public long ConstantTokens { get; init; } = 10_000_000_000_000;

    /// <summary>C: tokens of the cosine.</summary>
    public long CosineTokens { get; init; } = 4_300_000_000_000;

    /// <summary>F: tokens at <see cref="Floor"/>; what follows is at <see cref="Last"/>.</summary>
    public long FloorTokens { get; init; } = 333_000_000_000;

    /// <summary>η of a step, from 1, before which so many tokens were taken.</summary>
    public double At(long step, long tokens)
    {
        double phase = Phase(tokens);
        return step < WarmupSteps ? Math.Min(phase, Peak * step / WarmupSteps) : phase;
    }

    private double Phase(long tokens)
    {
        long x = tokens - ConstantTokens;
        if (x <= 0)
            return Peak;
        if (x <= CosineTokens)
        {
            double w = 0.5 * (1.0 + Correct.Cos((float)(Math.PI * ((double)x / CosineTokens))));
            return Peak * w + Floor * (1.0 - w);
        }

        return x - CosineTokens <= FloorTokens ? Floor : Last;
    }
}
