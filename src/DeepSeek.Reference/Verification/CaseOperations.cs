using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>What each operation's case strings mean. The order of the calls is the canonical order of the keys.</summary>
internal static partial class CaseOperations
{
    /// <summary>From an id's name to its reader, in the order of the names.</summary>
    public static IReadOnlyDictionary<string, Func<CaseFields, OperationCase>> ByName { get; } = new SortedDictionary<string, Func<CaseFields, OperationCase>>(StringComparer.Ordinal)
    {
        ["absorb_output"] = AbsorbOutput,
        ["absorb_query"] = AbsorbQuery,
        ["add"] = Add,
        ["attention"] = Attention,
        ["attention_backward"] = AttentionBackward,
        ["balance_loss"] = BalanceLoss,
        ["cast"] = Cast,
        ["combine"] = Combine,
        ["combine_backward"] = CombineBackward,
        ["cross_entropy"] = CrossEntropy,
        ["cross_entropy_backward"] = CrossEntropyBackward,
        ["dequantize"] = Dequantize,
        ["dispatch"] = Dispatch,
        ["dispatch_backward"] = DispatchBackward,
        ["embedding"] = Embedding,
        ["embedding_backward"] = EmbeddingBackward,
        ["expand_keys"] = ExpandKeys,
        ["expand_keys_backward"] = ExpandKeysBackward,
        ["gate"] = Gate,
        ["gate_backward"] = GateBackward,
        ["grouped_linear"] = GroupedLinear,
        ["grouped_linear_dgrad"] = GroupedLinearDgrad,
        ["grouped_linear_wgrad"] = GroupedLinearWgrad,
        ["grouped_scaled_linear"] = GroupedScaledLinear,
        ["indexed_scaled_linear"] = IndexedScaledLinear,
        ["linear"] = Linear,
        ["linear_dgrad"] = LinearDgrad,
        ["linear_wgrad"] = LinearWgrad,
        ["log_softmax"] = LogSoftmax,
        ["masked_scaled_linear"] = MaskedScaledLinear,
        ["mtp_input"] = MtpInput,
        ["mtp_input_backward"] = MtpInputBackward,
        ["quantize"] = Quantize,
        ["rms_norm"] = RmsNorm,
        ["rms_norm_backward"] = RmsNormBackward,
        ["rope"] = Rope,
        ["rope_backward"] = RopeBackward,
        ["scaled_linear"] = ScaledLinear,
        ["softmax"] = Softmax,
        ["swiglu"] = SwiGlu,
        ["swiglu_backward"] = SwiGluBackward,
    };

    /// <summary><c>embedding[v=,d=,t=]</c>: ids drawn below v, I32, or I64 with long=yes.</summary>
    private static OperationCase Embedding(CaseFields f)
    {
        int v = f.Size("v");
        int d = f.Size("d");
        int t = f.Size("t");
        if (v == 0 && t > 0)
            throw f.Bad("v", "an empty table has no rows to take; give v=1 or more, or t=0");
        f.Input("weight", null, v, d);
        f.FixedInput("ids", $"index:{v}", f.Flag("long", false) ? DType.I64 : DType.I32, t);
        f.Output("y", null, t, d);
        return f.Build(Operation.Embedding, (long)t * d, (b, c) => b.Embedding(c["weight"], c["ids"], c["y"]));
    }

    /// <summary><c>cast[n=]</c>.</summary>
    private static OperationCase Cast(CaseFields f)
    {
        int n = f.Size("n");
        f.Input("x", DType.F32, n);
        f.Output("y", DType.BF16, n);
        return f.Build(Operation.Cast, n, (b, c) => b.Cast(c["x"], c["y"]));
    }

    /// <summary><c>add[n=]</c>.</summary>
    private static OperationCase Add(CaseFields f)
    {
        int n = f.Size("n");
        f.Input("a", null, n);
        f.Input("b", null, n);
        f.Output("y", null, n);
        return f.Build(Operation.Add, n, (b, c) => b.Add(c["a"], c["b"], c["y"]));
    }

