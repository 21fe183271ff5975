using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Training;

/// <summary>The three products of a projection on E4M3 codes.</summary>
/// <remarks>
/// <code>
/// Fprop    y  = x Wᵀ          x [T, K] by rows of 1 x 128,       W [N, K] by blocks
/// Dgrad    dx = dy W          dy [T, N] by rows of 1 x 128,      W transposed, the same blocks
/// Wgrad    dW = dW + dyᵀ x    dy and x by columns of 128 x 1, both transposed; one addition a sequence (rule N16)
/// </code>
/// One scale a tensor is repeated where a tile's would stand. Results are binary32. Rule N21; DeepSeek-V3 report 3.3.1, 3.3.2; docs/spec/training-precision.md 4.
/// </remarks>
internal sealed class Fp8Products(IBackend backend, ScaledProduct product)
{
    /// <summary>y [T, N].</summary>
    public void Fprop(Quantized x, QuantizedWeight weight, Tensor y) => Multiply(x, weight.Fprop, y);

    /// <summary>dx [T, K].</summary>
    public void Dgrad(Quantized dy, QuantizedWeight weight, Tensor dx) => Multiply(dy, weight.Dgrad, dx);

    /// <summary>Rows offsets[e]..offsets[e+1] of x times expert e's weight.</summary>
    public void GroupedFprop(Quantized x, ReadOnlySpan<int> offsets, QuantizedWeight[] weights, Tensor y) => Multiply(x, offsets, Array.ConvertAll(weights, w => w.Fprop), y);

    /// <summary>Rows offsets[e]..offsets[e+1] of dy times expert e's weight, transposed.</summary>
    public void GroupedDgrad(Quantized dy, ReadOnlySpan<int> offsets, QuantizedWeight[] weights, Tensor dx) => Multiply(dy, offsets, Array.ConvertAll(weights, w => w.Dgrad), dx);

    /// <summary>dW [N, K] is added to.</summary>
    public void Wgrad(Quantized dy, Quantized x, Tensor dWeight)
    {
        Quantized a = QuantizedWeight.Transposed(dy), b = QuantizedWeight.Transposed(x);
        backend.ScaledLinear(a.Codes, Scales(a, a.Codes.Shape[0]), b.Codes, Scales(b, b.Codes.Shape[0]), product, dWeight, dWeight);
    }

    private void Multiply(Quantized x, Quantized weight, Tensor y) =>
        backend.ScaledLinear(x.Codes, Scales(x, x.Codes.Shape[0]), weight.Codes, BlockScales(weight), product, null, y);

    private void Multiply(Quantized x, ReadOnlySpan<int> offsets, Quantized[] weights, Tensor y) =>
        backend.GroupedScaledLinear(x.Codes, Scales(x, x.Codes.Shape[0]), offsets, Array.ConvertAll(weights, w => w.Codes), Array.ConvertAll(weights, BlockScales), product, y);

    private Tensor BlockScales(Quantized weight) => Scales(weight, TileGrid.Ceil((int)weight.Codes.Shape[0]));

    /// <summary>The scales as a product takes them: a row of them for each row of codes, or for each 128.</summary>
    private Tensor Scales(Quantized q, long rows)
    {
        if (q.Tile != QuantizationTile.PerTensor)
            return q.Scales;
        var all = new Tensor(DType.F32, rows, product.ScalesOf((int)q.Codes.Shape[1]));
        all.AsSpan<float>().Fill(q.Scales.AsReadOnlySpan<float>()[0]);
        return all;
    }
}
