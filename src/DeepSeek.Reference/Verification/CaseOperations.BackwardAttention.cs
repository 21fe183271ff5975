using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>Backward operations that take what a forward gave: its results are inputs of the map forward, made from the others by the forward's definition.</content>
internal static partial class CaseOperations
{
    /// <summary><c>attention_backward[s=,t=,h=,d=,dv=]</c> with first, scale, sum, as attention's of one key head a query head.</summary>
    private static OperationCase AttentionBackward(CaseFields f)
    {
        int s = f.Size("s");
        int t = f.Size("t");
        int h = f.Size("h");
        int d = f.Size("d");
        int dv = f.Size("dv");
        f.SingleFactor("q", s, h, d);
        f.Single("keys", t, h, d);
        f.Single("values", t, h, dv);
        f.Forward("y", DType.F32, s, h, dv);
        f.Forward("log_sum_exp", DType.F32, s, h);
        f.SingleFactor("dy", s, h, dv);
        f.FixedOutput("dq", DType.F32, s, h, d);
        f.FixedOutput("d_keys", DType.F32, t, h, d);
        f.FixedOutput("d_values", DType.F32, t, h, dv);
        float scale = f.Number("scale", d == 0 ? 1f : 1f / MathF.Sqrt(d));
        int first = f.Whole("first", Math.Max(0, t - s));
        var attributes = new AttentionAttributes(scale, first, AttentionRounding.None, 0, f.Sum());
        return f.Build(
            Operation.AttentionBackward,
            (long)s * t * h * ((3L * d) + (2L * dv)),
            (b, c) => new AttentionBackwardCall(
                c["q"], c["keys"], c["values"], c["y"], c["log_sum_exp"], c["dy"], attributes, c["dq"], c["d_keys"], c["d_values"]).Run(b),
            (b, c) => b.Attention(c["q"], c["keys"], c["values"], attributes, c["y"], c["log_sum_exp"]));
    }

    /// <summary><c>gate_backward[t=,e=,k=]</c> with scoring, normalize, epsilon, scale, other=yes (another loss's gradient of the scores).</summary>
    private static OperationCase GateBackward(CaseFields f)
    {
        int t = f.Size("t");
        int e = f.Size("e");
        int k = f.Size("k");
        bool other = f.Flag("other", false);
        f.Single("logits", t, e);
        f.Forward("scores", DType.F32, t, e);
        f.Forward("indices", DType.I32, t, k);
        f.Single("d_weights", t, k);
        if (other)
            f.Single("d_scores", t, e);
        f.FixedOutput("d_logits", DType.F32, t, e);
        var attributes = new GateAttributes(
            f.Choice("scoring", ScoringFunction.Sigmoid), 1, 1, GroupScore.TopTwoSum, f.Contract.GroupMask, f.Flag("normalize", true), f.Number("epsilon", f.Contract.GateEpsilon),
            f.Number("scale", 2.5f), GateRounding.None);
        return f.Build(
            Operation.GateBackward,
            32L * t * e,
            (b, c) => new GateBackwardCall(c["logits"], c["scores"], c["indices"], attributes, c["d_weights"], other ? c["d_scores"] : null, c["d_logits"]).Run(b),
            (b, c) => b.Gate(c["logits"], null, attributes, c["scores"], c["indices"], new Tensor(DType.F32, t, k)));
    }

    /// <summary><c>balance_loss[t=,e=,k=]</c> with alpha: of one sequence; scores by the map scale, which are not negative.</summary>
    private static OperationCase BalanceLoss(CaseFields f)
    {
        int t = f.Size("t");
        int e = f.Size("e");
        int k = f.Size("k");
        if (k > e)
            throw f.Bad("k", $"{k} different experts cannot be chosen among e={e}");
        f.FixedInput("scores", "scale", DType.F32, t, e);
        f.FixedInput("indices", $"experts:{e}", DType.I32, t, k);
        f.FixedOutput("loss", DType.F32, 1);
        f.FixedOutput("d_scores", DType.F32, t, e);
        float alpha = f.Number("alpha", 1e-4f);
        return f.Build(Operation.BalanceLoss, 8L * t * e, (b, c) => new BalanceLossCall(c["scores"], c["indices"], alpha, c["loss"], c["d_scores"]).Run(b));
    }
}
