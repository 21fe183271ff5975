using System.Numerics.Tensors;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

public static partial class CrossEntropy
{
    /// <summary>One row with the definition's bits, by vector instructions. scratch holds V values.</summary>
    internal static (float Loss, float M, float S) SimdRow(ReadOnlySpan<float> x, int target, Span<float> scratch)
    {
        float m = Softmax.SimdMaximum(x);
        // Without a finite maximum nothing depends on s but its own bits, which are NaN.
        float s = Softmax.SimdExponentials(x, m, scratch[..x.Length]);
        return (target < 0 ? 0f : Loss(x[target], m, s), m, s);
    }

    /// <summary>One row's gradient with the definition's bits. dx may be x.</summary>
    internal static void SimdGradientRow(ReadOnlySpan<float> x, int first, int target, float m, float s, float scale, Span<float> dx)
    {
        if (target < 0)
        {
            dx.Clear();
            return;
        }

        if (!float.IsFinite(m))
        {
            dx.Fill(float.NaN);
            return;
        }

        TensorPrimitives.Subtract(x, m, dx);
        Correct.Exp(dx, dx);
        TensorPrimitives.Divide(dx, s, dx);
        if (target >= first && target < first + dx.Length)
            dx[target - first] = dx[target - first] - 1f;
        TensorPrimitives.Multiply(dx, scale, dx);
    }
}
