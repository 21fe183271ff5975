namespace DeepSeek.Reference.Verification;

/// <summary>A model case, judged.</summary>
public sealed record ModelCaseResult
{
    /// <summary>The directory's name.</summary>
    public required string Name { get; init; }

    /// <summary>The contract it was run under.</summary>
    public required string Contract { get; init; }

    /// <summary>The backend that ran it.</summary>
    public required string Backend { get; init; }

    /// <summary>How the products of FP8 weights were computed; null where none is FP8 or nothing ran.</summary>
    public Model.Fp8Mode? Fp8 { get; init; }

    /// <summary>One verdict a tensor of the oracle, in the file's order of names; inputs are left out.</summary>
    public required IReadOnlyList<TensorVerdict> Tensors { get; init; }

    /// <summary>Why the case was not run; null where it was.</summary>
    public string? SkipReason { get; init; }

    /// <summary>FAIL if any judged tensor fails, else the weakest passing verdict; SKIP where nothing ran; UNJUDGED where nothing is judged.</summary>
    public Verdict Verdict
    {
        get
        {
            if (SkipReason is not null)
                return Verdict.Skip;
            var worst = Verdict.Unjudged;
            foreach (TensorVerdict t in Tensors)
            {
                if (t.Role != TensorRole.Judged)
                    continue;
                if (t.Verdict == Verdict.Fail)
                    return Verdict.Fail;
                if (worst == Verdict.Unjudged || t.Verdict > worst)
                    worst = t.Verdict;
            }

            return worst;
        }
    }
}
