using System.Diagnostics;
using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>Runs a case on a candidate as a suspicious caller would, then has its results judged.</summary>
/// <remarks>
/// <list type="number">
/// <item>A call of the same shape on other values comes first, so that a result kept from an earlier call is not the right one; where one run alone is asked for, it is the only call.</item>
/// <item>Every operand lies between canaries (<see cref="HarnessBuffer"/>); outputs are poisoned. Every third run has its operands one element beside a 64-byte boundary, the others on it.</item>
/// <item>After each run: canaries stand (<c>canary</c>), inputs are what they were (<c>mutation</c>), no element that must be written holds poison (<c>poison</c>),
/// and those that must not be written do (<c>untouched</c>). Each of these is FAIL, whatever the values are.</item>
/// <item>All runs give the same bits. Where they do not at the same place (<c>repeat</c>) or at another place (<c>placement</c>), the candidate is NONDETERMINISTIC: FAIL, or,
/// where it declares a free order, the weakest verdict of all runs.</item>
/// <item><see cref="CallJudge"/> judges the values of the first run.</item>
/// </list>
/// docs/spec/zoo.md 2.
/// </remarks>
internal static class CallHarness
{
    /// <summary>What makes the seed of the call that comes first.</summary>
    private const ulong OtherValues = 0x9E3779B97F4A7C15;

    /// <summary>Runs and judges.</summary>
    /// <exception cref="ContractException">Fewer than one run is asked for.</exception>
    public static HarnessReport Run(OperationCase c, IBackend backend, HarnessOptions options)
    {
        ArgumentNullException.ThrowIfNull(c);
        return Run(c, c.Call(c.Prepare()), backend, options);
    }

    /// <summary>Runs and judges a case whose tensors are made.</summary>
    /// <exception cref="ContractException">Fewer than one run is asked for.</exception>
    public static HarnessReport Run(OperationCase c, OperationCall pristine, IBackend backend, HarnessOptions options)
    {
        ArgumentNullException.ThrowIfNull(backend);
        if (options.Repeat < 1)
            throw new ContractException($"{options.Repeat} runs were asked for; take 1 or more");
        var runs = new List<OperationCall>();
        var clock = new Stopwatch();
        TimeSpan first = default;
        (string Check, string Note)? found = null;
        try
        {
            if (options.Repeat > 1)
            {
                OperationCase other = WithSeed(c, c.Seed ^ OtherValues);
                other.Run(backend, other.Prepare());
            }

            for (int i = 0; i < options.Repeat && found is null; i++)
            {
                found = RunOnce(pristine, backend, Offset(i), runs, clock);
                first = i == 0 ? clock.Elapsed : first;
            }
        }
        catch (ContractException e)
        {
            return new HarnessReport { Verdict = Verdict.Skip, Check = "refused", Note = e.Message, Elapsed = clock.Elapsed };
        }

        HarnessReport report = found is { } breach
            ? new HarnessReport { Verdict = Verdict.Fail, Check = breach.Check, Note = breach.Note, Candidate = runs[0] }
            : Judged(runs, pristine, options);
        return report with { Runs = runs.Count, Elapsed = first };
    }

    /// <summary>Runs a call between canaries as often as asked, and leaves the values to the caller.</summary>
    /// <returns>The first run, the inputs as they were; what its outputs held before; and the first breach, or difference between runs, where there is one.</returns>
    public static (OperationCall Run, IReadOnlyDictionary<string, Tensor> Before, (string Check, string Note)? Breach) Observe(OperationCall pristine, IBackend backend, int repeat)
    {
        var runs = new List<OperationCall>();
        var clock = new Stopwatch();
        (string Check, string Note)? found = null;
        for (int i = 0; i < repeat && found is null; i++)
            found = RunOnce(pristine, backend, Offset(i), runs, clock);
        return (runs[0], Before(runs[0], 0), found ?? Differs(runs));
    }

    /// <summary>The case on other values.</summary>
    public static OperationCase WithSeed(OperationCase c, ulong seed) => OperationCase.From(new CaseId(
        c.Id.Name, c.Id.Arguments.Where(a => a.Key != "seed").Append(new KeyValuePair<string, string>("seed", CaseFields.SeedText(seed)))));

