using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>What the backward operations ask of their tensors; one method an operation, the same for every managed backend.</summary>
internal static class BackwardChecks
{
    /// <summary>dy [T, d], ids I32 [T] that name rows of dWeight [V, d].</summary>
    public static (int T, int d) Embedding(Tensor dy, Tensor ids, Tensor dWeight)
    {
        Matrix(dy, "dy");
        Operands.RequireType(ids, "ids", DType.I32);
        Operands.RequireShape(ids, "ids", dy.Shape[0]);
        Operands.RequireRank(dWeight, "dWeight", 2);
        Result(dWeight, "dWeight", dWeight.Shape[0], dy.Shape[1]);
        int T = Operands.Dim(dy, 0);
        for (int t = 0; t < T; t++)
            Ops.Embedding.RequireRow(ids.AsReadOnlySpan<int>()[t], t, dWeight.Shape[0]);
        return (T, Operands.Dim(dy, 1));
    }

    /// <summary>dy, x and dx [T, n], weight and dWeight [n].</summary>
    public static (int T, int n) RmsNorm(Tensor dy, Tensor x, Tensor weight, Tensor dx, Tensor dWeight)
    {
        Matrix(dy, "dy");
        Exact(x, "x", dy.Shape.Dimensions);
        Operands.Require(weight, "weight", dy.Shape[1]);
        Result(dx, "dx", dy.Shape.Dimensions);
        Result(dWeight, "dWeight", dy.Shape[1]);
        return (Operands.Dim(dy, 0), Operands.Dim(dy, 1));
    }

    /// <summary>dy [T, N], weight [N, K], dx [T, K].</summary>
    public static (int T, int N, int K) Dgrad(Tensor dy, Tensor weight, Accumulation accumulation, Tensor dx)
    {
        accumulation.RequireWithoutUnit("Dgrad");
        Matrix(dy, "dy");
        Operands.RequireRank(weight, "weight", 2);
        Operands.Require(weight, "weight", dy.Shape[1], weight.Shape[1]);
        Result(dx, "dx", dy.Shape[0], weight.Shape[1]);
        return (Operands.Dim(dy, 0), Operands.Dim(dy, 1), Operands.Dim(dx, 1));
    }

    /// <summary>dy [T, N], x [T, K], dWeight [N, K].</summary>
    public static (int T, int N, int K) Wgrad(Tensor dy, Tensor x, Accumulation accumulation, Tensor dWeight)
    {
        accumulation.RequireWithoutUnit("Wgrad");
        Matrix(dy, "dy");
        Matrix(x, "x");
        Operands.RequireShape(x, "x", dy.Shape[0], x.Shape[1]);
        Result(dWeight, "dWeight", dy.Shape[1], x.Shape[1]);
        return (Operands.Dim(dy, 0), Operands.Dim(dy, 1), Operands.Dim(x, 1));
    }

    /// <summary>dy [R, N], weights [N, K] each, dx [R, K]; offsets as GroupedLinear's.</summary>
    public static (int N, int K) GroupedDgrad(Tensor dy, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor dx)
    {
        accumulation.RequireWithoutUnit("Dgrad");
        Matrix(dy, "dy");
        Operands.RequireRank(dx, "dx", 2);
        Result(dx, "dx", dy.Shape[0], dx.Shape[1]);
        Operands.RequireOffsets(offsets, weights.Count, Operands.Dim(dy, 0), "dy");
        foreach (Tensor weight in weights)
            Operands.Require(weight, "weight", dy.Shape[1], dx.Shape[1]);
        return (Operands.Dim(dy, 1), Operands.Dim(dx, 1));
    }

    /// <summary>dy [R, N], x [R, K], dWeights [N, K] each; offsets as GroupedLinear's.</summary>
    public static (int N, int K) GroupedWgrad(Tensor dy, Tensor x, ReadOnlySpan<int> offsets, Accumulation accumulation, IReadOnlyList<Tensor> dWeights)
    {
        accumulation.RequireWithoutUnit("Wgrad");
        Matrix(dy, "dy");
        Matrix(x, "x");
        Operands.RequireShape(x, "x", dy.Shape[0], x.Shape[1]);
        Operands.RequireOffsets(offsets, dWeights.Count, Operands.Dim(dy, 0), "dy");
        foreach (Tensor weight in dWeights)
            Result(weight, "dWeight", dy.Shape[1], x.Shape[1]);
        return (Operands.Dim(dy, 1), Operands.Dim(x, 1));
    }

