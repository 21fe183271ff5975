using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>How a candidate is run before its results are judged.</summary>
internal sealed record HarnessOptions
{
    /// <summary>How often the call is made, at least once; all runs must give the same bits. From two on, a call on other values comes first.</summary>
    public int Repeat { get; init; } = 3;

    /// <summary>The candidate declares no order of its sums: runs may differ, and each is judged.</summary>
    public bool FreeOrder { get; init; }

    /// <summary>Says of a run's outputs that they are right to the bit, by a golden's digests; the others are judged. Null: all are judged.</summary>
    public Func<OperationCall, bool>? IsRight { get; init; }

    /// <summary>How the results are judged.</summary>
    public JudgeOptions Judge { get; init; } = new();
}

/// <summary>What running a case on a candidate, and judging its results, found.</summary>
internal sealed record HarnessReport
{
    /// <summary>The weakest of what the harness and the judge say; <see cref="Verdict.Skip"/> where the candidate refuses the call.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>The check that decided: <c>canary</c>, <c>mutation</c>, <c>poison</c>, <c>untouched</c>, <c>repeat</c>, <c>placement</c>, or one of the judge's.</summary>
    public required string Check { get; init; }

    /// <summary>One line: what was found, and where.</summary>
    public string Note { get; init; } = "";

    /// <summary>Two runs gave different bits: the label NONDETERMINISTIC.</summary>
    public bool Nondeterministic { get; init; }

    /// <summary>Runs made, without the call on other values.</summary>
    public int Runs { get; init; }

    /// <summary>Time of the operation alone in the first run.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>The judge's report on the run that decided; null where none was judged.</summary>
    public CallReport? Call { get; init; }

    /// <summary>The first run: the case's inputs as they were, and the candidate's outputs; null where the candidate refused.</summary>
    public OperationCall? Candidate { get; init; }
}
