namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Why a candidate's output is what it is.</summary>
internal sealed record Explanation
{
    /// <summary>The changes of meaning that were needed; none where what was asked is what was computed.</summary>
    public required IReadOnlyList<Meaning> Meanings { get; init; }

    /// <summary>Meanings that the data cannot tell from the one found.</summary>
    public IReadOnlyList<Meaning> AlikeMeanings { get; init; } = [];

    /// <summary>How it is rounded, in words; empty where no way to round comes near.</summary>
    public required string Rounding { get; init; }

    /// <summary>Whether every compared element is bit-equal under this meaning and rounding.</summary>
    public required bool IsBitEqual { get; init; }

    /// <summary>Whether the candidate is bit-equal to the case as it was declared: there is nothing to explain.</summary>
    public bool IsDeclared { get; init; }

    /// <summary>Elements compared.</summary>
    public long Compared { get; init; }

    /// <summary>Elements of all outputs given.</summary>
    public long Elements { get; init; }

    /// <summary>Elements that differ among the compared.</summary>
    public long Differing { get; init; }

    /// <summary>What is left unexplained, in words; empty where nothing is.</summary>
    public string Left { get; init; } = "";

    /// <summary>Relative L2 between the candidate and what was asked, on the rows looked at.</summary>
    public double RelativeL2AsAsked { get; init; }

    /// <summary>Relative L2 between the candidate and the meaning found.</summary>
    public double RelativeL2 { get; init; }

    /// <summary>Ways to round that the data cannot tell from this one, itself included.</summary>
    public long ClassSize { get; init; }

    /// <summary>Names of presets and accumulations among them.</summary>
    public IReadOnlyList<string> Presets { get; init; } = [];

    /// <summary>The contract of a matrix product, as <c>dsref gen --discriminate</c> takes it; empty where the operation has none.</summary>
    public string Contract { get; init; } = "";

    /// <summary>Some of the others that the data cannot tell from it, the most usual first.</summary>
    public IReadOnlyList<string> Alike { get; init; } = [];

    /// <summary>The dimensions that the data leaves open, with their values.</summary>
    public IReadOnlyList<(string Dimension, IReadOnlyList<string> Values)> Open { get; init; } = [];

    /// <summary>Meanings tried, alone and in pairs.</summary>
    public int MeaningsTried { get; init; }

    /// <summary>Meanings, or pairs of them, for which there was no time.</summary>
    public int MeaningsLeftOut { get; init; }

    /// <summary>Ways to round that were tried for this meaning.</summary>
    public long ContractsTried { get; init; }

    /// <summary>Elements used to tell them apart.</summary>
    public int ElementsTried { get; init; }

    /// <summary>Seconds spent in the lattice of roundings.</summary>
    public double LatticeSeconds { get; init; }

    /// <summary>The finding in one sentence, such as "transposed scale, then bit-equal to deepgemm-sm90".</summary>
    public string Sentence
    {
        get
        {
            string part = Compared < Elements ? FormattableString.Invariant($" on the {Compared} of {Elements} elements that were compared") : "";
            if (IsDeclared)
                return $"the output is bit-equal to the case as declared{part}: nothing to explain{(part.Length == 0 ? "" : " there")}";
            string meant = Meanings.Count == 0 ? "" : string.Join(", and ", Meanings.Select(m => m.Sentence)) + string.Concat(AlikeMeanings.Select(m => $" (or {m.Sentence})"));
            if (IsBitEqual)
                return meant.Length == 0 ? $"what was asked, rounded otherwise: bit-equal{part} to {Rounding}" : $"{meant}; then bit-equal{part} to {Rounding}";
            string nearest = Rounding.Length == 0 ? "no way to round it comes near" : $"nearest is {Rounding}";
            if (meant.Length > 0)
                return $"{meant}; {nearest}: {Left}";
            return Rounding.Length == 0 ? $"no explanation was found: {Left}" : $"what was asked; {nearest}: {Left}";
        }
    }
}
