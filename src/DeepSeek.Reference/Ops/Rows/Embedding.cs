namespace DeepSeek.Reference.Ops;

/// <summary>Looks up one row of a table for each id: y_t = weight_{id_t}.</summary>
/// <remarks>weight [V, d], ids [T], y [T, d]. Copies only: exact. docs/spec/deepseek-v3.md 4.1.</remarks>
public static partial class Embedding
{
    /// <summary>The definition: what every backend must equal, bit for bit.</summary>
    /// <exception cref="ShapeException">An id is not a row of weight, or y is not ids.Length rows of d.</exception>
    public static void Define(ReadOnlySpan<float> weight, int d, ReadOnlySpan<int> ids, Span<float> y)
    {
        int V = Shape.Rows(weight, d);
        if (y.Length != (long)ids.Length * d)
            throw new ShapeException($"Embedding: {ids.Length} rows of {d} do not fill {y.Length} values");
        for (int t = 0; t < ids.Length; t++)
        {
            RequireRow(ids[t], t, V);
            weight.Slice(ids[t] * d, d).CopyTo(y.Slice(t * d, d));
        }
    }

    /// <summary>Throws unless id names one of V rows.</summary>
    internal static void RequireRow(long id, int t, long V)
    {
        if (id < 0 || id >= V)
            throw new ShapeException($"Embedding: id {id} at position {t} is not in [0, {V}); was the text tokenised for another vocabulary?");
    }
}
