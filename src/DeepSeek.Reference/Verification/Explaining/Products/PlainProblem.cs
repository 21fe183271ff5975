using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>A product without scales: rows of x against rows of the weight of their group, added to c where there is one.</summary>
/// <param name="format">The operands' format; null where their values decide: bfloat16 if all of them are.</param>
/// <param name="operands">Rows of K values, and a weight a group, N rows of K values: asked for once, when the first element is.</param>
/// <param name="groupOf">The group of a row of x.</param>
/// <param name="c">What is added to, of the output's size.</param>
internal sealed class PlainProblem(ElementFormat? format, Func<(float[] X, float[][] Weights)> operands, Func<int, int> groupOf, float[]? c = null) : ProductProblem
{
    private readonly Lazy<(float[] X, float[][] Weights)> values = new(operands);
    private ElementFormat? found = format;

    /// <inheritdoc/>
    public override bool HasScales => false;

    /// <inheritdoc/>
    public override bool HasC => c is not null;

    /// <inheritdoc/>
    public override ElementFormat Operands => found ??= values.Value.Weights.Prepend(values.Value.X).All(AreBFloat16) ? ElementFormat.BF16 : ElementFormat.TF32;

    /// <inheritdoc/>
    public override ProductElement At(long element)
    {
        int t = (int)(element / N);
        int n = (int)(element % N);
        (float[] x, float[][] weights) = values.Value;
        return new ProductElement(ProductTerms.OfSingle(x[(t * K)..((t + 1) * K)], weights[groupOf(t)][(n * K)..((n + 1) * K)]), [1f], [1f], c?[element] ?? 0f, HasC);
    }

    private static bool AreBFloat16(float[] values) => Array.TrueForAll(values, v => (BitConverter.SingleToUInt32Bits(v) & 0xFFFF) == 0);
}
