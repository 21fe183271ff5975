using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>How bad a result is; shrinking never trades a worse failure for a lesser one.</summary>
internal enum Failure
{
    /// <summary>It passes, or no rule judges it.</summary>
    None,

    /// <summary>The backend does not offer the call.</summary>
    Unsupported,

    /// <summary>BOUND or SUSPECT.</summary>
    Doubtful,

    /// <summary>FAIL.</summary>
    Wrong,

    /// <summary>The backend ended with an exception.</summary>
    Crash,
}

/// <summary>What one trial gave.</summary>
/// <param name="Failure">How bad.</param>
/// <param name="Call">The call with the backend's results in its outputs.</param>
/// <param name="Note">One line.</param>
internal sealed record TrialResult(Failure Failure, OperationCall Call, string Note);

/// <summary>Runs a backend on calls between canaries and says whether it fails: the predicate of a shrink.</summary>
internal sealed class FailureTrial(IBackend candidate, bool bits, JudgeOptions options)
{
    // Twice at one place and once at another, as verify does.
    private const int Runs = 3;

    /// <summary>Trials made.</summary>
    public int Count { get; private set; }

    /// <summary>Runs one call; its own tensors are left as they are.</summary>
    public TrialResult Run(OperationCall call)
    {
        Count++;
        OperationCall judged;
        IReadOnlyDictionary<string, Tensor> before;
        (string Check, string Note)? breach;
        try
        {
            (judged, before, breach) = CallHarness.Observe(call, candidate, Runs);
        }
        catch (ContractException e)
        {
            return new TrialResult(Failure.Unsupported, call, e.Message);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return new TrialResult(Failure.Crash, call, $"{e.GetType().Name}: {e.Message}");
        }

        if (breach is { } found)
            return new TrialResult(Failure.Wrong, judged, $"FAIL by {found.Check}: {found.Note}");
        if (bits)
            return Bits(judged, before);
        CallReport report = CallJudge.Judge(judged, before, options);
        Failure failure = report.Verdict switch
        {
            Verdict.Bound or Verdict.Suspect => Failure.Doubtful,
            Verdict.Fail => Failure.Wrong,
            _ => Failure.None,
        };
        return new TrialResult(failure, judged, $"{report.Verdict.Word()} by {report.Check}");
    }

    /// <summary>The reference's results for a call, beside whatever the outputs held.</summary>
    public static OperationCall Reference(OperationCall call, IReadOnlyDictionary<string, Tensor>? before = null)
    {
        OperationCall reference = call.Replace(o => o.Role == OperandRole.Input ? o.Tensor : before is not null ? before[o.Name].Clone() : new Tensor(o.Tensor.DType, o.Tensor.Shape));
        reference.Run(new SimdBackend());
        return reference;
    }

    private static TrialResult Bits(OperationCall judged, IReadOnlyDictionary<string, Tensor> before)
    {
        OperationCall reference = Reference(judged, before);
        foreach (Operand output in judged.Outputs)
        {
            if (CanonicalHash.Of(output.Tensor) != CanonicalHash.Of(reference[output.Name]))
                return new TrialResult(Failure.Wrong, judged, $"bits of {output.Name} differ");
        }

        return new TrialResult(Failure.None, judged, "BITS");
    }
}
