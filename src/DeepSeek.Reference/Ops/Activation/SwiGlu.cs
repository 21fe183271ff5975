using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The gated activation between W1, W3 and W2 of a feed-forward network.</summary>
/// <remarks>
/// <code>
/// y_i = silu(a_i) · b_i        silu(a) = a / (1 + e^-a), correctly rounded; one product
/// </code>
/// a, b, y of one size; F32, or BF16 widened exactly. <see cref="SwiGluRounding"/> may round silu to bfloat16 first. Rule N5. docs/spec/deepseek-v3.md 4.3.
/// </remarks>
public static partial class SwiGlu
{
    /// <summary>The definition: what every backend must equal, bit for bit. y may be a or b.</summary>
    /// <exception cref="ShapeException">The sizes differ.</exception>
    public static void Define(ReadOnlySpan<float> a, ReadOnlySpan<float> b, SwiGluRounding rounding, Span<float> y)
    {
        RequireEqualSizes(a, b, y);
        for (int i = 0; i < a.Length; i++)
        {
            float s = Correct.SiLU(a[i]);
            if (rounding == SwiGluRounding.AfterSilu)
                s = BFloat16.RoundToFloat(s);
            y[i] = s * b[i];
        }
    }

    private static void RequireEqualSizes(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y)
    {
        if (a.Length != b.Length || a.Length != y.Length)
            throw new ShapeException($"SwiGlu: gate of {a.Length}, up of {b.Length} and result of {y.Length} values");
    }
}
