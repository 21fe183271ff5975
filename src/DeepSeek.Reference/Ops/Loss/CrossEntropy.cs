using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The cross-entropy of each row of logits against its target, and its gradient.</summary>
/// <remarks>
/// <code>
/// m, s     as in Softmax: the exact maximum; Σ_k exp(x_k - m) by Lanes16
/// loss     = log(s) - (x_target - m)                          log correctly rounded; two subtractions: minus log-softmax
/// dx_k     = (exp(x_k - m) / s - [k = target]) · scale        one quotient, one subtraction, one product
/// </code>
/// x [T, V], targets [T], losses [T], dx [T, V]. scale is what the row's loss counts for in the whole: 1 over the counted targets of the batch, rounded once.
/// A negative target is not counted: loss +0 and dx +0. No finite m: loss and dx NaN. m is exact and the lane of a term is its index, so a row may be taken
/// in pieces of the vocabulary, of any sizes, with the same bits: <see cref="Define"/> gives a whole row's m and s, <see cref="DefineGradient"/> works piece by piece.
/// Rules N6, N10, N24.
/// </remarks>
public static partial class CrossEntropy
{
    /// <summary>The definition of the losses: what every backend must equal, bit for bit.</summary>
    /// <param name="x">T rows of V logits.</param>
    /// <param name="V">Vocabulary.</param>
    /// <param name="targets">T ids; negative: not counted.</param>
    /// <param name="losses">T values.</param>
    /// <param name="statistics">T pairs (m, s).</param>
    /// <exception cref="ShapeException">The lengths do not fit, or a target is not in the vocabulary.</exception>
    public static void Define(ReadOnlySpan<float> x, int V, ReadOnlySpan<int> targets, Span<float> losses, Span<float> statistics)
    {
        int T = targets.Length;
        if (x.Length != (long)T * V || losses.Length != T || statistics.Length != 2L * T)
            throw new ShapeException($"CrossEntropy: {x.Length} logits, {losses.Length} losses, {statistics.Length} statistics for {T} rows of {V}");
        for (int t = 0; t < T; t++)
        {
            RequireTarget(targets[t], t, V);
            ReadOnlySpan<float> xt = x.Slice(t * V, V);
            float m = Softmax.Maximum(xt);
            var sum = new Lanes16();
            for (int k = 0; k < V; k++)
                sum.Add(k, Correct.Exp(xt[k] - m));
            (statistics[2 * t], statistics[2 * t + 1]) = (m, sum.Fold());
            losses[t] = targets[t] < 0 ? 0f : Loss(xt[targets[t]], m, statistics[2 * t + 1]);
        }
    }

    /// <summary>The definition of the gradient, for ids first..first+n of every row: what every backend must equal, bit for bit. dx may be x.</summary>
    /// <param name="x">T rows of n logits.</param>
    /// <param name="n">Ids of the piece; V for all of them.</param>
    /// <param name="first">The piece's first id; 0 for all of them.</param>
    /// <param name="targets">T ids; negative: not counted.</param>
    /// <param name="statistics">T pairs (m, s) of whole rows.</param>
    /// <param name="scale">What a row's loss counts for.</param>
    /// <param name="dx">T rows of n values.</param>
    /// <exception cref="ShapeException">The lengths do not fit.</exception>
    public static void DefineGradient(ReadOnlySpan<float> x, int n, int first, ReadOnlySpan<int> targets, ReadOnlySpan<float> statistics, float scale, Span<float> dx)
    {
        int T = targets.Length;
        RequireGradient(x, n, T, statistics, dx);
        for (int t = 0; t < T; t++)
        {
            (float m, float s) = (statistics[2 * t], statistics[2 * t + 1]);
            for (int k = 0; k < n; k++)
            {
                float p = float.IsFinite(m) ? Correct.Exp(x[t * n + k] - m) / s : float.NaN;
                if (first + k == targets[t])
                    p = p - 1f;
                dx[t * n + k] = targets[t] < 0 ? 0f : p * scale;
            }
        }
    }

    private static float Loss(float target, float m, float s) => float.IsFinite(m) ? Correct.Log(s) - (target - m) : float.NaN;

    /// <summary>Throws for a target beyond the vocabulary.</summary>
    internal static void RequireTarget(int target, int t, int V)
    {
        if (target >= V)
            throw new ShapeException($"CrossEntropy: target {target} of row {t} is not in [0, {V}); negative targets are not counted");
    }

    private static void RequireGradient(ReadOnlySpan<float> x, int n, int T, ReadOnlySpan<float> statistics, Span<float> dx)
    {
        if (x.Length != (long)T * n || dx.Length != x.Length || statistics.Length != 2L * T)
            throw new ShapeException($"CrossEntropy: {x.Length} logits, {dx.Length} gradients, {statistics.Length} statistics for {T} rows of {n}");
    }
}
