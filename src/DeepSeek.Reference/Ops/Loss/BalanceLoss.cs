using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The complementary sequence-wise balance loss of one sequence and one layer, and its gradient with respect to the scores.</summary>
/// <remarks>
/// <code>
/// n_i     = how many slots of the sequence hold expert i                integers
/// f_i     = rn(E · n_i) / rn(K · T)                                     one division
/// Z_t     = Σ_j s_{t,j}                s'_{t,i} = s_{t,i} / Z_t         Lanes16 over the experts; one division
/// P_i     = (Σ_t s'_{t,i}) / T                                          Lanes16 over the positions; one division
/// L       = α · Σ_i f_i P_i                                             Lanes16 over the experts, one fma a term; one product
/// g_i     = (α · f_i) / T
/// ds_{t,i} = (g_i - Σ_j g_j s'_{t,j}) / Z_t                             Lanes16 over the experts, one fma a term
/// </code>
/// scores [T, E], indices [T, K], ds [T, E]. f counts a choice and has no gradient. Which choice is counted is the caller's indices: those that were routed, or, read
/// literally, equation 18's K largest scores without bias or groups (<see cref="TopK"/> of the scores). DeepSeek-V3 report 2.1.2, equations 17 to 20; rules N6, N24.
/// </remarks>
public static class BalanceLoss
{
    /// <summary>The definition: what every backend must equal, bit for bit. No tokens: L = +0.</summary>
    /// <param name="scores">T rows of E scores, not negative.</param>
    /// <param name="indices">T rows of K experts.</param>
    /// <param name="E">Experts.</param>
    /// <param name="K">Slots.</param>
    /// <param name="alpha">α; for V3 1e-4.</param>
    /// <param name="ds">T rows of E values.</param>
    /// <returns>L.</returns>
    /// <exception cref="ShapeException">The lengths do not fit, or an index is no expert.</exception>
    public static float Define(ReadOnlySpan<float> scores, ReadOnlySpan<int> indices, int E, int K, float alpha, Span<float> ds)
    {
        int T = Shape.Rows(scores, E);
        if (indices.Length != (long)T * K || ds.Length != scores.Length)
            throw new ShapeException($"BalanceLoss: {scores.Length} scores, {indices.Length} indices, {ds.Length} gradients for {T} tokens, {E} experts, {K} slots");

        float[] f = Shares(indices, E, K, T);
        var P = new Lanes16[E];
        float[] share = new float[scores.Length];
        float[] Z = new float[T];
        for (int t = 0; t < T; t++)
        {
            var sum = new Lanes16();
            for (int i = 0; i < E; i++)
                sum.Add(i, scores[t * E + i]);
            Z[t] = sum.Fold();
            for (int i = 0; i < E; i++)
            {
                share[t * E + i] = scores[t * E + i] / Z[t];
                P[i].Add(t, share[t * E + i]);
            }
        }

        var loss = new Lanes16();
        for (int i = 0; T > 0 && i < E; i++)
            loss.AddProduct(i, f[i], P[i].Fold() / T);

        for (int t = 0; t < T; t++)
        {
            var dot = new Lanes16();
            for (int j = 0; j < E; j++)
                dot.AddProduct(j, alpha * f[j] / T, share[t * E + j]);
            float c = dot.Fold();
            for (int i = 0; i < E; i++)
                ds[t * E + i] = (alpha * f[i] / T - c) / Z[t];
        }

        return alpha * loss.Fold();
    }

    private static float[] Shares(ReadOnlySpan<int> indices, int E, int K, int T)
    {
        int[] n = new int[E];
        foreach (int i in indices)
        {
            if (i < 0 || i >= E)
                throw new ShapeException($"BalanceLoss: expert index {i} is not in [0, {E})");
            n[i]++;
        }

        float[] f = new float[E];
        for (int i = 0; i < E; i++)
            f[i] = (float)((long)E * n[i]) / (float)((long)K * T);
        return f;
    }
}
