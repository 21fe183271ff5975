using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Verification;

/// <summary>A call of a model's pass that a backend got wrong.</summary>
/// <param name="Number">Which call of the pass, from 0.</param>
/// <param name="Call">The call on the reference's inputs, with the backend's results in its outputs.</param>
/// <param name="Toward">The first probe that comes after it.</param>
/// <param name="Report">The verdict; null where the backend failed with an exception.</param>
/// <param name="Note">One line.</param>
internal sealed record WrongCall(int Number, OperationCall Call, string Toward, CallReport? Report, string Note);

/// <summary>What a backend does to one operation of a model.</summary>
internal sealed record OperationSwap
{
    /// <summary>The operation.</summary>
    public required Operation Operation { get; init; }

    /// <summary>Calls in one pass.</summary>
    public int Calls { get; set; }

    /// <summary>The weakest verdict of its calls, each on the reference's inputs; SKIP where the backend refuses it.</summary>
    public Verdict Verdict { get; set; }

    /// <summary>The first call that does not pass.</summary>
    public WrongCall? First { get; set; }

    /// <summary>With this operation alone on the backend: relative L2 of the logits from the reference's; NaN where it was not run.</summary>
    public double Logits { get; set; } = double.NaN;

    /// <summary>The same: positions whose greatest logit is another.</summary>
    public long OtherTokens { get; set; }

    /// <summary>Why it was not run, or how it failed.</summary>
    public string Note { get; set; } = "";
}

/// <summary>A backend judged operation by operation inside a model.</summary>
internal sealed record BackendBisectionReport(NumericContract Contract, IReadOnlyList<OperationSwap> Operations, WrongCall? First, long Positions);

/// <summary>Finds the operation that a backend gets wrong in a model: every call judged on the reference's inputs, then each operation swapped in alone.</summary>
internal sealed class BackendBisection : CallBackend
{
    private readonly IBackend candidate;
    private readonly SimdBackend reference = new();
    private readonly JudgeOptions options;
    private readonly Dictionary<Operation, OperationSwap> operations = [];
    private readonly List<WrongCall> waiting = [];
    private WrongCall? first;
    private int calls;

    private BackendBisection(IBackend candidate, JudgeOptions options)
    {
        this.candidate = candidate;
        this.options = options;
    }

    /// <inheritdoc/>
    public override string Name => candidate.Name;

    /// <summary>Judges a backend.</summary>
    /// <param name="open">The model under a contract, on a backend; it is closed here.</param>
    /// <param name="contract">The contract.</param>
    /// <param name="rows">The prompts, of one length.</param>
    /// <param name="candidate">What is judged.</param>
    /// <param name="options">How calls are judged.</param>
    /// <param name="progress">Told what is at work.</param>
    public static BackendBisectionReport Run(
        Func<NumericContract, IBackend, DeepSeekModel> open, NumericContract contract, IReadOnlyList<int[]> rows, IBackend candidate, JudgeOptions options, Action<string>? progress = null)
    {
        var bisection = new BackendBisection(candidate, options);
        Tensor expected;
        using (DeepSeekModel model = open(contract, bisection))
        {
            // The model may have dequantised weights through the backend before the pass: those calls count too.
            expected = model.Forward(rows, new ForwardOptions { Trace = new Places(bisection, progress), Mtp = model.HasMtp });
        }

        foreach (OperationSwap swap in bisection.operations.Values.Where(s => s.Verdict != Verdict.Skip))
        {
            progress?.Invoke($"{swap.Operation} alone");
            Alone(open, contract, rows, candidate, swap, expected);
        }

        return new BackendBisectionReport(contract, [.. bisection.operations.Values], bisection.first, expected.ElementCount / expected.Shape[^1]);
    }

