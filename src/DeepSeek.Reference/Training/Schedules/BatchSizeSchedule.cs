namespace DeepSeek.Reference.Training;

/// <summary>Sequences in a batch as a pure function of tokens: a ramp, then constant.</summary>
/// <remarks>
/// <code>
/// B = first + ⌊(last - first) · tokens / R⌋, cut down to a multiple, at least first;  last from R on
/// </code>
/// Whole numbers throughout. DeepSeek-V3 report 4.2: 3072 to 15360 over the first 469 billion tokens; that the ramp is linear and in multiples is a choice.
/// </remarks>
public sealed record BatchSizeSchedule
{
    /// <summary>Sequences of the first batch.</summary>
    public int First { get; init; } = 3072;

    /// <summary>Sequences after the ramp.</summary>
    public int Last { get; init; } = 15360;

    /// <summary>R: tokens of the ramp.</summary>
    public long RampTokens { get; init; } = 469_000_000_000;

    /// <summary>Sizes on the ramp are multiples of this, counted from <see cref="First"/>.</summary>
    public int Multiple { get; init; } = 1;

    /// <summary>Sequences of the batch before which so many tokens were taken.</summary>
    public int At(long tokens)
    {
        if (tokens >= RampTokens)
            return Last;
        int more = (int)((Int128)(Last - First) * tokens / RampTokens);
        return First + more / Multiple * Multiple;
    }
}
