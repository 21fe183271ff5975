namespace DeepSeek.Reference.Verification;

/// <summary>How a candidate's results are judged.</summary>
internal sealed record JudgeOptions
{
    /// <summary>Seconds that judging may take; what does not fit is sampled, and the report says so.</summary>
    public double Budget { get; init; } = 5;

    /// <summary>Everything is emulated to the bit, whatever it costs.</summary>
    public bool Full { get; init; }

    /// <summary>Is told, before everything is emulated, how many seconds that will take, where it is worth saying.</summary>
    public Action<double>? Estimated { get; init; }

    /// <summary>Seed of what is sampled.</summary>
    public ulong Seed { get; init; } = 0x5eed;

    /// <summary>The command that judges this again, for the report; empty where none does.</summary>
    public string Repro { get; init; } = "";
}

/// <summary>The verdict on one output of a call.</summary>
internal sealed record OutputReport
{
    /// <summary>The output's name.</summary>
    public required string Name { get; init; }

    /// <summary>The verdict.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>The check that decided, in a word or two: <c>bits</c>, <c>mask</c>, <c>poison</c>, <c>untouched</c>, <c>bound</c>, <c>rms</c>, <c>rms, tile</c>, <c>rate</c>, <c>bias</c>, <c>choice</c>, ...</summary>
    public required string Check { get; init; }

    /// <summary>One line: what was found, with its place and figures.</summary>
    public string Note { get; init; } = "";

    /// <summary>Candidate beside reference; null where shapes or formats do not allow it, or where only a sample was compared.</summary>
    public TensorComparison? Comparison { get; init; }

    /// <summary>Errors against the reference over all elements that were compared; null where none could be.</summary>
    public ErrorStatistics? Errors { get; init; }

    /// <summary>The element that decided, where one did and the reference has it: not always the first that differs, nor the one that differs most.</summary>
    public Mismatch? Deciding { get; init; }

    /// <summary>The three statistics, where there was something to measure.</summary>
    public NoiseTest? Noise { get; init; }

    /// <summary>Elements whose bits were compared.</summary>
    public long Compared { get; init; }

    /// <summary>Elements measured against the exact result.</summary>
    public long Measured { get; init; }

    /// <summary>
    /// Elements within the noise of a tie, where either side is admissible: codes with two admissible values and results stored beside the rounded exact one, of those
    /// measured; rows of a choice that differ from the contract's by less than rounding moves.
    /// </summary>
    public long NearTies { get; init; }

    /// <summary>The largest |y - exact| / bound of those measured.</summary>
    public double LargestShareOfBound { get; init; }
}

/// <summary>The verdict on a call.</summary>
internal sealed record CallReport
{
    /// <summary>The weakest of the outputs' verdicts.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>The check that decided it.</summary>
    public required string Check { get; init; }

    /// <summary>One report an output.</summary>
    public required IReadOnlyList<OutputReport> Outputs { get; init; }

    /// <summary>What the run proves and what it does not, in a sentence.</summary>
    public string Proves { get; init; } = "";

    /// <summary>Outputs of the reference that the definitions (<see cref="Backends.ScalarBackend"/>) recomputed in this run, all equal.</summary>
    public long Recomputed { get; init; }

    /// <summary>The command that judges this again.</summary>
    public string Repro { get; init; } = "";

    /// <summary>Seconds that judging took.</summary>
    public double Seconds { get; init; }
}
