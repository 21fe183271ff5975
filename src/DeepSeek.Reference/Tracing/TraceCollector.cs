namespace DeepSeek.Reference.Tracing;

/// <summary>Keeps copies of the probes whose names fit a pattern; passes over successive tokens are joined as if they had been one.</summary>
/// <remarks>
/// Probes of three or more dimensions are [B, T, ...] and joined along T. Probes of two are [B·T, n], rows of one sequence together,
/// and joined sequence by sequence. So a prefill followed by single steps gives the names and shapes of one pass.
/// </remarks>
public sealed class TraceCollector : ITensorTrace
{
    private readonly string[] patterns;
    private readonly int sequences;
    private readonly Dictionary<string, List<Tensor>> parts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, bool> wanted = new(StringComparer.Ordinal);

    /// <summary>Collects names that fit one of the patterns (<c>*</c> any characters, <c>?</c> one) of runs over <paramref name="sequences"/> sequences.</summary>
    /// <exception cref="ContractException">No sequence.</exception>
    public TraceCollector(IEnumerable<string> patterns, int sequences = 1)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        if (sequences < 1)
            throw new ContractException($"a trace of {sequences} sequences was asked for; there is at least one");
        this.patterns = [.. patterns];
        this.sequences = sequences;
    }

    /// <summary>A collector by the command line's word: null is the oracles' names, <c>all</c> is everything, else patterns separated by commas.</summary>
    public static TraceCollector Parse(string? word, DeepSeekConfig config, int sequences) => word switch
    {
        null => new TraceCollector(OracleNames.For(config), sequences),
        "all" => new TraceCollector(["*"], sequences),
        _ => new TraceCollector(word.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), sequences),
    };

    /// <inheritdoc/>
    public bool Wants(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (wanted.TryGetValue(name, out bool answer))
            return answer;
        foreach (string pattern in patterns)
        {
            if (Glob.Matches(pattern, name))
            {
                answer = true;
                break;
            }
        }

        wanted[name] = answer;
        return answer;
    }

    /// <inheritdoc/>
    public void Probe(string name, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (!Wants(name))
            return;
        if (!parts.TryGetValue(name, out List<Tensor>? list))
            parts[name] = list = [];
        list.Add(tensor.Clone());
    }

    /// <summary>All that was collected, by name in ordinal order.</summary>
    /// <exception cref="ShapeException">Passes over different numbers of sequences were collected under one name.</exception>
    public IReadOnlyDictionary<string, Tensor> Tensors()
    {
        var all = new SortedDictionary<string, Tensor>(StringComparer.Ordinal);
        foreach ((string name, List<Tensor> list) in parts)
        {
            if (list.Count > 1)
            {
                Tensor joined = Join(name, list);
                list.Clear();
                list.Add(joined);
            }

            all[name] = list[0];
        }

        return all;
    }

    private Tensor Join(string name, List<Tensor> list)
    {
        Tensor first = list[0];
        bool flat = first.Shape.Rank < 3;
        long rows = 0;
        foreach (Tensor part in list)
        {
            if (flat ? part.Shape[0] % sequences != 0 : part.Shape[0] != sequences)
                throw new ShapeException($"probe {name} is {part}, which is not of {sequences} sequences");
            rows += flat ? part.Shape[0] / sequences : part.Shape[1];
        }

        ReadOnlySpan<long> tail = first.Shape.Dimensions[(flat ? 1 : 2)..];
        long[] dims = flat ? [rows * sequences, .. tail] : [sequences, rows, .. tail];
        var y = new Tensor(first.DType, dims);
        long rowBytes = rows == 0 ? 0 : y.ByteCount / (rows * sequences);
        long at = 0;
        foreach (Tensor part in list)
        {
            long count = part.ByteCount / Math.Max(1, rowBytes * sequences);
            for (int b = 0; b < sequences; b++)
                CopyBytes(part, b * count * rowBytes, y, ((b * rows) + at) * rowBytes, count * rowBytes);
            at += count;
        }

        return y;
    }

    private static unsafe void CopyBytes(Tensor source, long from, Tensor target, long to, long count)
    {
        fixed (byte* s = &source.ByteOrigin, t = &target.ByteOrigin)
            Buffer.MemoryCopy(s + from, t + to, count, count);
    }
}
