using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>A product without scales: rows of x against rows of the weight of their group, added to c where there is one.</summary>
/// <param name="operands">Their format.</param>
/// <param name="x">Rows of K values.</param>
/// <param name="weights">A weight a group, N rows of K values.</param>
/// <param name="groupOf">The group of a row of x.</param>
/// <param name="c">What is added to, of the output's size.</param>
internal sealed class PlainProblem(ElementFormat operands, float[] x, float[][] weights, Func<int, int> groupOf, float[]? c = null) : ProductProblem
{
    /// <inheritdoc/>
    public override bool HasScales => false;

    /// <inheritdoc/>
    public override bool HasC => c is not null;

    /// <inheritdoc/>
    public override ElementFormat Operands => operands;

    /// <inheritdoc/>
    public override ProductElement At(long element)
    {
        int t = (int)(element / N);
        int n = (int)(element % N);
        return new ProductElement(ProductTerms.OfSingle(x[(t * K)..((t + 1) * K)], weights[groupOf(t)][(n * K)..((n + 1) * K)]), [1f], [1f], c is null ? 0f : c[element]);
    }
}
