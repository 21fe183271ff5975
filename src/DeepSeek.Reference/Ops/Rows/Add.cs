using System.Numerics.Tensors;

namespace DeepSeek.Reference.Ops;

/// <summary>The residual sum y_i = a_i + b_i, one rounding to binary32.</summary>
/// <remarks>a, b, y of one size; F32, or BF16 widened exactly. docs/spec/deepseek-v3.md 4.5.</remarks>
public static class Add
{
    /// <summary>The definition: what every backend must equal, bit for bit. y may be a or b.</summary>
    /// <exception cref="ShapeException">The sizes differ.</exception>
    public static void Define(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y)
    {
        if (a.Length != b.Length || a.Length != y.Length)
            throw new ShapeException($"Add: {a.Length} and {b.Length} values make {y.Length}");
        for (int i = 0; i < a.Length; i++)
            y[i] = a[i] + b[i];
    }

    /// <summary>The same bits as <see cref="Define"/>: an element-wise IEEE sum is one on every instruction set.</summary>
    internal static void Simd(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Add(a, b, y);
}
