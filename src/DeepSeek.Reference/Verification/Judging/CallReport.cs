using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>How a candidate's results are judged.</summary>
internal sealed record JudgeOptions
{
    /// <summary>Seconds that judging may take; what does not fit is sampled, and the report says so.</summary>
    public double Budget { get; init; } = 5;

    /// <summary>Everything is emulated to the bit, whatever it costs.</summary>
    public bool Full { get; init; }

    /// <summary>Seed of what is sampled.</summary>
    public ulong Seed { get; init; } = 0x5eed;
}

/// <summary>The verdict on one output of a call.</summary>
internal sealed record OutputReport
{
    /// <summary>The output's name.</summary>
    public required string Name { get; init; }

    /// <summary>The verdict.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>The check that decided, in a word or two: <c>bits</c>, <c>mask</c>, <c>poison</c>, <c>bound</c>, <c>rms</c>, <c>rms, tile</c>, <c>rate</c>, <c>bias</c>, <c>choice</c>, ...</summary>
    public required string Check { get; init; }

    /// <summary>One line: what was found, with its place and figures.</summary>
    public string Note { get; init; } = "";

    /// <summary>Candidate beside reference; null where shapes or formats do not allow it.</summary>
    public TensorComparison? Comparison { get; init; }
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
}

/// <summary>Judges what a candidate wrote into the outputs of a call.</summary>
internal static class CallJudge
{
    /// <summary>Judges the outputs that stand in <paramref name="candidate"/>, whose inputs are as they were given to it.</summary>
    /// <param name="candidate">The call with the candidate's results in its outputs.</param>
    /// <param name="before">The outputs' contents before the candidate ran, by name: elements that the operation leaves must still hold them. Null: not known.</param>
    /// <param name="options">Budget and depth.</param>
    public static CallReport Judge(OperationCall candidate, IReadOnlyDictionary<string, Tensor>? before, JudgeOptions options)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        OperationCall reference = candidate.Replace(o => o.Role == OperandRole.Input ? o.Tensor : before is not null && before.TryGetValue(o.Name, out Tensor? b) ? b.Clone() : new Tensor(o.Tensor.DType, o.Tensor.Shape));
        reference.Run(new SimdBackend());
        var outputs = new List<OutputReport>();
        foreach (Operand output in candidate.Outputs)
        {
            TensorComparison c = TensorComparison.Compare(reference[output.Name], output.Tensor);
            outputs.Add(new OutputReport { Name = output.Name, Verdict = c.IsBitEqual ? Verdict.Bits : Verdict.Fail, Check = "bits", Comparison = c });
        }

        OutputReport worst = outputs.MaxBy(o => o.Verdict)!;
        return new CallReport { Verdict = worst.Verdict, Check = worst.Check, Outputs = outputs };
    }
}
