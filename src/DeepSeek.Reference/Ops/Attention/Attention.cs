using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Causal softmax attention of one sequence: multi-head, or multi-query over one key head (MLA absorbed).</summary>
/// <remarks>
/// <code>
/// n     = min(T, p0 + i + 1), not below 0        query i sees keys 0..n-1; the others are left out by index
/// x_j   = (Σ_d q_d k_{j,d}) · scale              named accumulation over the D joined channels; one multiplication
/// m     = max_j x_j                              exact; a NaN among them makes it NaN
/// e_j   = exp(x_j - m)                           one subtraction, one correctly rounded exp
/// s     = Σ_j e_j                                named accumulation
/// p_j   = e_j / s
/// y_c   = Σ_j p_j v_{j,c}                        named accumulation; its lane is the key's absolute index mod 16
/// lse   = m + log(s)                             one correctly rounded log, one addition
/// </code>
/// m = -∞ (also n = 0): y = +0 and lse = -∞, whatever v holds. A NaN score or m = +∞: y and lse are NaN.
/// The named accumulation is <see cref="AttentionAttributes.Accumulation"/> in all three sums. Since the lane of a key is its absolute index, a prompt
/// gives the same bits at once, in chunks, or token by token.
/// <para>Roundings, ⟦·⟧ to bfloat16:</para>
/// <code>
/// Probabilities  ⟦p_j⟧ in P·V
/// EveryStep      x_j = ⟦⟦Σ q k⟧ · scale⟧, ⟦p_j⟧ in P·V; with ScoreSplit = c > 0:  x_j = ⟦⟦⟦Σ_{d &lt; c} q k⟧ + ⟦Σ_{d ≥ c} q k⟧⟧ · scale⟧,
///                each sum begun at lane 0
/// </code>
/// q [S, H, D], keys [T, Hk, D] with Hk = H or 1, values [T, Hk, Dv] or the first Dv channels of keys, y [S, H, Dv]; F32, or BF16 widened exactly.
/// With an <see cref="AttentionContract"/> the row is rule N23's. Rules N6, N7, N10; DeepSeek-V3 report 2.1.1; model.py, class MLA; docs/spec/mla.md 3 to 5.
/// </remarks>
public static partial class Attention
{
    /// <summary>The definition: what every backend must equal, bit for bit.</summary>
    /// <param name="q">S·H rows of D values.</param>
    /// <param name="keys">T·Hk rows of D values.</param>
    /// <param name="values">T·Hk rows of Dv values, or of D values of which the first Dv are taken when <see cref="AttentionShape.SharesKeys"/>.</param>
    /// <param name="shape">The dimensions.</param>
    /// <param name="attributes">Scale, mask, roundings, accumulation.</param>
    /// <param name="output">The format y will be stored in.</param>
    /// <param name="y">S·H rows of Dv values.</param>
    /// <param name="logSumExp">S·H values, or empty.</param>
    /// <exception cref="ShapeException">The lengths do not fit the shape.</exception>
    public static void Define(
        ReadOnlySpan<float> q, ReadOnlySpan<float> keys, ReadOnlySpan<float> values,
        AttentionShape shape, AttentionAttributes attributes, DType output, Span<float> y, Span<float> logSumExp)
    {
        (int S, int H, _, _, int D, int Dv, _) = shape;
        shape.Check(q.Length, keys.Length, values.Length, y.Length, logSumExp.Length);
        attributes.Contract?.Validate();
        for (int i = 0; i < S; i++)
        {
            for (int h = 0; h < H; h++)
            {
                int row = i * H + h;
                float lse = Row(q.Slice(row * D, D), keys, values, h, shape.Visible(attributes, i), shape, attributes, output, y.Slice(row * Dv, Dv));
                if (!logSumExp.IsEmpty)
                    logSumExp[row] = lse;
            }
        }
    }

    /// <summary>One query of one head against keys 0..n-1; returns the log-sum-exp.</summary>
    internal static float DefineRow(
        ReadOnlySpan<float> q, ReadOnlySpan<float> keys, ReadOnlySpan<float> values, int h, int n,
        AttentionShape shape, AttentionAttributes attributes, DType output, Span<float> y)
    {
        (_, _, _, int Hk, int D, int Dv, _) = shape;
        int hk = shape.KeyHead(h);
        Accumulation accumulation = attributes.Accumulation;

        float[] x = new float[n];
        float m = float.NegativeInfinity;
        for (int j = 0; j < n; j++)
        {
            x[j] = Score(q, keys.Slice((j * Hk + hk) * D, D), attributes);
            m = MathF.Max(m, x[j]);
        }

        if (m == float.NegativeInfinity)
        {
            y.Clear();
            return float.NegativeInfinity;
        }

        float[] e = new float[n];
        for (int j = 0; j < n; j++)
            e[j] = Correct.Exp(x[j] - m);

        float[] column = new float[n];
        column.AsSpan().Fill(1f);
        float s = DotProduct.Define(e, column, accumulation, DType.F32);

        float[] p = new float[n];
        for (int j = 0; j < n; j++)
            p[j] = attributes.Rounding == AttentionRounding.None ? e[j] / s : BFloat16.RoundToFloat(e[j] / s);

        for (int c = 0; c < Dv; c++)
        {
            for (int j = 0; j < n; j++)
                column[j] = values[(j * Hk + hk) * shape.ValueStride + c];
            y[c] = DotProduct.Define(p, column, accumulation, output);
        }

        return m + Correct.Log(s);
    }

    private static float Score(ReadOnlySpan<float> q, ReadOnlySpan<float> k, AttentionAttributes attributes)
    {
        Accumulation accumulation = attributes.Accumulation;
        if (attributes.Rounding != AttentionRounding.EveryStep)
            return DotProduct.Define(q, k, accumulation, DType.F32) * attributes.Scale;

        int c = attributes.ScoreSplit;
        float dot = BFloat16.RoundToFloat(DotProduct.Define(q[c..], k[c..], accumulation, DType.BF16));
        if (c > 0)
        {
            float latent = BFloat16.RoundToFloat(DotProduct.Define(q[..c], k[..c], accumulation, DType.BF16));
            dot = BFloat16.RoundToFloat(latent + dot);
        }

        return BFloat16.RoundToFloat(dot * attributes.Scale);
    }
}
