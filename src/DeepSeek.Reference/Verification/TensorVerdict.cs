namespace DeepSeek.Reference.Verification;

/// <summary>Why a tensor stands in a report.</summary>
public enum TensorRole
{
    /// <summary>Its verdict counts.</summary>
    Judged,

    /// <summary>A yardstick that other implementations or binary64 gave: shown, never counted.</summary>
    Information,

    /// <summary>No rule knows its name.</summary>
    Unknown,
}

/// <summary>The verdict on one tensor of a case.</summary>
public sealed record TensorVerdict
{
    /// <summary>Its name in the expected file.</summary>
    public required string Name { get; init; }

    /// <summary>The verdict.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>Whether the verdict counts.</summary>
    public TensorRole Role { get; init; } = TensorRole.Judged;

    /// <summary>‖a - e‖ / ‖e‖; NaN where nothing was compared.</summary>
    public double RelativeL2 { get; init; } = double.NaN;

    /// <summary>Largest |a - e|.</summary>
    public double MaxAbs { get; init; } = double.NaN;

    /// <summary>Elements whose bits are equal.</summary>
    public long BitEqualCount { get; init; }

    /// <summary>Elements.</summary>
    public long Count { get; init; }

    /// <summary>What <see cref="RelativeL2"/> may be; null where another rule decides, which <see cref="Note"/> names.</summary>
    public double? Limit { get; init; }

    /// <summary>One line: the rule, the first mismatch, or the reason.</summary>
    public string Note { get; init; } = "";

    /// <summary>Everything that was compared; null where nothing was.</summary>
    public TensorComparison? Comparison { get; init; }
}
