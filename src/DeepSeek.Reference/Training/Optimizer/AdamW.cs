using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Training;

/// <summary>AdamW: moments of the gradient, bias correction, decoupled decay; one step of one parameter.</summary>
/// <remarks>
/// <code>
/// g = g · s                          clipped
/// m = fma(b1, m, c1 · g)             v = fma(b2, v, c2 · (g · g))
/// u = (m · k1) / (√(v · k2) + ε)
/// θ = fma(-η, fma(λ, θ, u), θ)
/// </code>
/// All in binary32, each product, quotient, root and fma rounded once; constants: <see cref="AdamWStep"/>. θ, g, m, v of one size. Moments kept in bfloat16 are
/// widened exactly and rounded to nearest even after the step; <see cref="MomentUse"/> says which of the two u takes. Rule N25.
/// Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019; settings: DeepSeek-V3 report 4.2; docs/spec/training-recipe.md 1.
/// </remarks>
public static partial class AdamW
{
    /// <summary>The definition: what every implementation must equal, bit for bit.</summary>
    /// <exception cref="ShapeException">The sizes differ.</exception>
    public static void Define(Span<float> theta, ReadOnlySpan<float> g, Span<float> m, Span<float> v, in AdamWStep step)
    {
        RequireEqualSizes(theta.Length, g.Length, m.Length, v.Length);
        for (int i = 0; i < theta.Length; i++)
        {
            (m[i], v[i]) = Moments(g[i], m[i], v[i], step);
            theta[i] = Update(theta[i], m[i], v[i], step);
        }
    }

    /// <summary>The definition with moments kept in bfloat16.</summary>
    /// <exception cref="ShapeException">The sizes differ.</exception>
    public static void Define(Span<float> theta, ReadOnlySpan<float> g, Span<BFloat16> m, Span<BFloat16> v, in AdamWStep step)
    {
        RequireEqualSizes(theta.Length, g.Length, m.Length, v.Length);
        for (int i = 0; i < theta.Length; i++)
        {
            (float m1, float v1) = Moments(g[i], m[i].ToSingle(), v[i].ToSingle(), step);
            m[i] = BFloat16.Round(m1);
            v[i] = BFloat16.Round(v1);
            theta[i] = step.UsesKept ? Update(theta[i], m[i].ToSingle(), v[i].ToSingle(), step) : Update(theta[i], m1, v1, step);
        }
    }

    private static (float M, float V) Moments(float g, float m, float v, in AdamWStep step)
    {
        float scaled = g * step.GradientScale;
        return (
            MathF.FusedMultiplyAdd(step.Beta1, m, step.Rest1 * scaled),
            MathF.FusedMultiplyAdd(step.Beta2, v, step.Rest2 * (scaled * scaled)));
    }

    private static float Update(float theta, float m, float v, in AdamWStep step)
    {
        float d = MathF.Sqrt(v * step.Correction2) + step.Epsilon;
        float u = m * step.Correction1 / d;
        float change = MathF.FusedMultiplyAdd(step.WeightDecay, theta, u);
        return MathF.FusedMultiplyAdd(-step.LearningRate, change, theta);
    }

    private static void RequireEqualSizes(int theta, int g, int m, int v)
    {
        if (g != theta || m != theta || v != theta)
            throw new ShapeException($"AdamW: {theta} weights, {g} gradients, {m} first and {v} second moments");
    }
}
