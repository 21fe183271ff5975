namespace DeepSeek.Reference.Verification;

/// <summary>A yardstick of outputs whose elements share something row by row: what a row needs is computed once for all its elements that follow each other.</summary>
/// <param name="output">The output's name.</param>
/// <param name="width">Elements of a row.</param>
/// <param name="ofRow">What measures the elements of a row, by their place in it.</param>
internal sealed class RowYardstick(string output, long width, Func<long, Func<long, Measurement>> ofRow) : Yardstick(output)
{
    /// <summary>Elements that one thread takes at a time.</summary>
    private const int Share = 4096;

    /// <summary>Of an operation without rows: each element by itself.</summary>
    public RowYardstick(string output, Func<long, Measurement> ofElement) : this(output, long.MaxValue, _ => ofElement) { }

    /// <inheritdoc/>
    public override void Measure(ReadOnlySpan<long> elements, Span<Measurement> results)
    {
        long[] wanted = elements.ToArray();
        var found = new Measurement[wanted.Length];
        Parallel.For(0, (wanted.Length + Share - 1) / Share, share =>
        {
            long last = -1;
            Func<long, Measurement>? measure = null;
            for (int i = share * Share; i < Math.Min(wanted.Length, (share + 1) * Share); i++)
            {
                (long row, long column) = Math.DivRem(wanted[i], width);
                if (measure is null || row != last)
                    (measure, last) = (ofRow(row), row);
                found[i] = measure(column);
            }
        });
        found.CopyTo(results);
    }
}
