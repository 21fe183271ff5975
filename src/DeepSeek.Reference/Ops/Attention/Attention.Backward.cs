using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>
/// Backward of the naive form (Hk = H, values of their own), from what the forward took and gave; probabilities are computed again from the log-sum-exp:
/// <code>
/// p_ij  = exp(x_ij - lse_i)                    x_ij with the forward's bits; one subtraction, one correctly rounded exp; lse = -∞: +0
/// Δ_i   = Σ_c dy_ic y_ic                       named accumulation; equals Σ_j p_ij (dy_i · v_j)
/// t_ij  = (p_ij · ((Σ_c dy_ic v_jc) - Δ_i)) · scale     named accumulation; one subtraction, two products; +0 where lse = -∞
/// dq_id = Σ_j t_ij k_jd                        named accumulation; lane: the key's absolute index mod 16
/// dk_jd = Σ_i t_ij q_id,  dv_jc = Σ_i p_ij dy_ic        named accumulation; lane: the query's absolute position mod 16 (any offset gives the same bits)
/// </code>
/// j runs over the keys that query i sees, i over the queries that see key j; a key that no query sees gets +0. No rounding to bfloat16, no
/// <see cref="AttentionContract"/>. Training runs the naive form, so the absorbed one has no backward of its own: the two are one function of the same weights.
/// Rules N6, N7, N10, N24.
/// </remarks>
public static partial class Attention
{
    /// <summary>The definition of the backward: what every backend must equal, bit for bit.</summary>
    /// <param name="q">S·H rows of D values.</param>
    /// <param name="keys">T·H rows of D values.</param>
    /// <param name="values">T·H rows of Dv values.</param>
    /// <param name="y">S·H rows of Dv values, the forward's result.</param>
    /// <param name="logSumExp">S·H values, the forward's.</param>
    /// <param name="dy">S·H rows of Dv values.</param>
    /// <param name="shape">The dimensions.</param>
    /// <param name="attributes">Scale, mask, accumulation.</param>
    /// <param name="dq">S·H rows of D values.</param>
    /// <param name="dKeys">T·H rows of D values.</param>
    /// <param name="dValues">T·H rows of Dv values.</param>
    /// <exception cref="ShapeException">The lengths do not fit the shape.</exception>
    /// <exception cref="ContractException">Shared keys, roundings or a contract, whose backward is not defined.</exception>
    public static void DefineBackward(
        ReadOnlySpan<float> q, ReadOnlySpan<float> keys, ReadOnlySpan<float> values, ReadOnlySpan<float> y, ReadOnlySpan<float> logSumExp, ReadOnlySpan<float> dy,
        AttentionShape shape, AttentionAttributes attributes, Span<float> dq, Span<float> dKeys, Span<float> dValues)
    {
        RequireBackward(shape, attributes);
        shape.Check(q.Length, keys.Length, values.Length, y.Length, logSumExp.Length);
        if (logSumExp.Length != shape.S * shape.H || dy.Length != y.Length || dq.Length != q.Length || dKeys.Length != keys.Length || dValues.Length != values.Length)
            throw new ShapeException($"Attention backward: lse of {logSumExp.Length}, dy of {dy.Length}, dq of {dq.Length}, dKeys of {dKeys.Length}, dValues of {dValues.Length} values do not fit {shape}");
        for (int h = 0; h < shape.H; h++)
            DefineBackwardHead(q, keys, values, y, logSumExp, dy, h, shape, attributes, dq, dKeys, dValues);
    }

    /// <summary>As <see cref="DefineBackward"/>, for one head.</summary>
    internal static void DefineBackwardHead(
        ReadOnlySpan<float> q, ReadOnlySpan<float> keys, ReadOnlySpan<float> values, ReadOnlySpan<float> y, ReadOnlySpan<float> logSumExp, ReadOnlySpan<float> dy,
        int h, AttentionShape shape, AttentionAttributes attributes, Span<float> dq, Span<float> dKeys, Span<float> dValues)
    {
        (int S, int H, int T, _, int D, int Dv, _) = shape;
        Accumulation sum = attributes.Accumulation;
        var p = new float[S][];
        var t = new float[S][];
        for (int i = 0; i < S; i++)
        {
            int n = shape.Visible(attributes, i);
            int row = i * H + h;
            ReadOnlySpan<float> dyi = dy.Slice(row * Dv, Dv);
            float lse = logSumExp[row];
            float delta = DotProduct.Define(dyi, y.Slice(row * Dv, Dv), sum, DType.F32);
            (p[i], t[i]) = (new float[n], new float[n]);
            for (int j = 0; lse != float.NegativeInfinity && j < n; j++)
            {
                float x = DotProduct.Define(q.Slice(row * D, D), keys.Slice((j * H + h) * D, D), sum, DType.F32) * attributes.Scale;
                float dp = DotProduct.Define(dyi, values.Slice((j * H + h) * Dv, Dv), sum, DType.F32);
                p[i][j] = Correct.Exp(x - lse);
                t[i][j] = p[i][j] * (dp - delta) * attributes.Scale;
            }

            float[] column = new float[n];
            for (int d = 0; d < D; d++)
            {
                for (int j = 0; j < n; j++)
                    column[j] = keys[(j * H + h) * D + d];
                dq[row * D + d] = DotProduct.Define(t[i], column, sum, DType.F32);
            }
        }

        for (int j = 0; j < T; j++)
        {
            int first = 0;
            while (first < S && p[first].Length <= j)
                first++;
            float[] weights = new float[S - first];
            float[] column = new float[S - first];
            for (int d = 0; d < D; d++)
            {
                for (int i = first; i < S; i++)
                    (weights[i - first], column[i - first]) = (t[i][j], q[(i * H + h) * D + d]);
                dKeys[(j * H + h) * D + d] = DotProduct.Define(weights, column, sum, DType.F32);
            }

            for (int c = 0; c < Dv; c++)
            {
                for (int i = first; i < S; i++)
                    (weights[i - first], column[i - first]) = (p[i][j], dy[(i * H + h) * Dv + c]);
                dValues[(j * H + h) * Dv + c] = DotProduct.Define(weights, column, sum, DType.F32);
            }
        }
    }

    /// <summary>Throws for an attention whose backward is not defined.</summary>
    internal static void RequireBackward(AttentionShape shape, AttentionAttributes attributes)
    {
        if (shape.SharesKeys || shape.Hk != shape.H)
            throw new ContractException($"attention's backward is that of the naive form: keys and values for each of {shape.H} heads; give {nameof(ExpandKeys)}' result");
        if (attributes.Rounding != AttentionRounding.None || attributes.Contract is not null)
            throw new ContractException($"attention's backward is defined in binary32 alone, not with {nameof(AttentionRounding)} {attributes.Rounding} or contract {attributes.Contract?.Name ?? "none"}");
        attributes.Accumulation.RequireWithoutUnit("attention's backward");
    }
}
