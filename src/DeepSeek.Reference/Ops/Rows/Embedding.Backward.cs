using System.Numerics.Tensors;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>
/// Backward:
/// <code>
/// dW_v = dW_v + Σ_{t: ids_t = v} dy_t        Lanes16 whose lane is the position t mod 16; one addition to what dW holds
/// </code>
/// Rows of no id in the sequence stay as they are. So it is the Wgrad of the one-hot rows of ids, whose other terms are +0. Rules N6, N16, N24.
/// </remarks>
public static partial class Embedding
{
    /// <summary>The definition of the backward for one sequence: what every backend must equal, bit for bit.</summary>
    /// <exception cref="ShapeException">An id is not a row of dWeight, or dy is not ids.Length rows of d.</exception>
    public static void DefineBackward(ReadOnlySpan<float> dy, int d, ReadOnlySpan<int> ids, Span<float> dWeight)
    {
        int V = Shape.Rows(dWeight, d);
        if (d == 0)
            return;
        if (dy.Length != (long)ids.Length * d)
            throw new ShapeException($"Embedding backward: {ids.Length} rows of {d} are not {dy.Length} values");
        for (int t = 0; t < ids.Length; t++)
            RequireRow(ids[t], t, V);
        for (int v = 0; v < V; v++)
        {
            if (!ids.Contains(v))
                continue;
            for (int k = 0; k < d; k++)
            {
                var sum = new Lanes16();
                for (int t = 0; t < ids.Length; t++)
                {
                    if (ids[t] == v)
                        sum.Add(t, dy[t * d + k]);
                }

                dWeight[v * d + k] = dWeight[v * d + k] + sum.Fold();
            }
        }
    }

    /// <summary>The rows of one id, at these ascending positions, with the definition's bits. lanes holds <see cref="ColumnSums.Floats"/> of d.</summary>
    internal static void SimdBackwardRow(ReadOnlySpan<float> dy, ReadOnlySpan<int> positions, Span<float> lanes, Span<float> dRow)
    {
        int d = dRow.Length;
        lanes[..ColumnSums.Floats(d)].Clear();
        foreach (int t in positions)
            ColumnSums.Add(lanes, t, dy.Slice(t * d, d));
        Span<float> sum = lanes[..d];
        ColumnSums.Fold(lanes, sum);
        TensorPrimitives.Add(dRow, sum, dRow);
    }
}
