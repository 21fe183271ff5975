namespace DeepSeek.Reference.Backends;

/// <summary>Looks for memory that a worker does not give back: its resident size after calls of the same operation on the same shapes.</summary>
/// <remarks>
/// The first calls load code and fill pools, so that they do not count. A program that keeps what it has does not grow at every one of the calls after them; one that
/// forgets what it allocated does. What lies on a device is not seen, nor what a program started by the worker's command has.
/// </remarks>
internal sealed class WorkerGrowth
{
    /// <summary>Calls that may grow.</summary>
    public const int WarmUp = 2;

    /// <summary>Calls that must all have grown.</summary>
    public const int Watched = 5;

    /// <summary>Bytes that a call must have grown by to count: less is the allocator's.</summary>
    public const long Least = 64 << 10;

    private readonly List<long> sizes = [];
    private string shape = "";

    /// <summary>Takes the size after a call; what is wrong, or null.</summary>
    public string? After(OperationCall call, long resident)
    {
        string now = string.Join(';', call.Operands.Select(o => $"{o.Name}:{o.Tensor.DType}{o.Tensor.Shape}").Prepend(call.Operation.ToString()));
        if (now != shape)
        {
            sizes.Clear();
            shape = now;
        }

        sizes.Add(resident);
        if (sizes.Count < WarmUp + Watched)
            return null;
        long[] grown = [.. sizes.Zip(sizes.Skip(1), (before, after) => after - before).TakeLast(Watched)];
        if (grown.Min() < Least)
            return null;
        double mebibytes = (sizes[^1] - sizes[^(Watched + 1)]) / (double)(Watched << 20);
        sizes.Clear();
        return $"{call.Operation}: the worker's memory grew at each of {Watched} equal calls in a row, by {mebibytes:F2} MiB a call, though all was given back: a leak";
    }
}
