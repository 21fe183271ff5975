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
        DType held = rounding == GateRounding.EveryStep ? DType.BF16 : DType.F32;
        f.Input("logits", f.Contract.GateLogits, t, e);
        if (bias)
            f.FixedInput("bias", f.Map, DType.F32, e);
        f.Output("scores", held, t, e);
        f.FixedOutput("indices", DType.I32, t, k);
        f.Output("weights", held, t, k);
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
        ExpertPlan plan = Plan(f, t, k, e, holes);
        f.Output("y", null, plan.Rows, d);
        return f.Build(Operation.Dispatch, (long)plan.Rows * d, (b, c) => b.Dispatch(c["x"], plan, c["y"]));
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
        ExpertPlan plan = Plan(f, t, k, e, holes);
        f.Input("outputs", null, plan.Rows, d);
        f.Input("weights", f.Contract.Gate == GateRounding.EveryStep ? DType.BF16 : DType.F32, t, k);
        if (shared)
            f.Input("shared", null, t, d);
        f.Output("y", null, t, d);
        return f.Build(Operation.Combine, (long)plan.Rows * d, (b, c) =>
            b.Combine(c["outputs"], plan, c["weights"], shared ? c["shared"] : null, rounding, c["y"]));
    }

    private static (int Experts, int Slots, bool Holes) Choices(CaseFields f)
    {
        int e = f.Size("e");
        int k = f.Size("k");
        if (k > e)
            throw f.Bad("k", $"{k} different experts cannot be chosen among e={e}");
        return (e, k, f.Flag("holes", false));
    }

    /// <summary>The plan belongs to the case, not to the run: the number of dispatched rows is a shape.</summary>
    private static ExpertPlan Plan(CaseFields f, int tokens, int slots, int experts, bool holes)
    {
        f.RequireList("t", Math.Max((long)tokens * slots, experts));
        int[] indices = new int[tokens * slots];
        CaseInputs.FillExperts(f.Seed, "indices", slots, experts, holes, indices);
        return new ExpertPlan(indices, slots, experts);
    }
}