    /// <summary>As the forward's, all F32.</summary>
    public static (int T, int H, int D) Rope(Tensor dy, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor dx)
    {
        Operands.RequireType(dy, "dy", DType.F32);
        Operands.RequireType(dx, "dx", DType.F32);
        return OperandChecks.Rope(dy, positions, frequencies, attributes, dx);
    }

    /// <summary>dKeys [T, H, dn + dr], dValues [T, H, dv], dKv [T, H, dn + dv], dKPe [T, dr].</summary>
    public static (int T, int H, int dn, int dr, int dv) ExpandKeys(Tensor dKeys, Tensor dValues, Tensor dKv, Tensor dKPe)
    {
        foreach ((Tensor t, string name) in new[] { (dKeys, "dKeys"), (dValues, "dValues"), (dKv, "dKv"), (dKPe, "dKPe") })
            Operands.RequireType(t, name, DType.F32);
        Operands.ThrowIfReadOnly(dKv);
        Operands.ThrowIfReadOnly(dKPe);
        return LatentShape.OfExpansion(dKv, dKPe, dKeys, dValues);
    }

    /// <summary>The shape of naive attention; every tensor F32.</summary>
    public static AttentionShape Attention(
        Tensor q, Tensor keys, Tensor values, Tensor y, Tensor logSumExp, Tensor dy, AttentionAttributes attributes, Tensor dq, Tensor dKeys, Tensor dValues)
    {
        foreach ((Tensor t, string name) in new[] { (q, "q"), (keys, "keys"), (values, "values"), (y, "y") })
            Operands.RequireType(t, name, DType.F32);
        Operands.RequireRank(q, "q", 3);
        Operands.RequireRank(keys, "keys", 3);
        Operands.RequireRank(values, "values", 3);
        var shape = new AttentionShape(
            Operands.Dim(q, 0), Operands.Dim(q, 1), Operands.Dim(keys, 0), Operands.Dim(keys, 1), Operands.Dim(q, 2), Operands.Dim(values, 2), SharesKeys: false);
        Ops.Attention.RequireBackward(shape, attributes);
        Operands.RequireShape(keys, "keys", shape.T, shape.H, shape.D);
        Operands.RequireShape(values, "values", shape.T, shape.H, shape.Dv);
        Operands.RequireShape(y, "y", shape.S, shape.H, shape.Dv);
        Exact(logSumExp, "logSumExp", shape.S, shape.H);
        Exact(dy, "dy", y.Shape.Dimensions);
        Result(dq, "dq", q.Shape.Dimensions);
        Result(dKeys, "dKeys", keys.Shape.Dimensions);
        Result(dValues, "dValues", values.Shape.Dimensions);
        return shape;
    }

    /// <summary>All of one shape.</summary>
    public static void SwiGlu(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp)
    {
        Operands.RequireType(dy, "dy", DType.F32);
        Exact(gate, "gate", dy.Shape.Dimensions);
        Exact(up, "up", dy.Shape.Dimensions);
        Result(dGate, "dGate", dy.Shape.Dimensions);
        Result(dUp, "dUp", dy.Shape.Dimensions);
    }

    /// <summary>logits, scores, dScores and dLogits [T, E], indices I32 and dWeights [T, K].</summary>
    public static (int T, int E, int K) Gate(Tensor logits, Tensor scores, Tensor indices, GateAttributes attributes, Tensor dWeights, Tensor? dScores, Tensor dLogits)
    {
        Ops.Gate.RequireBackward(attributes);
        Matrix(logits, "logits");
        Exact(scores, "scores", logits.Shape.Dimensions);
        (int K, int E) = Indices(indices, logits);
        Exact(dWeights, "dWeights", indices.Shape.Dimensions);
        if (dScores is not null)
            Exact(dScores, "dScores", logits.Shape.Dimensions);
        Result(dLogits, "dLogits", logits.Shape.Dimensions);
        return (Operands.Dim(logits, 0), E, K);
    }

    /// <summary>dy [R, d], dx [T, d].</summary>
    public static int Dispatch(Tensor dy, ExpertPlan plan, Tensor dx)
    {
        Matrix(dy, "dy");
        Operands.RequireShape(dy, "dy", plan.Rows, dy.Shape[1]);
        Result(dx, "dx", plan.TokenCount, dy.Shape[1]);
        return Operands.Dim(dy, 1);
    }

