using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>What the operations over rows ask of their tensors; one method an operation, the same for every managed backend.</summary>
internal static class OperandChecks
{
    /// <summary>Ids are I32 or I64 and name rows of weight [V, d]; y is [T, d].</summary>
    public static (int T, int d) Embedding(Tensor weight, Tensor ids, Tensor y)
    {
        Operands.RequireFloat(weight, "weight");
        Operands.RequireRank(weight, "weight", 2);
        Operands.RequireRank(ids, "ids", 1);
        if (ids.DType is not (DType.I32 or DType.I64))
            throw new ShapeException($"ids is {ids}, expected I32 or I64");
        Operands.RequireOutput(y, "y", ids.Shape[0], weight.Shape[1]);
        int T = Operands.Dim(ids, 0);
        for (int t = 0; t < T; t++)
            Ops.Embedding.RequireRow(Id(ids, t), t, weight.Shape[0]);
        return (T, Operands.Dim(weight, 1));
    }

    /// <summary>Id t of an I32 or I64 tensor.</summary>
    public static long Id(Tensor ids, int t) => ids.DType == DType.I32 ? ids.AsReadOnlySpan<int>()[t] : ids.AsReadOnlySpan<long>()[t];

    /// <summary>All three of one shape, F32 or BF16.</summary>
    public static void Elementwise(Tensor a, string nameOfA, Tensor b, string nameOfB, Tensor y)
    {
        Operands.RequireFloat(a, nameOfA);
        Operands.Require(b, nameOfB, a.Shape.Dimensions);
        Operands.RequireOutput(y, "y", a.Shape.Dimensions);
    }

    /// <summary>x and y of one shape [T, n].</summary>
    public static (int T, int n) Rows(Tensor x, Tensor y)
    {
        Operands.RequireFloat(x, "x");
        Operands.RequireRank(x, "x", 2);
        Operands.RequireOutput(y, "y", x.Shape.Dimensions);
        return (Operands.Dim(x, 0), Operands.Dim(x, 1));
    }

    /// <summary>x and y [T, n], weight [n].</summary>
    public static (int T, int n) RmsNorm(Tensor x, Tensor weight, RmsNormRounding rounding, Tensor y)
    {
        Operands.RequireDefined(rounding);
        (int T, int n) = Rows(x, y);
        Operands.Require(weight, "weight", n);
        return (T, n);
    }

    /// <summary>gate, up and y of one shape.</summary>
    public static void SwiGlu(Tensor gate, Tensor up, SwiGluRounding rounding, Tensor y)
    {
        Operands.RequireDefined(rounding);
        Elementwise(gate, "gate", up, "up", y);
    }

    /// <summary>x and y [T, H, D], positions I32 [T], frequencies F32 [dr/2] with dr at most D.</summary>
    public static (int T, int H, int D) Rope(Tensor x, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor y)
    {
        Operands.RequireDefined(attributes.Layout);
        Operands.RequireDefined(attributes.Rotation);
        Operands.RequireFloat(x, "x");
        Operands.RequireRank(x, "x", 3);
        Operands.RequireOutput(y, "y", x.Shape.Dimensions);
        Operands.RequireType(positions, "positions", DType.I32);
        Operands.RequireShape(positions, "positions", x.Shape[0]);
        Operands.RequireType(frequencies, "frequencies", DType.F32);
        Operands.RequireRank(frequencies, "frequencies", 1);
        if (2 * frequencies.Shape[0] > x.Shape[2])
            throw new ShapeException($"frequencies is {frequencies}, expected at most half of the {x.Shape[2]} channels of a head");
        return (Operands.Dim(x, 0), Operands.Dim(x, 1), Operands.Dim(x, 2));
    }

    /// <summary>embedding and hidden [T, d], y [T, 2d].</summary>
    public static (int T, int d) MtpInput(Tensor embedding, Tensor hidden, MtpConcat order, Tensor y)
    {
        Operands.RequireDefined(order);
        Operands.RequireFloat(embedding, "embedding");
        Operands.RequireRank(embedding, "embedding", 2);
        Operands.Require(hidden, "hidden", embedding.Shape.Dimensions);
        Operands.RequireOutput(y, "y", embedding.Shape[0], 2 * embedding.Shape[1]);
        return (Operands.Dim(embedding, 0), Operands.Dim(embedding, 1));
    }

    /// <summary>logits and scores [T, E], bias F32 [E] or none, indices I32 [T, K], weights [T, K].</summary>
    public static (int T, int E, int K) Gate(Tensor logits, Tensor? bias, GateAttributes attributes, Tensor scores, Tensor indices, Tensor weights)
    {
        Operands.RequireDefined(attributes.Scoring);
        Operands.RequireDefined(attributes.GroupScore);
        Operands.RequireDefined(attributes.Mask);
        Operands.RequireDefined(attributes.Rounding);
        Operands.RequireFloat(logits, "logits");
        Operands.RequireRank(logits, "logits", 2);
        Operands.RequireOutput(scores, "scores", logits.Shape.Dimensions);
        if (bias is not null)
        {
            Operands.RequireType(bias, "bias", DType.F32);
            Operands.RequireShape(bias, "bias", logits.Shape[1]);
        }

        Operands.RequireType(indices, "indices", DType.I32);
        Operands.RequireRank(indices, "indices", 2);
        Operands.RequireShape(indices, "indices", logits.Shape[0], indices.Shape[1]);
        Operands.ThrowIfReadOnly(indices);
        Operands.RequireOutput(weights, "weights", indices.Shape.Dimensions);
        int E = Operands.Dim(logits, 1);
        int K = Operands.Dim(indices, 1);
        Ops.Gate.RequireChoice(E, K, attributes);
        return (Operands.Dim(logits, 0), E, K);
    }

    /// <summary>x [T, d], y [R, d].</summary>
    public static int Dispatch(Tensor x, ExpertPlan plan, Tensor y)
    {
        Operands.RequireFloat(x, "x");
        Operands.RequireRank(x, "x", 2);
        Operands.RequireShape(x, "x", plan.TokenCount, x.Shape[1]);
        Operands.RequireOutput(y, "y", plan.Rows, x.Shape[1]);
        return Operands.Dim(x, 1);
    }

    /// <summary>outputs [R, d], weights [T, K], shared [T, d] or none, y [T, d].</summary>
    public static int Combine(Tensor outputs, ExpertPlan plan, Tensor weights, Tensor? shared, CombineRounding rounding, Tensor y)
    {
        Operands.RequireDefined(rounding);
        Operands.RequireFloat(outputs, "outputs");
        Operands.RequireRank(outputs, "outputs", 2);
        Operands.RequireShape(outputs, "outputs", plan.Rows, outputs.Shape[1]);
        Operands.Require(weights, "weights", plan.TokenCount, plan.Slots);
        if (shared is not null)
            Operands.Require(shared, "shared", plan.TokenCount, outputs.Shape[1]);
        Operands.RequireOutput(y, "y", plan.TokenCount, outputs.Shape[1]);
        return Operands.Dim(outputs, 1);
    }
}
