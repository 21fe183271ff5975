using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>Backward operations on rows and elements, of experts, and the cross-entropy.</content>
internal static partial class CaseOperations
{
    /// <summary><c>embedding_backward[v=,d=,t=]</c>: ids drawn below v; rows of no id stay c's.</summary>
    private static OperationCase EmbeddingBackward(CaseFields f)
    {
        int v = f.Size("v");
        int d = f.Size("d");
        int t = f.Size("t");
        if (v == 0 && t > 0)
            throw f.Bad("v", "an empty table has no rows to add to; give v=1 or more, or t=0");
        f.Single("dy", t, d);
        f.FixedInput("ids", $"index:{v}", DType.I32, t);
        f.Single("c", v, d);
        f.FixedOutput("d_weight", DType.F32, v, d);
        return f.Build(Operation.EmbeddingBackward, ((long)t + v) * d, (b, c) => new EmbeddingBackwardCall(c["dy"], c["ids"], c["c"], c["d_weight"]).Run(b));
    }

    /// <summary><c>rms_norm_backward[t=,n=]</c> with eps: dx, and dWeight added to c.</summary>
    private static OperationCase RmsNormBackward(CaseFields f)
    {
        int t = f.Size("t");
        int n = f.Size("n");
        f.Single("dy", t, n);
        f.SingleFactor("x", t, n);
        f.Factor("weight", null, n);
        f.Single("c", n);
        f.FixedOutput("dx", DType.F32, t, n);
        f.FixedOutput("d_weight", DType.F32, n);
        float epsilon = f.Number("eps", 1e-6f);
        return f.Build(Operation.RmsNormBackward, 5L * t * n, (b, c) =>
            new RmsNormBackwardCall(c["dy"], c["x"], c["weight"], c["c"], epsilon, c["dx"], c["d_weight"]).Run(b));
    }

    /// <summary><c>rope_backward[t=,h=,d=,dr=]</c> with layout, rotation, magnitude, start, as rope's.</summary>
    private static OperationCase RopeBackward(CaseFields f)
    {
        (int t, int h, int d, int dr) = RotatedSizes(f);
        f.Single("dy", t, h, d);
        RotationInputs(f, t, dr);
        f.FixedOutput("dx", DType.F32, t, h, d);
        RopeAttributes attributes = Rotation(f);
        return f.Build(Operation.RopeBackward, (2L * t * h * d) + (16L * t * dr), (b, c) =>
            new RopeBackwardCall(c["dy"], c["positions"], c["frequencies"], attributes, c["dx"]).Run(b));
    }

    /// <summary><c>expand_keys_backward[t=,h=,dn=,dr=,dv=]</c>.</summary>
    private static OperationCase ExpandKeysBackward(CaseFields f)
    {
        int t = f.Size("t");
        int h = f.Size("h");
        int dn = f.Size("dn");
        int dr = f.Size("dr");
        int dv = f.Size("dv");
        f.Single("d_keys", t, h, (long)dn + dr);
        f.Single("d_values", t, h, dv);
        f.FixedOutput("d_kv", DType.F32, t, h, (long)dn + dv);
        f.FixedOutput("d_k_pe", DType.F32, t, dr);
        return f.Build(Operation.ExpandKeysBackward, (long)t * h * (dn + dr + dv), (b, c) =>
            new ExpandKeysBackwardCall(c["d_keys"], c["d_values"], c["d_kv"], c["d_k_pe"]).Run(b));
    }

    /// <summary><c>swiglu_backward[n=]</c>.</summary>
    private static OperationCase SwiGluBackward(CaseFields f)
    {
        int n = f.Size("n");
        f.Single("dy", n);
        f.SingleFactor("gate", n);
        f.SingleFactor("up", n);
        f.FixedOutput("d_gate", DType.F32, n);
        f.FixedOutput("d_up", DType.F32, n);
        return f.Build(Operation.SwiGluBackward, 32L * n, (b, c) => new SwiGluBackwardCall(c["dy"], c["gate"], c["up"], c["d_gate"], c["d_up"]).Run(b));
    }

