using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <content>The products of the backward (docs/spec/bounds.md 11).</content>
internal static partial class YardstickOf
{
    private static ProductYardstick Dgrad(LinearDgradCall c, string output) =>
        new(output, new DgradOperands(c.Dy, [c.Weight], null, Operands.Dim(c.Dx, 1)), new ProductRule(c.Accumulation, DType.F32), DType.F32);

    private static ProductYardstick Dgrad(GroupedLinearDgradCall c, string output) =>
        new(output, new DgradOperands(c.Dy, c.Weights, MatrixOperands.GroupsOf(c.Offsets), Operands.Dim(c.Dx, 1)), new ProductRule(c.Accumulation, DType.F32), DType.F32);

    private static ProductYardstick Wgrad(LinearWgradCall c, string output) =>
        new(output, new WgradOperands(c.Dy, c.X, 0, Operands.Dim(c.Dy, 0), c.C), new ProductRule(c.Accumulation, DType.F32, added: true), DType.F32);

    private static ProductYardstick Wgrad(GroupedLinearWgradCall c, string output)
    {
        int g = IndexOf(output);
        var operands = new WgradOperands(c.Dy, c.X, c.Offsets[g], c.Offsets[g + 1] - c.Offsets[g], c.C[g]);
        return new ProductYardstick(output, operands, new ProductRule(c.Accumulation, DType.F32, added: true), DType.F32);
    }

    /// <summary>The place in its list of an operand's name, <c>d_weight.2</c>.</summary>
    private static int IndexOf(string operand) => int.Parse(operand.AsSpan(operand.LastIndexOf('.') + 1), System.Globalization.CultureInfo.InvariantCulture);
}
