using System.Globalization;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Training;

/// <summary>The Euclidean norm of all gradients together, and the factor that clips them to a largest norm.</summary>
/// <remarks>
/// <code>
/// S_p  = Σ_k g_k²              of parameter p: N6 in binary64, row-major; a square of binary32 is exact there
/// S    = Σ_p S_p               N6 in binary64, p by the ordinal order of the parameters' names
/// norm = rn32(√S)
/// s    = min(1, max / (norm + 1e-6))     binary32: one addition, one quotient
/// </code>
/// Cut at parameters, so threads share out parameters and change nothing (rule N8). Rule N26. The 1e-6 is that of PyTorch's <c>clip_grad_norm_</c>.
/// DeepSeek-V3 report 4.2: the largest norm is 1.
/// </remarks>
public static partial class GradientNorm
{
    /// <summary>S_p of one parameter's gradient: the definition.</summary>
    public static double DefineSquares(ReadOnlySpan<float> g)
    {
        var sum = new Lanes16Double();
        for (int k = 0; k < g.Length; k++)
            sum.AddProduct(k, g[k], g[k]);
        return sum.Fold();
    }

    /// <summary>The norm of the parameters' sums of squares, given in the ordinal order of their names.</summary>
    public static float Of(ReadOnlySpan<double> squares)
    {
        var sum = new Lanes16Double();
        for (int p = 0; p < squares.Length; p++)
            sum.Add(p, squares[p]);
        return (float)Math.Sqrt(sum.Fold());
    }

    /// <summary>The factor s for a largest norm. 1 where the norm is below it.</summary>
    /// <exception cref="ContractException">The largest norm is not positive.</exception>
    public static float ClipScale(float norm, float largest) => largest > 0f
        ? Math.Min(1f, largest / (norm + 1e-6f))
        : throw new ContractException(string.Create(CultureInfo.InvariantCulture, $"gradients cannot be clipped to a norm of {largest}; take a positive number, or do not clip"));
}
