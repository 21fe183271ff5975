namespace DeepSeek.Reference.Backends;

/// <summary>The shapes that Linear and GroupedLinear ask for.</summary>
internal static class LinearShape
{
    public static (int T, int N, int K) Check(Tensor x, Tensor weight, Tensor y)
    {
        Operands.RequireRank(x, "x", 2);
        Operands.RequireFloat(x, "x");
        Operands.RequireRank(weight, "weight", 2);
        Operands.Require(weight, "weight", weight.Shape[0], x.Shape[1]);
        Operands.RequireOutput(y, "y", x.Shape[0], weight.Shape[0]);
        return (Operands.Dim(x, 0), Operands.Dim(weight, 0), Operands.Dim(x, 1));
    }

    public static (int N, int K) CheckGrouped(Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Tensor y)
    {
        Operands.RequireRank(x, "x", 2);
        Operands.RequireFloat(x, "x");
        Operands.RequireRank(y, "y", 2);
        if (offsets.Length != weights.Count + 1)
            throw new ShapeException($"{weights.Count} groups need {weights.Count + 1} offsets, not {offsets.Length}");
        int R = Operands.Dim(x, 0);
        if (offsets[0] != 0 || offsets[^1] != R)
            throw new ShapeException($"the offsets run from {offsets[0]} to {offsets[^1]}, but x has rows 0 to {R}");
        for (int g = 0; g < weights.Count; g++)
        {
            if (offsets[g] > offsets[g + 1])
                throw new ShapeException($"the offsets fall at group {g}: {offsets[g]}, {offsets[g + 1]}");
            Operands.Require(weights[g], "weight", y.Shape[1], x.Shape[1]);
        }

        Operands.RequireOutput(y, "y", R, y.Shape[1]);
        return (Operands.Dim(y, 1), Operands.Dim(x, 1));
    }
}