    /// <summary><c>rms_norm[t=,n=]</c> with eps and rounding.</summary>
    private static OperationCase RmsNorm(CaseFields f)
    {
        int t = f.Size("t");
        int n = f.Size("n");
        f.Input("x", null, t, n);
        f.Factor("weight", null, n);
        f.Output("y", null, t, n);
        float epsilon = f.Number("eps", 1e-6f);
        RmsNormRounding rounding = f.Choice("rounding", f.Contract.RmsNorm);
        return f.Build(Operation.RmsNorm, 2L * t * n, (b, c) => b.RmsNorm(c["x"], c["weight"], epsilon, rounding, c["y"]));
    }

    /// <summary><c>rope[t=,h=,d=,dr=]</c> with layout, rotation, magnitude; positions start, start + 1, ...; frequency i is 1 / (1 + i).</summary>
    private static OperationCase Rope(CaseFields f)
    {
        (int t, int h, int d, int dr) = RotatedSizes(f);
        f.Input("x", null, t, h, d);
        RotationInputs(f, t, dr);
        f.Output("y", null, t, h, d);
        RopeAttributes attributes = Rotation(f);
        return f.Build(Operation.Rope, (2L * t * h * d) + (16L * t * dr), (b, c) => b.Rope(c["x"], c["positions"], c["frequencies"], attributes, c["y"]));
    }

    /// <summary>t, h, d and dr of a rotation and of its backward.</summary>
    private static (int T, int H, int D, int Dr) RotatedSizes(CaseFields f)
    {
        int t = f.Size("t");
        int h = f.Size("h");
        int d = f.Size("d");
        int dr = f.Size("dr");
        if (dr > d || dr % 2 != 0)
            throw f.Bad("dr", $"{dr} rotated channels must be even and no more than d={d}");
        return (t, h, d, dr);
    }

    private static void RotationInputs(CaseFields f, int t, int dr)
    {
        f.FixedInput("positions", $"arange:{f.Whole("start", 0)}", DType.I32, t);
        f.FixedInput("frequencies", "reciprocal", DType.F32, dr / 2);
    }

    private static RopeAttributes Rotation(CaseFields f) =>
        new(f.Choice("layout", f.Contract.RopeLayout), f.Choice("rotation", f.Contract.RopeRotation), f.Number("magnitude", 1f));

    /// <summary><c>swiglu[n=]</c> with rounding.</summary>
    private static OperationCase SwiGlu(CaseFields f)
    {
        int n = f.Size("n");
        f.Input("gate", null, n);
        f.Factor("up", null, n);
        f.Output("y", null, n);
        SwiGluRounding rounding = f.Choice("rounding", f.Contract.SwiGlu);
        return f.Build(Operation.SwiGlu, 16L * n, (b, c) => b.SwiGlu(c["gate"], c["up"], rounding, c["y"]));
    }

    /// <summary><c>softmax[t=,n=]</c>.</summary>
    private static OperationCase Softmax(CaseFields f)
    {
        int t = f.Size("t");
        int n = f.Size("n");
        f.Input("x", null, t, n);
        f.Output("y", null, t, n);
        return f.Build(Operation.Softmax, 16L * t * n, (b, c) => b.Softmax(c["x"], c["y"]));
    }

    /// <summary><c>log_softmax[t=,n=]</c>.</summary>
    private static OperationCase LogSoftmax(CaseFields f)
    {
        int t = f.Size("t");
        int n = f.Size("n");
        f.Input("x", null, t, n);
        f.Output("y", DType.F32, t, n);
        return f.Build(Operation.LogSoftmax, 16L * t * n, (b, c) => b.LogSoftmax(c["x"], c["y"]));
    }

    /// <summary><c>mtp_input[t=,d=]</c> with order.</summary>
    private static OperationCase MtpInput(CaseFields f)
    {
        int t = f.Size("t");
        int d = f.Size("d");
        f.Input("embedding", null, t, d);
        f.Input("hidden", null, t, d);
        f.Output("y", null, t, 2L * d);
        MtpConcat order = f.Choice("order", f.Contract.MtpConcat);
        return f.Build(Operation.MtpInput, 2L * t * d, (b, c) => b.MtpInput(c["embedding"], c["hidden"], order, c["y"]));
    }
}