    /// <summary>Elements between a 64-byte boundary and the operands of a run.</summary>
    private static int Offset(int run) => run % 3 == 2 ? 1 : 0;

    /// <summary>One run between canaries; adds the call, with the inputs as they were and the outputs as the candidate left them. Returns the first breach.</summary>
    private static (string Check, string Note)? RunOnce(OperationCall pristine, IBackend backend, int offset, List<OperationCall> runs, Stopwatch clock)
    {
        var buffers = new Dictionary<string, HarnessBuffer>();
        OperationCall call = pristine.Replace(o =>
        {
            HarnessBuffer buffer = o.Role == OperandRole.Input ? HarnessBuffer.Holding(o.Tensor, offset) : HarnessBuffer.Poisoned(o.Tensor, offset, runs.Count);
            buffers[o.Name] = buffer;
            return buffer.Tensor;
        });
        clock.Start();
        call.Run(backend);
        clock.Stop();
        runs.Add(call.Replace(o => o.Role == OperandRole.Input ? pristine[o.Name] : o.Tensor));

        foreach ((string name, HarnessBuffer buffer) in buffers)
        {
            if (buffer.Overwritten() is long at)
                return ("canary", $"a byte {(at < 0 ? $"{-at} before the first" : $"{at - buffer.Tensor.ByteCount} after the last")} of {name} {buffer.Tensor} was written");
        }

        foreach (Operand input in call.Inputs)
        {
            if (HarnessBuffer.FirstDifference(pristine[input.Name], input.Tensor) is long at)
                return ("mutation", $"element {at / input.Tensor.DType.ByteCount(1)} of the input {input.Name} {input.Tensor} was changed");
        }

        foreach (Operand output in call.Outputs)
        {
            (string Check, string Note)? breach = HarnessBuffer.IsCode(output.Tensor.DType) ? CodeBreach(runs, output) : Breach(call, output);
            if (breach is not null)
                return breach;
        }

        return null;
    }

    /// <summary>An element that was left as it was though it must be written, or the other way about.</summary>
    private static (string Check, string Note)? Breach(OperationCall call, Operand output)
    {
        Tensor t = output.Tensor;
        if (LeavesRow(call) is not { } leaves)
            return HarnessBuffer.FirstPoison(t) is long at ? ("poison", $"element {at} of the output {output.Name} {t} was not written") : null;
        long rowElements = t.Shape[^1];
        for (long i = 0; i < t.ElementCount; i++)
        {
            bool poison = HarnessBuffer.IsPoison(t, i);
            bool left = leaves(i / rowElements);
            if (poison && !left)
                return ("poison", $"element {i} of the output {output.Name} {t} was not written");
            if (!poison && left)
                return ("untouched", $"element {i} of the output {output.Name} {t} lies in a row that stays as it is, and was written");
        }

        return null;
    }

    /// <summary>
    /// A code that held one poison after the run before and another after this one. A code of 8 bits has none that no result has, so one run alone does not tell;
    /// what was left in all runs is then the judge's to find.
    /// </summary>
    private static (string Check, string Note)? CodeBreach(List<OperationCall> runs, Operand output)
    {
        for (long i = 0; runs.Count > 1 && i < output.Tensor.ElementCount; i++)
        {
            if (HarnessBuffer.IsPoison(output.Tensor, i, runs.Count - 1) && HarnessBuffer.IsPoison(runs[^2][output.Name], i, runs.Count - 2))
                return ("poison", $"element {i} of the output {output.Name} {output.Tensor} was not written");
        }

        return null;
    }

    /// <summary>The rows of y that an operation does not write: those of no group, and those beyond a group's count. Null: it writes all.</summary>
    private static Func<long, bool>? LeavesRow(OperationCall call)
    {
        switch (call)
        {
            case IndexedScaledLinearCall indexed:
                int[] groups = indexed.Groups.AsReadOnlySpan<int>().ToArray();
                return row => groups[row] < 0;
            case MaskedScaledLinearCall masked:
                int[] counts = masked.Counts.AsReadOnlySpan<int>().ToArray();
                long rows = masked.Y.Shape[1];
                return row => row % rows >= counts[row / rows];
            default:
                return null;
        }
    }

