using System.Numerics.Tensors;

namespace DeepSeek.Reference.Ops;

/// <remarks>
/// Backward, the transpose: the combination without weights.
/// <code>
/// dx_t = +0, then dx_t + dy_r        for the rows r of token t, in ascending expert id
/// </code>
/// Rules N16, N24.
/// </remarks>
public static partial class Dispatch
{
    /// <summary>The definition of the backward: what every backend must equal, bit for bit.</summary>
    /// <exception cref="ShapeException">The sizes do not fit the plan.</exception>
    public static void DefineBackward(ReadOnlySpan<float> dy, int d, ExpertPlan plan, Span<float> dx)
    {
        if (dx.Length != (long)plan.TokenCount * d || dy.Length != (long)plan.Rows * d)
            throw new ShapeException($"Dispatch backward: {dy.Length} values in and {dx.Length} out for {plan.TokenCount} tokens, {plan.Rows} rows of {d}");
        dx.Clear();
        // Rows are sorted by expert: a token meets its experts in ascending id.
        for (int r = 0; r < plan.Rows; r++)
        {
            int t = plan.Tokens[r];
            for (int k = 0; k < d; k++)
                dx[t * d + k] = dx[t * d + k] + dy[r * d + k];
        }
    }

    /// <summary>One token with the definition's bits; rows are its rows in ascending order.</summary>
    internal static void SimdBackwardToken(ReadOnlySpan<float> dy, ReadOnlySpan<int> rows, Span<float> dx)
    {
        int d = dx.Length;
        dx.Clear();
        foreach (int r in rows)
            TensorPrimitives.Add(dx, dy.Slice(r * d, d), dx);
    }
}
