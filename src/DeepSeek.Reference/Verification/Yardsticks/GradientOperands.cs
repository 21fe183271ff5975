namespace DeepSeek.Reference.Verification;

/// <summary>dx = dy W: rows of dy with columns of the weights, one weight or several as <see cref="MatrixOperands"/> has them.</summary>
internal sealed class DgradOperands(Tensor dy, IReadOnlyList<Tensor> weights, int[]? groupOfRow, int k) : ProductOperands(Operands.Dim(dy, 1))
{
    public override ProductPlace Place(long element)
    {
        (long t, long column) = Math.DivRem(element, k);
        return new ProductPlace(groupOfRow is null ? 0 : groupOfRow[t], t, (int)column);
    }

    public override void Row(ProductPlace place, Span<float> values) => Operands.Slice(dy, place.Row * K, K, values).CopyTo(values);

    public override void Column(ProductPlace place, Span<float> values)
    {
        for (int n = 0; n < K; n++)
            values[n] = (float)ElementReader.Value(weights[place.Group], (long)n * k + place.Column);
    }
}

/// <summary>dW = C + dyᵀ x over some rows of both: columns of dy with columns of x.</summary>
internal sealed class WgradOperands(Tensor dy, Tensor x, int firstRow, int rows, Tensor c) : ProductOperands(rows)
{
    private readonly long n = dy.Shape[1], k = x.Shape[1];

    public override ProductPlace Place(long element)
    {
        (long row, long column) = Math.DivRem(element, k);
        return new ProductPlace(0, row, (int)column);
    }

    public override void Row(ProductPlace place, Span<float> values) => Read(dy, n, place.Row, values);

    public override void Column(ProductPlace place, Span<float> values) => Read(x, k, place.Column, values);

    public override double Start(long element) => ElementReader.Value(c, element);

    private void Read(Tensor t, long width, long column, Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)ElementReader.Value(t, (firstRow + i) * width + column);
    }
}