    private static HarnessReport Judged(List<OperationCall> runs, OperationCall pristine, HarnessOptions options)
    {
        (string Check, string Note)? differs = Differs(runs);
        if (differs is null && options.IsRight?.Invoke(AsBefore(runs[0], pristine)) == true)
            return new HarnessReport { Verdict = Verdict.Bits, Check = "bits", Candidate = runs[0] };
        CallReport first = CallJudge.Judge(runs[0], Before(runs[0], 0), options.Judge);
        for (int i = 1; i < runs.Count && differs is not null && options.FreeOrder; i++)
        {
            CallReport next = CallJudge.Judge(runs[i], Before(runs[i], i), options.Judge);
            if (Rank(next.Verdict) > Rank(first.Verdict))
                first = next;
        }

        bool moves = differs is not null && !options.FreeOrder && first.Verdict is not (Verdict.Fail or Verdict.Skip);
        OutputReport? worst = first.Outputs.FirstOrDefault(o => o.Verdict == first.Verdict);
        return new HarnessReport
        {
            Verdict = moves ? Verdict.Fail : first.Verdict,
            Check = moves ? differs!.Value.Check : first.Check,
            Note = moves ? differs!.Value.Note : worst is null ? "" : worst.Note.Length == 0 ? worst.Name : $"{worst.Name}: {worst.Note}",
            Nondeterministic = differs is not null,
            Call = first,
            Candidate = runs[0],
        };
    }

    /// <summary>A run's outputs with the rows that it left as they were before the case: what a golden's digest covers.</summary>
    private static OperationCall AsBefore(OperationCall run, OperationCall pristine)
    {
        if (LeavesRow(run) is not { } leaves)
            return run;
        return run.Replace(o =>
        {
            if (o.Role == OperandRole.Input)
                return o.Tensor;
            Tensor whole = o.Tensor.Clone(), rows = Rows(whole), before = Rows(pristine[o.Name]);
            for (long i = 0; i < rows.Shape[0]; i++)
            {
                if (leaves(i))
                    before.Rows(i, 1).CopyTo(rows.Rows(i, 1));
            }

            return whole;
        });

        static Tensor Rows(Tensor t) => t.Reshape(t.Shape[^1] == 0 ? 0 : t.ElementCount / t.Shape[^1], t.Shape[^1]);
    }

    /// <summary>What the outputs of a run held before it.</summary>
    private static Dictionary<string, Tensor> Before(OperationCall run, int index) =>
        run.Outputs.ToDictionary(o => o.Name, o => HarnessBuffer.Poisoned(o.Tensor, 0, index).Tensor);

    /// <summary>The first element at which a run differs from the first, any NaN equal to any NaN: runs at the same place before those at another.</summary>
    private static (string Check, string Note)? Differs(List<OperationCall> runs)
    {
        foreach (int i in Enumerable.Range(1, runs.Count - 1).OrderBy(Offset))
        {
            foreach (Operand first in runs[0].Outputs)
            {
                Tensor now = runs[i][first.Name];
                if (HarnessBuffer.FirstDifference(first.Tensor, now) is null || TensorComparison.Compare(first.Tensor, now).FirstMismatch is not { } at)
                    continue;
                bool repeat = Offset(i) == Offset(0);
                return (repeat ? "repeat" : "placement",
                    $"{first.Name}[{string.Join(", ", at)}] differs between run 1 and run {i + 1}, which {(repeat ? "was the same call again" : "had its operands at another address")}");
            }
        }

        return null;
    }

    /// <summary>How bad a verdict is: nothing is worse than FAIL, though UNJUDGED and SKIP come after it in the enumeration.</summary>
    private static int Rank(Verdict verdict) => verdict == Verdict.Fail ? int.MaxValue : (int)verdict;
}
