namespace DeepSeek.Reference.Ops;

/// <summary>The sizes of a block-scaled product.</summary>
/// <param name="T">Rows of x and y.</param>
/// <param name="N">Rows of the weight, columns of y.</param>
/// <param name="K">Elements of a sum; may be 0.</param>
/// <param name="RowsPerWeightScale">Rows of the weight that share a scale: 128 for blocks, 1 for rows of their own.</param>
public readonly record struct ScaledShape(int T, int N, int K, int RowsPerWeightScale)
{
    /// <summary>Rows of the weight's scales.</summary>
    public int WeightScaleRows => (N + RowsPerWeightScale - 1) / RowsPerWeightScale;

    /// <summary>Throws where spans do not have these sizes.</summary>
    /// <exception cref="ShapeException">Names the span and both lengths.</exception>
    internal void Require(int x, int xScale, int weight, int weightScale, int c, int y, int scales)
    {
        Require("x", x, T, K);
        Require("xScale", xScale, T, scales);
        Require("weight", weight, N, K);
        Require("weightScale", weightScale, WeightScaleRows, scales);
        Require("y", y, T, N);
        if (c != 0)
            Require("c", c, T, N);
    }

    private static void Require(string name, int length, int rows, int columns)
    {
        if (length != (long)rows * columns)
            throw new ShapeException($"{name} has {length} values, expected {rows} x {columns}");
    }
}
