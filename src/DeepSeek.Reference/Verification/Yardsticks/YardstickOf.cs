using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>The yardsticks of a call's outputs (docs/spec/bounds.md).</summary>
internal static partial class YardstickOf
{
    /// <summary>The yardstick of an output of real numbers or codes; null where the output is a choice.</summary>
    /// <exception cref="ContractException">The call has no output of that name.</exception>
    public static Yardstick? Value(OperationCall call, string output)
    {
        Require(call, output);
        return call switch
        {
            EmbeddingCall c => Embedding(c, output),
            CastCall c => Cast(c, output),
            AddCall c => Add(c, output),
            RmsNormCall c => RmsNorm(c, output),
            RopeCall c => Rope(c, output),
            ExpandKeysCall c => ExpandKeys(c, output),
            SwiGluCall c => SwiGlu(c, output),
            DispatchCall c => Dispatch(c, output),
            SoftmaxCall c => Softmax(c, output),
            LogSoftmaxCall c => LogSoftmax(c, output),
            MtpInputCall c => MtpInput(c, output),
            DequantizeCall c => Dequantize(c, output),
            AttentionCall c => Attention(c, output),
            CombineCall c => Combine(c, output),
            GateCall c => output switch
            {
                "scores" => GateScores(c, output),
                "weights" => GateWeights(c, output),
                _ => null,
            },
            QuantizeCall c => output == "scales" ? QuantizeScales(c, output) : QuantizeCodes(c, output),
            LinearCall c => Linear(c, output),
            GroupedLinearCall c => Linear(c, output),
            AbsorbQueryCall c => Absorb(c, output),
            AbsorbOutputCall c => Absorb(c, output),
            ScaledLinearCall c => Scaled(output, OperandsOf(c), c.Product, c.C is not null, c.Y),
            GroupedScaledLinearCall c => Scaled(output, OperandsOf(c), c.Product, false, c.Y),
            IndexedScaledLinearCall c => Scaled(output, OperandsOf(c), c.Product, false, c.Y),
            MaskedScaledLinearCall c => Scaled(output, OperandsOf(c), c.Product, false, c.Y),
            LinearDgradCall c => Dgrad(c, output),
            LinearWgradCall c => Wgrad(c, output),
            GroupedLinearDgradCall c => Dgrad(c, output),
            GroupedLinearWgradCall c => Wgrad(c, output),
            EmbeddingBackwardCall c => EmbeddingBackward(c, output),
            RmsNormBackwardCall c => RmsNormBackward(c, output),
            RopeBackwardCall c => Rope(c, output),
            ExpandKeysBackwardCall c => ExpandKeysBackward(c, output),
            SwiGluBackwardCall c => SwiGluBackward(c, output),
            MtpInputBackwardCall c => MtpInputBackward(c, output),
            DispatchBackwardCall c => DispatchBackward(c, output),
            CombineBackwardCall c => CombineBackward(c, output),
            AttentionBackwardCall c => AttentionBackward(c, output),
            GateBackwardCall c => GateBackward(c, output),
            BalanceLossCall c => BalanceLoss(c, output),
            CrossEntropyCall c => CrossEntropy(c, output),
            CrossEntropyBackwardCall c => CrossEntropyBackward(c, output),
            _ => null,
        };
    }

    /// <summary>The yardstick of an output that is a choice; null for others.</summary>
    /// <exception cref="ContractException">The call has no output of that name.</exception>
    public static ChoiceYardstick? Choice(OperationCall call, string output)
    {
        Require(call, output);
        return call is GateCall c && output == "indices" ? new GateChoice(c, output) : null;
    }

    private static void Require(OperationCall call, string output)
    {
        ArgumentNullException.ThrowIfNull(call);
        if (!call.Outputs.Any(o => o.Name == output))
            throw new ContractException($"{call.Operation} has no output '{output}'; it has {string.Join(", ", call.Outputs.Select(o => o.Name))}");
    }
}
