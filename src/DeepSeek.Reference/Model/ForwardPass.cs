using DeepSeek.Reference.Tracing;

namespace DeepSeek.Reference.Model;

/// <summary>What the components of one pass share: the rows, their positions, the caches, the buffers and the trace.</summary>
/// <remarks>
/// Rows are [R], those of one sequence together: R = B·T where every sequence has T new tokens, else the sum of their numbers.
/// Linear operations run on all of them at once; attention runs sequence by sequence. Only a pass of one T can be traced.
/// </remarks>
internal sealed class ForwardPass
{
    private readonly int[] first, counts, offsets;

    /// <summary>A pass of <paramref name="tokens"/> tokens on each cache, the first of sequence b at position first[b].</summary>
    public ForwardPass(IReadOnlyList<LatentCache> caches, int[] first, int tokens, Workspace workspace, ITensorTrace? trace)
        : this(caches, first, [.. Enumerable.Repeat(tokens, caches.Count)], workspace, trace)
    {
    }

    /// <summary>A pass of counts[b] tokens on cache b, the first of them at position first[b].</summary>
    public ForwardPass(IReadOnlyList<LatentCache> caches, int[] first, int[] counts, Workspace workspace, ITensorTrace? trace)
    {
        Caches = caches;
        this.first = first;
        this.counts = counts;
        offsets = new int[counts.Length];
        for (int b = 1; b < counts.Length; b++)
            offsets[b] = offsets[b - 1] + counts[b - 1];
        Rows = counts.Length == 0 ? 0 : offsets[^1] + counts[^1];
        Workspace = workspace;
        Trace = trace;
        Positions = workspace.Positions.Get(DType.I32, Rows);
        Span<int> positions = Positions.AsSpan<int>();
        for (int b = 0; b < Sequences; b++)
        {
            for (int t = 0; t < counts[b]; t++)
                positions[offsets[b] + t] = first[b] + t;
        }
    }

    /// <summary>One cache a sequence.</summary>
    public IReadOnlyList<LatentCache> Caches { get; }

    /// <summary>B.</summary>
    public int Sequences => Caches.Count;

    /// <summary>T: new tokens of each sequence, in a pass of one T.</summary>
    public int Tokens => counts[0];

    /// <summary>R: the new tokens of all sequences.</summary>
    public int Rows { get; }

    /// <summary>Position of each row, I32 [R].</summary>
    public Tensor Positions { get; }

    /// <summary>Buffers.</summary>
    public Workspace Workspace { get; }

    /// <summary>Receiver of intermediates.</summary>
    public ITensorTrace? Trace { get; }

    /// <summary>Position of sequence b's first new token: the number of tokens before it.</summary>
    public int First(int b) => first[b];

    /// <summary>New tokens of sequence b.</summary>
    public int Count(int b) => counts[b];

    /// <summary>The row of sequence b's first new token.</summary>
    public int Offset(int b) => offsets[b];

    /// <summary>Tokens of sequence b after the pass.</summary>
    public int End(int b) => first[b] + counts[b];

    /// <summary>Rows of sequence b.</summary>
    public Tensor Sequence(Tensor rows, int b) => Sequences == 1 ? rows : rows.Rows(offsets[b], counts[b]);

    /// <summary>Whether the trace asks for prefix.name.</summary>
    public bool Wants(string prefix, string name) => Trace is not null && Trace.Wants(prefix.Length == 0 ? name : $"{prefix}.{name}");

    /// <summary>Gives [B·T, ...] rows to the trace as [B, T, tail].</summary>
    public void Probe(string prefix, string name, Tensor rows, params ReadOnlySpan<long> tail)
    {
        if (Wants(prefix, name))
            Trace!.Probe(FullName(prefix, name), rows.Reshape([Sequences, Tokens, .. tail]));
    }

    /// <summary>Gives [B·T, n] rows to the trace as they are (the router's layout).</summary>
    public void ProbeRows(string prefix, string name, Tensor rows)
    {
        if (Wants(prefix, name))
            Trace!.Probe(FullName(prefix, name), rows);
    }

    /// <summary>Gives channels from..from+count of each head to the trace as [B, T, H, count]; 0 heads: [B, T, count].</summary>
    public void ProbeColumns(string prefix, string name, Tensor rows, int heads, int width, int from, int count)
    {
        if (!Wants(prefix, name))
            return;
        long all = (long)Rows * Math.Max(1, heads);
        Tensor y = Workspace.Probe.Get(rows.DType, all, count);
        Columns.Copy(rows, width, from, y, count, 0, count, all);
        Trace!.Probe(FullName(prefix, name), heads == 0 ? y.Reshape(Sequences, Tokens, count) : y.Reshape(Sequences, Tokens, heads, count));
        if (Trace is ISubstitutingTrace)
            Columns.Copy(y, count, 0, rows, width, from, count, all);
    }

    private static string FullName(string prefix, string name) => prefix.Length == 0 ? name : $"{prefix}.{name}";
}
