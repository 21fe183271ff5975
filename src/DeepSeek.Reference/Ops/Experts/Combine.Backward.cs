using System.Numerics.Tensors;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <remarks>
/// Backward, for the slot s of token t that sits in row r; the shared expert's gradient is dy itself:
/// <code>
/// do_{r,k} = w_{t,s} · dy_{t,k}
/// dw_{t,s} = Σ_k dy_{t,k} o_{r,k}        Lanes16; +0 for an empty slot
/// </code>
/// Rules N6, N24.
/// </remarks>
public static partial class Combine
{
    /// <summary>The definition of the backward: what every backend must equal, bit for bit. dO may be o.</summary>
    /// <exception cref="ShapeException">The sizes do not fit the plan.</exception>
    public static void DefineBackward(
        ReadOnlySpan<float> dy, ReadOnlySpan<float> o, int d, ExpertPlan plan, ReadOnlySpan<float> w, Span<float> dO, Span<float> dW)
    {
        int K = plan.Slots;
        int slots = plan.TokenCount * K;
        if (o.Length != (long)plan.Rows * d || dO.Length != o.Length || w.Length != slots || dW.Length != slots || dy.Length != (long)plan.TokenCount * d)
            throw new ShapeException($"Combine backward: dy of {dy.Length}, outputs of {o.Length}, weights of {w.Length}, dO of {dO.Length}, dW of {dW.Length} for {plan.TokenCount} tokens, {K} slots, {plan.Rows} rows of {d}");
        for (int i = 0; i < slots; i++)
        {
            int r = plan.RowOf[i];
            var sum = new Lanes16();
            for (int k = 0; r >= 0 && k < d; k++)
            {
                float g = dy[i / K * d + k];
                sum.AddProduct(k, g, o[r * d + k]);
                dO[r * d + k] = w[i] * g;
            }

            dW[i] = sum.Fold();
        }
    }

    /// <summary>One row with the definition's bits; returns dw. dO may be o.</summary>
    internal static float SimdBackwardRow(ReadOnlySpan<float> dy, ReadOnlySpan<float> o, float w, Span<float> dO)
    {
        float dw = LaneSums.Dot(dy, o);
        TensorPrimitives.Multiply(dy, w, dO);
        return dw;
    }
}
