using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Dgrad and Wgrad as the products that they are.</summary>
/// <remarks>
/// <code>
/// dx = dy W           rows of dy against rows of Wᵀ          k of the lattice: n
/// dW = C + dyᵀ x      rows of dyᵀ against rows of xᵀ, on C   k of the lattice: the position
/// </code>
/// Gradients are binary32 whatever a kernel reads: where every value is a bfloat16, the operands count as such, and units of bfloat16 by their names.
/// </remarks>
internal static class GradientProblems
{
    /// <summary>The problem of a call, or null where the call is no such product, or sums nothing.</summary>
    public static ProductProblem? Of(OperationCall call) => call switch
    {
        LinearDgradCall c when c.Dy.Shape[1] > 0 => Dgrad(c.Dy, [c.Weight], _ => 0, c.Accumulation, c.Dx),
        GroupedLinearDgradCall c when c.Weights.Count > 0 && c.Dy.Shape[1] > 0 => Dgrad(c.Dy, c.Weights, row => ProductProblem.GroupOf(c.Offsets, row), c.Accumulation, c.Dx),
        LinearWgradCall c when c.Dy.Shape[0] > 0 => Wgrad(c),
        _ => null,
    };

    private static PlainProblem Dgrad(Tensor dy, IReadOnlyList<Tensor> weights, Func<int, int> groupOf, Accumulation accumulation, Tensor dx) =>
        new(null, () => (ProductProblem.Single(dy), [.. weights.Select(Turned)]), groupOf)
        {
            K = (int)dy.Shape[1],
            N = (int)dx.Shape[1],
            Output = dx.DType,
            Elements = ProductProblem.All(dx.ElementCount),
            Declared = ProductContract.Of(accumulation),
        };

    private static PlainProblem Wgrad(LinearWgradCall c) => new(null, () => (Turned(c.Dy), [Turned(c.X)]), _ => 0, ProductProblem.Single(c.C))
    {
        K = (int)c.Dy.Shape[0],
        N = (int)c.DWeight.Shape[1],
        Output = c.DWeight.DType,
        Elements = ProductProblem.All(c.DWeight.ElementCount),
        Declared = ProductContract.Of(c.Accumulation),
    };

    private static float[] Turned(Tensor matrix) => ProductProblem.Single(Transposition.Of(matrix));
}
