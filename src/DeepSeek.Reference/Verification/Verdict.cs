namespace DeepSeek.Reference.Verification;

/// <summary>What a comparison says (docs/spec/verdicts.md 1). <see cref="Bits"/> and <see cref="Noise"/> pass.</summary>
public enum Verdict
{
    /// <summary>Every bit is equal.</summary>
    Bits,

    /// <summary>The difference is what the declared arithmetic and another order of its sums give.</summary>
    Noise,

    /// <summary>Only the derived bound on the error holds.</summary>
    Bound,

    /// <summary>The bound holds, but the error is not shaped as the declared arithmetic's.</summary>
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
