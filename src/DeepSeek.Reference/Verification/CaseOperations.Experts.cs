using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

internal static partial class CaseOperations
{
    /// <summary><c>gate[t=,e=,k=]</c> with groups, kept, scoring, groupscore, mask, normalize, epsilon, scale, rounding, bias=no.</summary>
    private static OperationCase Gate(CaseFields f)
    {
        int t = f.Size("t");
        int e = f.Size("e");
        int k = f.Size("k");
        int groups = f.Whole("groups", 1);
        int kept = f.Whole("kept", groups);
        bool bias = f.Flag("bias", true);
        GateRounding rounding = f.Choice("rounding", f.Contract.Gate);
        f.Input("logits", f.Contract.GateLogits, t, e);
        if (bias)
            f.FixedInput("bias", f.Map, DType.F32, e);
        var attributes = new GateAttributes(
            f.Choice("scoring", ScoringFunction.Sigmoid),
            groups,
            kept,
            f.Choice("groupscore", GroupScore.TopTwoSum),
            f.Choice("mask", f.Contract.GroupMask),
            f.Flag("normalize", true),
            f.Number("epsilon", f.Contract.GateEpsilon),
            f.Number("scale", 2.5f),
            rounding);
        f.Output("scores", attributes.RoundsScores ? DType.BF16 : DType.F32, t, e);
        f.FixedOutput("indices", DType.I32, t, k);
        f.Output("weights", rounding == GateRounding.EveryStep ? DType.BF16 : DType.F32, t, k);
        return f.Build(Operation.Gate, 8L * t * e, (b, c) =>
            b.Gate(c["logits"], bias ? c["bias"] : null, attributes, c["scores"], c["indices"], c["weights"]));
    }

    /// <summary><c>dispatch[t=,d=,e=,k=]</c> with holes=yes (some slots are empty).</summary>
    private static OperationCase Dispatch(CaseFields f)
    {
        int t = f.Size("t");
        int d = f.Size("d");
        (int e, int k, bool holes) = Choices(f);
        f.Input("x", null, t, d);
        f.FixedInput("indices", $"{(holes ? "experts_holes" : "experts")}:{e}", DType.I32, t, k);
        int rows = PlanOf(f, t, k, e, holes).Rows;
        f.Output("y", null, rows, d);
        return f.Build(Operation.Dispatch, (long)rows * d, (b, c) => b.Dispatch(c["x"], PlanOf(c["indices"], k, e), c["y"]));
    }

    /// <summary><c>combine[t=,d=,e=,k=]</c> with holes=yes, alone=yes (no shared expert), rounding.</summary>
    private static OperationCase Combine(CaseFields f)
    {
        int t = f.Size("t");
        int d = f.Size("d");
        (int e, int k, bool holes) = Choices(f);
        bool shared = !f.Flag("alone", false);
        CombineRounding rounding = f.Choice("rounding", f.Contract.Combine);
        f.FixedInput("indices", $"{(holes ? "experts_holes" : "experts")}:{e}", DType.I32, t, k);
        int rows = PlanOf(f, t, k, e, holes).Rows;
        f.Input("outputs", null, rows, d);
        f.Factor("weights", f.Contract.Gate == GateRounding.EveryStep ? DType.BF16 : DType.F32, t, k);
        if (shared)
            f.Input("shared", null, t, d);
        f.Output("y", null, t, d);
        return f.Build(Operation.Combine, (long)rows * d, (b, c) =>
            b.Combine(c["outputs"], PlanOf(c["indices"], k, e), c["weights"], shared ? c["shared"] : null, rounding, c["y"]));
    }

    private static (int Experts, int Slots, bool Holes) Choices(CaseFields f)
    {
        int e = f.Size("e");
        int k = f.Size("k");
        if (k > e)
            throw f.Bad("k", $"{k} different experts cannot be chosen among e={e}");
        return (e, k, f.Flag("holes", false));
    }

    /// <summary>The plan of the case's own indices: the number of dispatched rows is a shape.</summary>
    private static ExpertPlan PlanOf(CaseFields f, int tokens, int slots, int experts, bool holes)
    {
        f.RequireList("t", Math.Max((long)tokens * slots, experts));
        int[] indices = new int[tokens * slots];
        CaseInputs.FillExperts(f.Seed, "indices", slots, experts, holes, indices);
        return new ExpertPlan(indices, slots, experts);
    }

    /// <summary>The plan of the indices that a run is given.</summary>
    private static ExpertPlan PlanOf(Tensor indices, int slots, int experts) => new(indices.AsReadOnlySpan<int>(), slots, experts);
}
