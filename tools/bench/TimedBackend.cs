using System.Diagnostics;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Bench;

/// <summary>Another backend with the time that each operation took.</summary>
internal class TimedBackend(SimdBackend inner) : CallBackend, IDequantizedProducts
{
    private readonly IDequantizedProducts decoder = inner;
    private readonly Dictionary<Operation, (long Ticks, int Calls)> spent = [];

    public override string Name => inner.Name;

    private IEnumerable<(Operation Operation, double Seconds, int Calls)> Spent =>
        spent.OrderByDescending(s => s.Value.Ticks).Select(s => (s.Key, s.Value.Ticks / (double)Stopwatch.Frequency, s.Value.Calls));

    public override bool Supports(Operation operation, Accumulation accumulation) => inner.Supports(operation, accumulation);

    public void Clear() => spent.Clear();

    /// <summary>A line for each operation, the longest first, and what lies outside of them.</summary>
    public string Report(double seconds) => string.Join('\n', Spent
        .Select(s => (Name: s.Operation.ToString(), s.Seconds, Calls: $"{s.Calls} calls"))
        .Append((Name: "outside", Seconds: seconds - Spent.Sum(s => s.Seconds), Calls: ""))
        .Select(s => $"  {s.Name,-22} {s.Seconds * 1e3,9:F1} ms {s.Seconds / seconds,6:P1} {s.Calls}"));

    public bool TryDequantizedLinear(Tensor x, Tensor codes, Tensor scales, Accumulation accumulation, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        return Noted(decoder.TryDequantizedLinear(x, codes, scales, accumulation, y), Operation.Linear, start);
    }

    public bool TryDequantizedGroupedLinear(Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> codes, IReadOnlyList<Tensor> scales, Accumulation accumulation, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        return Noted(decoder.TryDequantizedGroupedLinear(x, offsets, codes, scales, accumulation, y), Operation.GroupedLinear, start);
    }

    public bool TryDequantizedAbsorbQuery(Tensor q, Tensor codes, Tensor scales, Accumulation accumulation, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        return Noted(decoder.TryDequantizedAbsorbQuery(q, codes, scales, accumulation, y), Operation.AbsorbQuery, start);
    }

    public bool TryDequantizedAbsorbOutput(Tensor z, Tensor codes, Tensor scales, Accumulation accumulation, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        return Noted(decoder.TryDequantizedAbsorbOutput(z, codes, scales, accumulation, y), Operation.AbsorbOutput, start);
    }

    protected override void Invoke(OperationCall call) => Time(() => call.Run(inner), call.Operation);

    protected void Time(Action action, Operation operation)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        Note(operation, start);
    }

    private bool Noted(bool done, Operation operation, long start)
    {
        if (done)
            Note(operation, start);
        return done;
    }

    private void Note(Operation operation, long start)
    {
        (long ticks, int calls) = spent.GetValueOrDefault(operation);
        spent[operation] = (ticks + Stopwatch.GetTimestamp() - start, calls + 1);
    }
}
