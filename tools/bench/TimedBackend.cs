using System.Diagnostics;
using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Bench;

/// <summary>Another backend with the time that each operation took.</summary>
internal sealed class TimedBackend(IBackend inner) : CallBackend
{
    private readonly Dictionary<Operation, (long Ticks, int Calls)> spent = [];

    public override string Name => inner.Name;

    public IEnumerable<(Operation Operation, double Seconds, int Calls)> Spent =>
        spent.OrderByDescending(s => s.Value.Ticks).Select(s => (s.Key, s.Value.Ticks / (double)Stopwatch.Frequency, s.Value.Calls));

    public override bool Supports(Operation operation, Ops.Accumulation accumulation) => inner.Supports(operation, accumulation);

    public void Clear() => spent.Clear();

    protected override void Invoke(OperationCall call)
    {
        long start = Stopwatch.GetTimestamp();
        call.Run(inner);
        (long ticks, int calls) = spent.GetValueOrDefault(call.Operation);
        spent[call.Operation] = (ticks + Stopwatch.GetTimestamp() - start, calls + 1);
    }
}