    /// <inheritdoc/>
    protected override void Invoke(OperationCall call)
    {
        if (!operations.TryGetValue(call.Operation, out OperationSwap? swap))
            operations[call.Operation] = swap = new OperationSwap { Operation = call.Operation };
        swap.Calls++;
        int number = calls++;

        // In place, as the model calls it, an operation overwrites its input: the candidate gets copies of the inputs that the reference is about to lose.
        Tensor[] outputs = [.. call.Outputs.Select(o => o.Tensor)];
        var before = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        OperationCall own = call.Replace(o =>
        {
            if (o.Role == OperandRole.Input)
                return outputs.Any(y => SharesMemory(o.Tensor, y)) ? o.Tensor.Clone() : o.Tensor;
            before[o.Name] = o.Tensor.Clone();
            return o.Tensor.Clone();
        });
        call.Run(reference);
        if (swap.Verdict == Verdict.Skip)
            return;
        Try(own, before, swap, number);
    }

    private void Try(OperationCall own, Dictionary<string, Tensor> before, OperationSwap swap, int number)
    {
        CallReport? report = null;
        string note;
        try
        {
            own.Run(candidate);
            report = CallJudge.Judge(own, before, options);
            swap.Verdict = report.Verdict > swap.Verdict ? report.Verdict : swap.Verdict;
            if (report.Verdict.Passes() || report.Verdict is Verdict.Skip or Verdict.Unjudged)
                return;
            OutputReport worst = report.Outputs.MaxBy(o => o.Verdict)!;
            note = $"{worst.Name}: {report.Verdict.Word()} by {report.Check}{(worst.Note.Length > 0 ? $", {worst.Note}" : "")}";
        }
        catch (ContractException e)
        {
            swap.Verdict = Verdict.Skip;
            swap.Note = e.Message;
            return;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            swap.Verdict = Verdict.Fail;
            note = $"{e.GetType().Name}: {e.Message}";
        }

        var wrong = new WrongCall(number, own, "", report, note);
        if (swap.First is null && !waiting.Exists(w => w.Call.Operation == own.Operation))
            waiting.Add(wrong);
    }

    /// <summary>A probe came: the wrong calls before it led to it.</summary>
    private void Reached(string probe)
    {
        foreach (WrongCall wrong in waiting)
        {
            WrongCall placed = wrong with { Toward = probe };
            first ??= placed;
            operations[wrong.Call.Operation].First ??= placed;
        }

        waiting.Clear();
    }

    private static void Alone(Func<NumericContract, IBackend, DeepSeekModel> open, NumericContract contract, IReadOnlyList<int[]> rows, IBackend candidate, OperationSwap swap, Tensor expected)
    {
        try
        {
            using DeepSeekModel model = open(contract, new OneOperation(candidate, swap.Operation));
            Tensor actual = model.Forward(rows);
            swap.Logits = TensorComparison.Compare(expected, actual).RelativeL2;
            int V = (int)expected.Shape[^1];
            for (long r = 0; r < expected.ElementCount / V; r++)
                swap.OtherTokens += Greatest(expected, r, V) == Greatest(actual, r, V) ? 0 : 1;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            swap.Note = $"swapped in alone, the pass ends: {e.Message}";
        }
    }

    private static int Greatest(Tensor logits, long row, int V) => Enumerable.Range(0, V).MaxBy(v => ElementReader.Value(logits, (row * V) + v));

    private static unsafe bool SharesMemory(Tensor a, Tensor b)
    {
        fixed (byte* x = &a.ByteOrigin, y = &b.ByteOrigin)
            return x < y + b.ByteCount && y < x + a.ByteCount;
    }

    /// <summary>One operation on the candidate, all others on the reference.</summary>
    private sealed class OneOperation(IBackend candidate, Operation operation) : CallBackend
    {
        private readonly SimdBackend others = new();

        public override string Name => $"{candidate.Name} for {operation} alone";

        protected override void Invoke(OperationCall call) => call.Run(call.Operation == operation ? candidate : others);
    }

    /// <summary>Tells which probe the calls so far led to.</summary>
    private sealed class Places(BackendBisection bisection, Action<string>? progress) : Tracing.ITensorTrace
    {
        public bool Wants(string name)
        {
            progress?.Invoke($"calls, {name}");
            // Between a choice and its weights nothing is called; asked about each name once, in order.
            bisection.Reached(name);
            return false;
        }

        public void Probe(string name, Tensor tensor)
        {
        }
    }
}
