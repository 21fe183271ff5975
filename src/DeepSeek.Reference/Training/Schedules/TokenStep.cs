namespace DeepSeek.Reference.Training;

/// <summary>A setting that changes once, after so many tokens.</summary>
/// <param name="First">Its value until then.</param>
/// <param name="UntilTokens">Tokens after which it changes.</param>
/// <param name="Then">Its value from there on.</param>
public sealed record TokenStep(double First, long UntilTokens, double Then)
{
    /// <summary>γ, the speed of the balance bias: 0.001 for 14.3 trillion tokens, then 0 (DeepSeek-V3 report 4.2).</summary>
    public static TokenStep BiasSpeed { get; } = new(0.001, 14_300_000_000_000, 0);

    /// <summary>λ, the weight of the multi-token prediction loss: 0.3 for 10 trillion tokens, then 0.1 (DeepSeek-V3 report 4.2).</summary>
    public static TokenStep MtpWeight { get; } = new(0.3, 10_000_000_000_000, 0.1);

    /// <summary>The value of a step before which so many tokens were taken.</summary>
    public double At(long tokens) => tokens < UntilTokens ? First : Then;
}