    /// <summary>dy [T, d], outputs and dOutputs [R, d], weights and dWeights [T, K].</summary>
    public static int Combine(Tensor dy, Tensor outputs, ExpertPlan plan, Tensor weights, Tensor dOutputs, Tensor dWeights)
    {
        Matrix(dy, "dy");
        Operands.RequireShape(dy, "dy", plan.TokenCount, dy.Shape[1]);
        Exact(outputs, "outputs", plan.Rows, dy.Shape[1]);
        Exact(weights, "weights", plan.TokenCount, plan.Slots);
        Result(dOutputs, "dOutputs", plan.Rows, dy.Shape[1]);
        Result(dWeights, "dWeights", plan.TokenCount, plan.Slots);
        return Operands.Dim(dy, 1);
    }

    /// <summary>dy [T, 2d], dEmbedding and dHidden [T, d].</summary>
    public static (int T, int d) MtpInput(Tensor dy, MtpConcat order, Tensor dEmbedding, Tensor dHidden)
    {
        Operands.RequireDefined(order);
        Matrix(dEmbedding, "dEmbedding");
        Result(dEmbedding, "dEmbedding", dEmbedding.Shape.Dimensions);
        Result(dHidden, "dHidden", dEmbedding.Shape.Dimensions);
        Exact(dy, "dy", dEmbedding.Shape[0], 2 * dEmbedding.Shape[1]);
        return (Operands.Dim(dEmbedding, 0), Operands.Dim(dEmbedding, 1));
    }

    /// <summary>logits [T, V], targets I32 [T] below V, losses [T], statistics [T, 2].</summary>
    public static (int T, int V) CrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor statistics)
    {
        Matrix(logits, "logits");
        Operands.RequireType(targets, "targets", DType.I32);
        Operands.RequireShape(targets, "targets", logits.Shape[0]);
        Result(losses, "losses", logits.Shape[0]);
        Result(statistics, "statistics", logits.Shape[0], 2);
        (int T, int V) = (Operands.Dim(logits, 0), Operands.Dim(logits, 1));
        for (int t = 0; t < T; t++)
            Ops.CrossEntropy.RequireTarget(targets.AsReadOnlySpan<int>()[t], t, V);
        return (T, V);
    }

    /// <summary>logits and dLogits [T, n], targets I32 [T], statistics [T, 2].</summary>
    public static (int T, int n) CrossEntropyBackward(Tensor logits, Tensor targets, Tensor statistics, Tensor dLogits)
    {
        Matrix(logits, "logits");
        Operands.RequireType(targets, "targets", DType.I32);
        Operands.RequireShape(targets, "targets", logits.Shape[0]);
        Exact(statistics, "statistics", logits.Shape[0], 2);
        Result(dLogits, "dLogits", logits.Shape.Dimensions);
        return (Operands.Dim(logits, 0), Operands.Dim(logits, 1));
    }

    /// <summary>scores and dScores [T, E], indices I32 [T, K], loss [1].</summary>
    public static (int E, int K) BalanceLoss(Tensor scores, Tensor indices, Tensor loss, Tensor dScores)
    {
        Matrix(scores, "scores");
        (int K, int E) = Indices(indices, scores);
        Result(loss, "loss", 1);
        Result(dScores, "dScores", scores.Shape.Dimensions);
        return (E, K);
    }

    private static (int K, int E) Indices(Tensor indices, Tensor rows)
    {
        Operands.RequireType(indices, "indices", DType.I32);
        Operands.RequireRank(indices, "indices", 2);
        Operands.RequireShape(indices, "indices", rows.Shape[0], indices.Shape[1]);
        int E = Operands.Dim(rows, 1);
        foreach (int i in indices.AsReadOnlySpan<int>())
        {
            if (i < 0 || i >= E)
                throw new ShapeException($"expert index {i} is not in [0, {E})");
        }

        return (Operands.Dim(indices, 1), E);
    }

    private static void Matrix(Tensor t, string name)
    {
        Operands.RequireType(t, name, DType.F32);
        Operands.RequireRank(t, name, 2);
    }

    private static void Exact(Tensor t, string name, params ReadOnlySpan<long> shape)
    {
        Operands.RequireType(t, name, DType.F32);
        Operands.RequireShape(t, name, shape);
    }

    private static void Result(Tensor t, string name, params ReadOnlySpan<long> shape)
    {
        Exact(t, name, shape);
        Operands.ThrowIfReadOnly(t);
    }
}
