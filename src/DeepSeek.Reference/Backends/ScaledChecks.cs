using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>Rows of x that meet one weight: <paramref name="Count"/> rows from row <paramref name="First"/>, times the weight of <paramref name="Group"/>.</summary>
internal readonly record struct ScaledRows(int Group, int First, int Count);

/// <summary>What the block-scaled products ask of their tensors; each gives the rows of each weight.</summary>
internal static class ScaledChecks
{
    /// <summary>One weight for all rows.</summary>
    public static (ScaledRows[] Rows, ScaledShape Shape) Whole(
        Tensor x, Tensor xScale, Tensor weight, Tensor weightScale, ScaledProduct product, Tensor? c, Tensor y)
    {
        ScaledShape shape = Operand(x, xScale, [weight], [weightScale], product, y);
        if (c is not null)
        {
            Operands.RequireType(c, "c", DType.F32);
            Operands.RequireShape(c, "c", y.Shape.Dimensions);
        }

        return ([new ScaledRows(0, 0, shape.T)], shape);
    }

    /// <summary>Consecutive rows for each weight.</summary>
    public static (ScaledRows[] Rows, ScaledShape Shape) Grouped(
        Tensor x, Tensor xScale, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y)
    {
        ScaledShape shape = Operand(x, xScale, weights, weightScales, product, y);
        Operands.RequireOffsets(offsets, weights.Count, shape.T, "x");
        var rows = new ScaledRows[weights.Count];
        for (int g = 0; g < rows.Length; g++)
            rows[g] = new ScaledRows(g, offsets[g], offsets[g + 1] - offsets[g]);

        return (rows, shape);
    }

    /// <summary>A group for each row, -1 for none.</summary>
    public static (ScaledRows[] Rows, ScaledShape Shape) Indexed(
        Tensor x, Tensor xScale, Tensor groups, int alignment, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y)
    {
        ScaledShape shape = Operand(x, xScale, weights, weightScales, product, y);
        Operands.RequireType(groups, "groups", DType.I32);
        Operands.RequireShape(groups, "groups", shape.T);
        if (alignment < 1)
            throw new ShapeException($"groups cannot be aligned to {alignment} rows; take 128 as DeepGEMM on Hopper, or 1 for no alignment");
        var rows = new List<ScaledRows>();
        int ofTile = -1;
        ReadOnlySpan<int> ids = groups.AsReadOnlySpan<int>();
        for (int t = 0; t < ids.Length; t++)
        {
            int g = ids[t];
            if (g < -1 || g >= weights.Count)
                throw new ShapeException($"row {t} belongs to group {g}; there are groups 0 to {weights.Count - 1}, and -1 for padding");
            if (t % alignment == 0)
                ofTile = -1;
            if (g < 0)
                continue;
            if (ofTile >= 0 && g != ofTile)
                throw new ShapeException($"row {t} belongs to group {g}, but its tile of {alignment} rows to group {ofTile}; pad each group to a multiple of {alignment} rows");
            ofTile = g;
            if (rows.Count > 0 && rows[^1].Group == g && rows[^1].First + rows[^1].Count == t)
                rows[^1] = rows[^1] with { Count = rows[^1].Count + 1 };
            else
                rows.Add(new ScaledRows(g, t, 1));
        }

        return ([.. rows], shape);
    }

    /// <summary>The first rows of each group's own rectangle. The tensors come back as matrices of G · M rows.</summary>
    public static (ScaledRows[] Rows, ScaledShape Shape) Masked(
        ref Tensor x, ref Tensor xScale, Tensor counts, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, ref Tensor y)
    {
        Operands.RequireRank(x, "x", 3);
        Operands.RequireRank(xScale, "xScale", 3);
        Operands.RequireRank(y, "y", 3);
        long G = x.Shape[0], M = x.Shape[1];
        if (weights.Count != G)
            throw new ShapeException($"x is {x}, for {weights.Count} weights");
        Operands.RequireShape(xScale, "xScale", G, M, xScale.Shape[2]);
        Operands.RequireShape(y, "y", G, M, y.Shape[2]);
        Operands.RequireType(counts, "counts", DType.I32);
        Operands.RequireShape(counts, "counts", G);
        x = x.Reshape(G * M, x.Shape[2]);
        xScale = xScale.Reshape(G * M, xScale.Shape[2]);
        y = y.Reshape(G * M, y.Shape[2]);
        ScaledShape shape = Operand(x, xScale, weights, weightScales, product, y);
        var rows = new ScaledRows[weights.Count];
        for (int g = 0; g < rows.Length; g++)
        {
            int count = counts.AsReadOnlySpan<int>()[g];
            if (count < 0 || count > M)
                throw new ShapeException($"group {g} counts {count} rows; it has 0 to {M}");
            rows[g] = new ScaledRows(g, checked((int)(g * M)), count);
        }

        return (rows, shape);
    }

    private static ScaledShape Operand(
        Tensor x, Tensor xScale, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y)
    {
        ArgumentNullException.ThrowIfNull(product);
        product.Require();
        Operands.RequireRank(x, "x", 2);
        Operands.RequireType(x, "x", DType.F8_E4M3);
        Operands.RequireRank(y, "y", 2);
        int T = Operands.Dim(x, 0), K = Operands.Dim(x, 1), N = Operands.Dim(y, 1);
        int B = product.ScalesOf(K);
        Operands.RequireType(xScale, "xScale", DType.F32);
        Operands.RequireShape(xScale, "xScale", T, B);
        Operands.RequireOutput(y, "y", T, N);
        if (weights.Count != weightScales.Count)
            throw new ShapeException($"{weights.Count} weights with {weightScales.Count} tensors of scales");
        int r = weightScales.Count > 0 && weightScales[0].Shape.Rank == 2 && weightScales[0].Shape[0] == N ? 1 : ScaledProduct.ScaleBlock;
        var shape = new ScaledShape(T, N, K, r);
        for (int g = 0; g < weights.Count; g++)
        {
            Operands.RequireType(weights[g], "weight", DType.F8_E4M3);
            Operands.RequireShape(weights[g], "weight", N, K);
            Operands.RequireType(weightScales[g], "weightScale", DType.F32);
            Operands.RequireShape(weightScales[g], "weightScale", shape.WeightScaleRows, B);
        }

        return shape;
    }
}
