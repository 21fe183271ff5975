using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Tool;

/// <summary>The operands of one dot product by a matrix unit.</summary>
internal sealed record MmaOperands(TensorCore Unit, uint[] A, uint[] B, uint C);

/// <summary>One promotion of a sum d into the binary32 accumulator: after = fma(scale, d, before), scale = sa · sb.</summary>
internal sealed record MmaPromotion(float ScaleA, float ScaleB, float Scale, float Sum, float Before, float After);

/// <summary>A dot product as it was evaluated: the unit's explanations, one for each run of elements, and the promotions between.</summary>
internal sealed record MmaEvaluation(MmaOperands Operands, int Run, IReadOnlyList<TensorCoreExplanation> Parts, IReadOnlyList<MmaPromotion> Promotions, uint Result)
{
    /// <summary>All elements chained in the unit.</summary>
    public static MmaEvaluation Plain(MmaOperands operands, byte[] scalesA, byte[] scalesB)
    {
        TensorCoreExplanation all = operands.Unit.Explain(operands.A, operands.B, scalesA, scalesB, operands.C);
        return new MmaEvaluation(operands, operands.A.Length, [all], [], all.Result);
    }

    /// <summary>Runs of elements, each summed by the unit from +0 and promoted; C is where the accumulator starts.</summary>
    public static MmaEvaluation Promoted(MmaOperands operands, int run, float[] scalesA, float[] scalesB)
    {
        var parts = new List<TensorCoreExplanation>();
        var promotions = new List<MmaPromotion>();
        float acc = BitConverter.UInt32BitsToSingle(operands.C);
        for (int k = 0; k < operands.A.Length; k += run)
        {
            int count = Math.Min(run, operands.A.Length - k);
            TensorCoreExplanation part = operands.Unit.Explain(operands.A.AsSpan(k, count), operands.B.AsSpan(k, count), [], [], 0);
            float d = BitConverter.UInt32BitsToSingle(part.Result);
            float scale = scalesA[k / run] * scalesB[k / run];
            float after = MathF.FusedMultiplyAdd(scale, d, acc);
            parts.Add(part);
            promotions.Add(new MmaPromotion(scalesA[k / run], scalesB[k / run], scale, d, acc, after));
            acc = after;
        }

        return new MmaEvaluation(operands, run, parts, promotions, BitConverter.SingleToUInt32Bits(acc));
    }
}
