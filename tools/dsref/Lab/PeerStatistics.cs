using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>Whether other harnesses pass a result.</summary>
/// <param name="AllClose">Every |a - e| ≤ 1e-2 + 1e-2 |e|, as <c>torch.allclose</c> with both tolerances 1e-2.</param>
/// <param name="CalcDiff">calc_diff below 1e-3, as DeepGEMM's tests.</param>
/// <param name="Nmse">‖a - e‖² / ‖e‖² at most 1e-7, as ggml's backend tests.</param>
internal readonly record struct PeerVerdicts(bool AllClose, bool CalcDiff, bool Nmse)
{
    /// <summary>Nothing was looked at yet.</summary>
    public static PeerVerdicts Unseen => new(true, true, true);

    /// <summary>Who passes both.</summary>
    public PeerVerdicts And(PeerVerdicts other) => new(AllClose && other.AllClose, CalcDiff && other.CalcDiff, Nmse && other.Nmse);
}

/// <summary>A candidate's outputs beside the contract's, over all outputs of a call.</summary>
/// <param name="Wrong">Share of elements whose bits differ.</param>
/// <param name="RelativeL2">The largest of the outputs'; NaN where masks differ.</param>
/// <param name="Verdicts">What other harnesses say; each output must pass. Where NaN or infinities stand at other places they all fail.</param>
internal readonly record struct PeerStatistics(double Wrong, double RelativeL2, PeerVerdicts Verdicts)
{
    private const double Tolerance = 1e-2; // the tolerance that kernel tests of attention and MoE use most; the zoo shows what it lets through
    private const double CalcDiffLimit = 1e-3; // DeepGEMM, tests: assert diff < 0.001
    private const double NmseLimit = 1e-7; // ggml, test-backend-ops: max_nmse_err of most operations

    /// <summary>Runs the contract on the candidate's inputs and compares.</summary>
    public static PeerStatistics Of(OperationCall candidate)
    {
        OperationCall reference = candidate.Replace(o => o.Role == OperandRole.Input ? o.Tensor : HarnessBuffer.Poisoned(o.Tensor, 0).Tensor);
        reference.Run(new SimdBackend());
        long wrong = 0, count = 0;
        double relativeL2 = 0;
        PeerVerdicts verdicts = PeerVerdicts.Unseen;
        foreach (Operand output in candidate.Outputs)
        {
            Tensor expected = reference[output.Name];
            TensorComparison c = TensorComparison.Compare(expected, output.Tensor);
            wrong += c.MismatchCount;
            count += c.Count;
            relativeL2 = c.MasksAgree && !double.IsNaN(relativeL2) ? Math.Max(relativeL2, c.RelativeL2) : double.NaN;
            verdicts = verdicts.And(c.IsBitEqual ? PeerVerdicts.Unseen : c.MasksAgree
                ? new PeerVerdicts(AllClose(expected, output.Tensor), c.CalcDiff < CalcDiffLimit, c.RelativeL2 * c.RelativeL2 <= NmseLimit)
                : new PeerVerdicts(false, false, false));
        }

        return new PeerStatistics(count == 0 ? 0 : (double)wrong / count, relativeL2, verdicts);
    }

    private static bool AllClose(Tensor expected, Tensor actual)
    {
        for (long i = 0; i < expected.ElementCount; i++)
        {
            double e = ElementReader.Value(expected, i), a = ElementReader.Value(actual, i);
            if (a != e && !(double.IsNaN(a) && double.IsNaN(e)) && !(Math.Abs(a - e) <= Tolerance + Tolerance * Math.Abs(e)))
                return false;
        }

        return true;
    }
}
