namespace DeepSeek.Reference.Verification;

/// <summary>What a comparison says (docs/spec/verdicts.md 1). <see cref="Bits"/> and <see cref="Noise"/> pass.</summary>
public enum Verdict
{
    /// <summary>Every bit is equal.</summary>
    Bits,

    /// <summary>Inside the hard bound, and the error looks like the declared arithmetic's.</summary>
    Noise,

    /// <summary>Only the hard bound, derived from the exact result, holds.</summary>
    Bound,

    /// <summary>Nothing is proved: mostly zeros, memory that was not written, a bound too wide to mean anything.</summary>
    Suspect,

    /// <summary>Wrong.</summary>
    Fail,

    /// <summary>Not offered by what is judged.</summary>
    Skip,

    /// <summary>No rule says how to judge it.</summary>
    Unjudged,
}

/// <summary>Facts about <see cref="Verdict"/>.</summary>
public static class Verdicts
{
    /// <summary>Whether the verdict passes.</summary>
    public static bool Passes(this Verdict verdict) => verdict is Verdict.Bits or Verdict.Noise;

    /// <summary>The word of reports, for example <c>BITS</c>.</summary>
    public static string Word(this Verdict verdict) => verdict.ToString().ToUpperInvariant();
}
