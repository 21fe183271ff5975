using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

internal static partial class YardstickOf
{
    private static ProductYardstick Linear(LinearCall c, string output) =>
        new(output, new MatrixOperands(c.X, [c.Weight], null, Operands.Dim(c.Y, 1)), new ProductRule(c.Accumulation, c.Y.DType), c.Y.DType);

    private static ProductYardstick Linear(GroupedLinearCall c, string output) =>
        new(output, new MatrixOperands(c.X, c.Weights, MatrixOperands.GroupsOf(c.Offsets), Operands.Dim(c.Y, 1)), new ProductRule(c.Accumulation, c.Y.DType), c.Y.DType);

    private static ProductYardstick Absorb(AbsorbQueryCall c, string output) =>
        new(output, new AbsorbQueryOperands(c.Q, c.KvB, c.Y), new ProductRule(c.Accumulation, c.Y.DType), c.Y.DType);

    private static ProductYardstick Absorb(AbsorbOutputCall c, string output) =>
        new(output, new AbsorbOutputOperands(c.Z, c.KvB, c.Y), new ProductRule(c.Accumulation, c.Y.DType), c.Y.DType);

    private static ProductYardstick Scaled(string output, ProductOperands operands, ScaledProduct product, bool added, Tensor y) =>
        new(output, operands, new ProductRule(product, y.DType, added), y.DType);

    /// <summary>The operands of a block-scaled product.</summary>
    public static ScaledOperands OperandsOf(ScaledLinearCall c)
    {
        (ScaledRows[] rows, ScaledShape shape) = ScaledChecks.Whole(c.X, c.XScale, c.Weight, c.WeightScale, c.Product, c.C, c.Y);
        return Scaled(c.X, c.XScale, [c.Weight], [c.WeightScale], rows, shape, c.Product, c.C);
    }

    /// <inheritdoc cref="OperandsOf(ScaledLinearCall)"/>
    public static ScaledOperands OperandsOf(GroupedScaledLinearCall c)
    {
        (ScaledRows[] rows, ScaledShape shape) = ScaledChecks.Grouped(c.X, c.XScale, [.. c.Offsets], c.Weights, c.WeightScales, c.Product, c.Y);
        return Scaled(c.X, c.XScale, c.Weights, c.WeightScales, rows, shape, c.Product, null);
    }

    /// <inheritdoc cref="OperandsOf(ScaledLinearCall)"/>
    public static ScaledOperands OperandsOf(IndexedScaledLinearCall c)
    {
        (ScaledRows[] rows, ScaledShape shape) = ScaledChecks.Indexed(c.X, c.XScale, c.Groups, c.Alignment, c.Weights, c.WeightScales, c.Product, c.Y);
        return Scaled(c.X, c.XScale, c.Weights, c.WeightScales, rows, shape, c.Product, null);
    }

    /// <inheritdoc cref="OperandsOf(ScaledLinearCall)"/>
    public static ScaledOperands OperandsOf(MaskedScaledLinearCall c)
    {
        (Tensor x, Tensor xScale, Tensor y) = (c.X, c.XScale, c.Y);
        (ScaledRows[] rows, ScaledShape shape) = ScaledChecks.Masked(ref x, ref xScale, c.Counts, c.Weights, c.WeightScales, c.Product, ref y);
        return Scaled(x, xScale, c.Weights, c.WeightScales, rows, shape, c.Product, null);
    }

    /// <summary>Rows of no group are not written: nothing is promised of them here.</summary>
    private static ScaledOperands Scaled(
        Tensor x, Tensor xScale, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledRows[] rows, ScaledShape shape, ScaledProduct product, Tensor? c)
    {
        int[] groups = new int[shape.T];
        Array.Fill(groups, -1);
        foreach ((int g, int first, int count) in rows)
            groups.AsSpan(first, count).Fill(g);
        return new ScaledOperands(x, xScale, weights, weightScales, shape, product.ScalesOf(shape.K), groups, c);
    }
}