    /// <summary><c>mtp_input_backward[t=,d=]</c> with order.</summary>
    private static OperationCase MtpInputBackward(CaseFields f)
    {
        int t = f.Size("t");
        int d = f.Size("d");
        f.Single("dy", t, 2L * d);
        f.FixedOutput("d_embedding", DType.F32, t, d);
        f.FixedOutput("d_hidden", DType.F32, t, d);
        MtpConcat order = f.Choice("order", f.Contract.MtpConcat);
        return f.Build(Operation.MtpInputBackward, 2L * t * d, (b, c) => new MtpInputBackwardCall(c["dy"], order, c["d_embedding"], c["d_hidden"]).Run(b));
    }

    /// <summary><c>dispatch_backward[t=,d=,e=,k=]</c> with holes=yes.</summary>
    private static OperationCase DispatchBackward(CaseFields f)
    {
        int t = f.Size("t");
        int d = f.Size("d");
        (int e, int k, bool holes) = Choices(f);
        f.FixedInput("indices", $"{(holes ? "experts_holes" : "experts")}:{e}", DType.I32, t, k);
        int rows = PlanOf(f, t, k, e, holes).Rows;
        f.Single("dy", rows, d);
        f.FixedOutput("dx", DType.F32, t, d);
        return f.Build(Operation.DispatchBackward, (long)rows * d, (b, c) => new DispatchBackwardCall(c["dy"], PlanOf(c["indices"], k, e), c["dx"]).Run(b));
    }

    /// <summary><c>combine_backward[t=,d=,e=,k=]</c> with holes=yes.</summary>
    private static OperationCase CombineBackward(CaseFields f)
    {
        int t = f.Size("t");
        int d = f.Size("d");
        (int e, int k, bool holes) = Choices(f);
        f.FixedInput("indices", $"{(holes ? "experts_holes" : "experts")}:{e}", DType.I32, t, k);
        int rows = PlanOf(f, t, k, e, holes).Rows;
        f.Single("dy", t, d);
        f.SingleFactor("outputs", rows, d);
        f.SingleFactor("weights", t, k);
        f.FixedOutput("d_outputs", DType.F32, rows, d);
        f.FixedOutput("d_weights", DType.F32, t, k);
        return f.Build(Operation.CombineBackward, 2L * rows * d, (b, c) =>
            new CombineBackwardCall(c["dy"], c["outputs"], PlanOf(c["indices"], k, e), c["weights"], c["d_outputs"], c["d_weights"]).Run(b));
    }

    /// <summary><c>cross_entropy[t=,v=]</c> with ignored=yes (every third target is -1): losses, and the maximum and sum of exponentials of each row.</summary>
    private static OperationCase CrossEntropy(CaseFields f)
    {
        int t = f.Size("t");
        int v = f.Size("v");
        f.Single("logits", t, v);
        Targets(f, t, v);
        f.FixedOutput("losses", DType.F32, t);
        f.FixedOutput("statistics", DType.F32, t, 2);
        return f.Build(Operation.CrossEntropy, 16L * t * v, (b, c) => new CrossEntropyCall(c["logits"], c["targets"], c["losses"], c["statistics"]).Run(b));
    }

    /// <summary><c>cross_entropy_backward[t=,n=]</c> with first (default 0: the first id of the piece), v (default first + n), scale, ignored=yes; the statistics are drawn.</summary>
    private static OperationCase CrossEntropyBackward(CaseFields f)
    {
        int t = f.Size("t");
        int n = f.Size("n");
        int first = f.Whole("first", 0);
        f.Single("logits", t, n);
        Targets(f, t, f.Whole("v", first + n));
        f.FixedInput("statistics", "scale", DType.F32, t, 2);
        f.FixedOutput("d_logits", DType.F32, t, n);
        float scale = f.Number("scale", 1f);
        return f.Build(Operation.CrossEntropyBackward, 16L * t * n, (b, c) =>
            new CrossEntropyBackwardCall(c["logits"], first, c["targets"], c["statistics"], scale, c["d_logits"]).Run(b));
    }

    private static void Targets(CaseFields f, int t, int v)
    {
        if (v == 0 && t > 0)
            throw f.Bad("v", "an empty vocabulary has no target; give 1 or more, or t=0");
        f.FixedInput("targets", $"{(f.Flag("ignored", false) ? CaseInputs.IndexHoles : "index")}:{v}", DType.I32, t);
    }
}
