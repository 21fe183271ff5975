using System.Diagnostics;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Bench;

/// <summary>Another backend with the time that each operation took.</summary>
internal sealed class TimedBackend(SimdBackend inner) : CallBackend, IDequantizedLinear
{
    private readonly Dictionary<Operation, (long Ticks, int Calls)> spent = [];

    public override string Name => inner.Name;

    public IEnumerable<(Operation Operation, double Seconds, int Calls)> Spent =>
        spent.OrderByDescending(s => s.Value.Ticks).Select(s => (s.Key, s.Value.Ticks / (double)Stopwatch.Frequency, s.Value.Calls));

    public override bool Supports(Operation operation, Accumulation accumulation) => inner.Supports(operation, accumulation);

    public void Clear() => spent.Clear();

    public bool TryDequantizedLinear(Tensor x, Tensor codes, Tensor scales, Accumulation accumulation, Tensor y)
    {
        long start = Stopwatch.GetTimestamp();
        bool done = ((IDequantizedLinear)inner).TryDequantizedLinear(x, codes, scales, accumulation, y);
        if (done)
            Note(Operation.Linear, start);
        return done;
    }

    protected override void Invoke(OperationCall call)
    {
        long start = Stopwatch.GetTimestamp();
        call.Run(inner);
        Note(call.Operation, start);
    }

    private void Note(Operation operation, long start)
    {
        (long ticks, int calls) = spent.GetValueOrDefault(operation);
        spent[operation] = (ticks + Stopwatch.GetTimestamp() - start, calls + 1);
    }
}
