using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>One way to round an operation that is no matrix product: a call that computes it so.</summary>
/// <param name="Parts">The value of each dimension, in words.</param>
/// <param name="Change">The call that computes so, with the same operands.</param>
internal sealed record RoundingVariant(IReadOnlyList<(string Dimension, string Value)> Parts, Func<OperationCall, OperationCall> Change)
{
    /// <summary>In words.</summary>
    public override string ToString() => string.Join("; ", Parts.Select(p => p.Value));

    /// <summary>The variants of a call; the declared one first. Empty for an operation that only copies.</summary>
    public static IReadOnlyList<RoundingVariant> Of(OperationCall call)
    {
        IEnumerable<RoundingVariant> inner = call switch
        {
            RmsNormCall c => NormRoundings.Of(c),
            SwiGluCall => ElementRoundings.SwiGlu(),
            SoftmaxCall or LogSoftmaxCall => SoftmaxRoundings.Of(call),
            RopeCall => ElementRoundings.Rope(),
            CombineCall => ExpertRoundings.Combine(),
            GateCall => ExpertRoundings.Gate(),
            AttentionCall => AttentionRoundings.All().Concat(AttentionContracts.All()),
            QuantizeCall => ElementRoundings.Quantize(),
            DequantizeCall => ElementRoundings.Dequantize(),
            GroupedLinearWgradCall => GradientRoundings.Sums(),
            SwiGluBackwardCall => GradientRoundings.SwiGlu(),
            RmsNormBackwardCall => GradientRoundings.RmsNorm(),
            AttentionBackwardCall c when AttentionGradientRoundings.IsSmall(c) => AttentionGradientRoundings.All(),
            AbsorbQueryCall or AbsorbOutputCall => AttentionRoundings.Sums(),
            _ => [],
        };
        RoundingVariant declared = new([("declared", "as declared")], c => c);
        IEnumerable<RoundingVariant> all = inner.Prepend(declared);
        return call is QuantizeCall or GateCall ? [.. all] : [.. all.SelectMany(Stores)];
    }

    /// <summary>The variant under every way to store its real outputs.</summary>
    private static IEnumerable<RoundingVariant> Stores(RoundingVariant variant)
    {
        yield return variant;
        foreach (StoreRule rule in (StoreRule[])[StoreRule.Truncated, StoreRule.NearestAway, StoreRule.ThroughBF16])
            yield return new RoundingVariant([.. variant.Parts, ("store", Words(rule))], call => Stored(variant.Change(call), rule));
    }

    private static string Words(StoreRule rule) => rule switch
    {
        StoreRule.Truncated => "stored in bfloat16 by truncation",
        StoreRule.NearestAway => "stored in bfloat16, ties away from zero",
        _ => "rounded to bfloat16",
    };

    /// <summary>A call whose outputs are computed in binary32 and stored by a rule.</summary>
    private static AlteredCall Stored(OperationCall call, StoreRule rule) => new(call, (inner, backend) =>
    {
        OperationCall wide = inner.Replace(o => o.Role == OperandRole.Output && o.Tensor.DType == DType.BF16 ? new Tensor(DType.F32, o.Tensor.Shape) : o.Tensor);
        wide.Run(backend);
        foreach (Operand output in inner.Outputs)
        {
            if (output.Tensor.DType is DType.BF16 or DType.F32)
                Values.Store([.. Values.Of(wide[output.Name]).Select(y => ProductArithmetic.Store(rule, y, output.Tensor.DType))], output.Tensor);
        }
    });
}
