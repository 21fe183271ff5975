using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The denominator of a row, added up block by block.</summary>
internal struct WeightTotal(WeightOrder order)
{
    private float[]? lanes;

    /// <summary>L = fma(L, corr, Σ w); without corr L = Σ w.</summary>
    public void Add(ReadOnlySpan<float> w, float? corr)
    {
        lanes ??= new float[order == WeightOrder.Quad ? 4 : 1];
        for (int t = 0; t < lanes.Length; t++)
        {
            float sum = order == WeightOrder.Quad ? Quad(w, t) : Sum(w);
            lanes[t] = corr is float rescale ? MathF.FusedMultiplyAdd(lanes[t], rescale, sum) : sum;
        }
    }

    /// <summary>L.</summary>
    public readonly float Fold() => lanes switch
    {
        null => 0f,
        [float one] => one,
        _ => (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]),
    };

    private readonly float Sum(ReadOnlySpan<float> w)
    {
        float[] ones = new float[w.Length];
        ones.AsSpan().Fill(1f);
        AccumulationKind kind = order switch
        {
            WeightOrder.Sequential => AccumulationKind.Sequential,
            WeightOrder.Exact => AccumulationKind.Exact,
            WeightOrder.Float64 => AccumulationKind.Float64,
            _ => AccumulationKind.Lanes16,
        };
        return DotProduct.Define(w, ones, new Accumulation(kind), DType.F32);
    }

    private static float Quad(ReadOnlySpan<float> w, int t)
    {
        float sum = 0f;
        for (int j = 2 * t; j < w.Length; j += 8)
            sum = sum + (w[j] + (j + 1 < w.Length ? w[j + 1] : 0f));
        return sum;
    }
}

/// <summary>The combination of the parts of a row under any contract.</summary>
/// <remarks>
/// <code>
/// M   = max lse_i                      0 where all are -∞
/// S   = Σ b^(lse_i - M)                Combine: a chain ascending or descending, or 32 lanes and a butterfly
/// G   = log_b(S) + M                   +∞ where S = 0
/// y_c = Σ b^(lse_i - G) O_{i,c}        a chain of fma from +0, ascending, or descending
/// lse = G, or G / log2 e
/// </code>
/// Where S = 0: y = +0 as all weights are, and lse is the empty row's. Rule N23; docs/spec/attention-contract.md 3.
/// </remarks>
internal static class GeneralCombine
{
    /// <summary>The definition; returns the natural log-sum-exp.</summary>
    public static float Define(ReadOnlySpan<float> partials, ReadOnlySpan<float> lse, AttentionContract contract, Span<float> y)
    {
        float M = float.NegativeInfinity;
        foreach (float x in lse)
            M = ContractSteps.Maximum(contract.Maximum, M, x);
        if (M == float.NegativeInfinity)
            M = 0f;

        int n = lse.Length;
        bool descending = contract.Combine == CombineOrder.Descending;
        float[] lane = new float[contract.Combine == CombineOrder.Butterfly ? 32 : 1];
        for (int k = 0; k < n; k++)
        {
            int i = descending ? n - 1 - k : k;
            lane[i % lane.Length] = lane[i % lane.Length] + GeneralAttention.Power(contract, lse[i] - M);
        }

        for (int h = lane.Length / 2; h >= 1; h /= 2)
        {
            for (int j = 0; j < h; j++)
                lane[j] = lane[j] + lane[j + h];
        }

        float S = lane[0];
        float G = S == 0f ? float.PositiveInfinity : (contract.Base == SoftmaxBase.E ? Correct.Log(S) : contract.Functions.Log2(S)) + M;

        y.Clear();
        for (int k = 0; k < n; k++)
        {
            int i = descending ? n - 1 - k : k;
            float weight = GeneralAttention.Power(contract, lse[i] - G);
            for (int c = 0; c < y.Length; c++)
                y[c] = MathF.FusedMultiplyAdd(weight, partials[i * y.Length + c], y[c]);
        }

        if (S == 0f)
            return contract.Empty == EmptyRow.PositiveInfinity ? float.PositiveInfinity : float.NegativeInfinity;
        return contract.Base == SoftmaxBase.E ? G : contract.Functions.Natural(G);
    }
}
