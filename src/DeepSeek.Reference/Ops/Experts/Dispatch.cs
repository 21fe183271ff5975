namespace DeepSeek.Reference.Ops;

/// <summary>Gathers the rows of each expert: y_r = x_{token of row r}.</summary>
/// <remarks>x [T, d], y [R, d] with R = plan.Rows. Copies only: exact. docs/spec/moe.md 5.</remarks>
public static partial class Dispatch
{
    /// <summary>The definition: what every backend must equal, bit for bit.</summary>
    /// <exception cref="ShapeException">The sizes do not fit the plan.</exception>
    public static void Define(ReadOnlySpan<float> x, int d, ExpertPlan plan, Span<float> y)
    {
        if (x.Length != (long)plan.TokenCount * d || y.Length != (long)plan.Rows * d)
            throw new ShapeException($"Dispatch: {x.Length} values in and {y.Length} out for {plan.TokenCount} tokens, {plan.Rows} rows of {d}");
        for (int r = 0; r < plan.Rows; r++)
            x.Slice(plan.Tokens[r] * d, d).CopyTo(y.Slice(r * d, d));
    }
}
