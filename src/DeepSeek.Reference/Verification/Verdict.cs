namespace DeepSeek.Reference.Verification;

/// <summary>How a result was judged. <see cref="Bits"/> and <see cref="Noise"/> pass.</summary>
public enum Verdict
{
    /// <summary>Equal in every bit (any NaN equals any NaN).</summary>
    Bits,

    /// <summary>The error looks like the declared arithmetic's.</summary>
    Noise,

    /// <summary>Only a derived bound holds.</summary>
    Bound,

    /// <summary>Inside the bound, but not like the declared arithmetic.</summary>
    Suspect,

    /// <summary>Wrong.</summary>
    Fail,

    /// <summary>Not offered by what was to be judged.</summary>
    Skip,

    /// <summary>No rule says what the result should be.</summary>
    Unjudged,
}
