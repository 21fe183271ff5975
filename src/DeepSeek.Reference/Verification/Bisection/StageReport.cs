namespace DeepSeek.Reference.Verification;

/// <summary>The verdict on one probe of a dump.</summary>
internal sealed record StageReport
{
    /// <summary>The probe.</summary>
    public required string Probe { get; init; }

    /// <summary>Its name in the dump.</summary>
    public required string Source { get; init; }

    /// <summary>The verdict on its stage: BITS, NOISE or FAIL.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>What decided: bits, shape, mask, l2, row, element, count, choice.</summary>
    public required string Check { get; init; }

    /// <summary>One line of figures, or the reason.</summary>
    public string Note { get; init; } = "";

    /// <summary>From the stage recomputed on the dump's own values; NaN in every number where nothing was compared.</summary>
    public Deviation Stage { get; init; } = new(double.NaN, double.NaN, double.NaN, 0);

    /// <summary>What <see cref="Stage"/> may be.</summary>
    public Deviation Limit { get; init; } = new(double.NaN, double.NaN, double.NaN, 0);

    /// <summary>Relative L2 from the reference's own run of the whole model: for information.</summary>
    public double EndToEnd { get; init; } = double.NaN;

    /// <summary>Elements.</summary>
    public long Count { get; init; }

    /// <summary>Of the mismatches, those that lie within what other orders of the sums gave, and one unit in the last place more.</summary>
    public long Explained { get; init; }

    /// <summary>Probes of the dump that the stage was recomputed from.</summary>
    public IReadOnlyList<string> From { get; init; } = [];

    /// <summary>Probes between those and this one that the dump does not hold: the reference computed them.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>Whether the dump's values were fed to what comes after.</summary>
    public bool Fed { get; init; } = true;

    /// <summary>The stage is right, and its end-to-end difference is above the stage's limit: an earlier difference came through it.</summary>
    public bool IsPropagated => Verdict.Passes() && EndToEnd > Limit.RelativeL2;
}

/// <summary>A dump judged stage by stage.</summary>
internal sealed record BisectionReport
{
    /// <summary>The contract's name.</summary>
    public required NumericContract Contract { get; init; }

    /// <summary>The name table that was used.</summary>
    public required string Names { get; init; }

    /// <summary>One report a probe, in order of computation.</summary>
    public required IReadOnlyList<StageReport> Stages { get; init; }

    /// <summary>Tensors of the dump that no stage judged, and why.</summary>
    public required IReadOnlyList<(string Name, string Why)> Unjudged { get; init; }

    /// <summary>How many other orders of the sums gave the limits.</summary>
    public required int Orders { get; init; }

    /// <summary>The first probe that fails its stage; null where none does.</summary>
    public StageReport? FirstFailure => Stages.FirstOrDefault(s => !s.Verdict.Passes());
}
