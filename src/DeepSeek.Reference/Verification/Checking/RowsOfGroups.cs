using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>Offsets, groups and counts that a file gives.</summary>
internal static class RowsOfGroups
{
    /// <summary>Groups of rows decide where an operation reads, and what computes parts of one looks rows up by them: they are looked at before anything is.</summary>
    /// <exception cref="ShapeException">They cut the rows into no groups that the operation has.</exception>
    public static void Require(OperationCall call)
    {
        switch (call)
        {
            case GroupedLinearCall c:
                Operands.RequireOffsets([.. c.Offsets], c.Weights.Count, Operands.Dim(c.X, 0), "x");
                break;
            case GroupedLinearDgradCall c:
                Operands.RequireOffsets([.. c.Offsets], c.Weights.Count, Operands.Dim(c.Dy, 0), "dy");
                break;
            case GroupedLinearWgradCall c:
                Operands.RequireOffsets([.. c.Offsets], c.DWeights.Count, Operands.Dim(c.Dy, 0), "dy");
                break;
            case GroupedScaledLinearCall c:
                Operands.RequireOffsets([.. c.Offsets], c.Weights.Count, Operands.Dim(c.X, 0), "x");
                break;
            case IndexedScaledLinearCall c:
                ScaledChecks.Indexed(c.X, c.XScale, c.Groups, c.Alignment, c.Weights, c.WeightScales, c.Product, c.Y);
                break;
            case MaskedScaledLinearCall { X: var x, XScale: var xScale, Y: var y } c:
                ScaledChecks.Masked(ref x, ref xScale, c.Counts, c.Weights, c.WeightScales, c.Product, ref y);
                break;
        }
    }
}
