using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Ops;

public sealed partial record AttentionContract
{
    /// <summary>Throws for a combination that no kernel could mean.</summary>
    /// <exception cref="ContractException">It is one; the message says which fields meet.</exception>
    public void Validate()
    {
        RequireValues();
        RequireUnit(QueryKey, nameof(QueryKey));
        RequireUnit(WeightValue, nameof(WeightValue));
        if (Schedule == AttentionSchedule.WarpgroupPairs)
        {
            Refuse(!IsLike(FlashMlaSm90), $"{Schedule} is {FlashMlaSm90.Name}'s alone; vary its QueryKey, WeightValue, Parts and Functions only");
            return;
        }

        Refuse(Split != KeySplit.None && Block == 0, $"{Split} shares out blocks, and Block is 0; give a length");
        Refuse(Split == KeySplit.None && Parts > 1, $"{Parts} parts need a Split");
        Refuse(Split == KeySplit.None && (Partials != DType.F32 || Combine != default), "Partials and Combine need a Split");
        Refuse(Schedule == AttentionSchedule.TwoPass && Split == KeySplit.None && Block != 0, $"TwoPass without a Split has no blocks; Block is {Block}, take 0");
        Refuse(Division == AttentionDivision.BeforeValues && Schedule != AttentionSchedule.TwoPass, $"{Schedule} knows the denominator after P·V; take the division Quotient");
        Refuse(Denominator == WeightSum.Rounded && Weights == DType.F32, "Weights of F32 are not rounded; take the denominator Unrounded");
        Refuse(Denominator == WeightSum.Rounded && Division == AttentionDivision.BeforeValues, "weights that are rounded after the division cannot be its denominator; take Unrounded");
        Refuse(Scores == ScoreRounding.EveryStep && Scaling == ScoreScaling.AfterMaximum, "EveryStep rounds the scaled score; take the scaling BeforeMaximum");
        Refuse(Order == WeightOrder.Quad && Block % 8 != 0, $"Quad takes columns by eights; Block is {Block}, take a multiple of 8");
        Refuse(Base == SoftmaxBase.E && Functions != AttentionFunctions.Correct, $"base E never calls {Functions}; take base Two");
        Refuse(WeightValue.Unit is not null && Weights == DType.F32, $"{WeightValue.Unit} takes bfloat16; take Weights of BF16 or F8_E4M3");
        Refuse(Scaling == ScoreScaling.BeforeMaximum && MaskValue >= InitialMaximum && float.IsFinite(InitialMaximum), $"a MaskValue of {MaskValue} is not below the InitialMaximum of {InitialMaximum}");
    }

    /// <summary>Throws unless the scale and the operands' formats are ones that the contract can take.</summary>
    /// <exception cref="ContractException">They are not.</exception>
    internal void RequireCall(float scale, DType q, DType keys, DType values)
    {
        Validate();
        float a = Multiplier(scale);
        if (Scaling == ScoreScaling.AfterMaximum)
        {
            Refuse(!(a > 0f && float.IsFinite(a)), $"a maximum that is scaled afterwards needs a finite scale above 0, not {scale}");
            Refuse(float.IsFinite(InitialMaximum) && MaskValue * a >= InitialMaximum, $"a scale of {scale} lifts the MaskValue of {MaskValue} to the InitialMaximum of {InitialMaximum}; take a larger scale");
        }

        Refuse(QueryKey.Unit is not null && (q != DType.BF16 || keys != DType.BF16), $"{QueryKey.Unit} takes q and keys of BF16, not {q.Name()} and {keys.Name()}");
        Refuse(WeightValue.Unit is not null && values != DType.BF16, $"{WeightValue.Unit} takes values of BF16, not {values.Name()}");
    }

    private void RequireValues()
    {
        Operands.RequireDefined(Schedule);
        Operands.RequireDefined(Base);
        Operands.RequireDefined(Scaling);
        Operands.RequireDefined(Scores);
        Operands.RequireDefined(Maximum);
        Operands.RequireDefined(Denominator);
        Operands.RequireDefined(Order);
        Operands.RequireDefined(Division);
        Operands.RequireDefined(Empty);
        Operands.RequireDefined(Split);
        Operands.RequireDefined(Combine);
        Refuse(Block < 0, $"a block of {Block} keys");
        Refuse(Parts < 1, $"{Parts} parts");
        Refuse(Weights is not (DType.F32 or DType.BF16 or DType.F8_E4M3), $"weights of {Weights.Name()}; take F32, BF16 or F8_E4M3");
        Refuse(Partials is not (DType.F32 or DType.BF16), $"partial outputs of {Partials.Name()}; take F32 or BF16");
        Refuse(!(InitialMaximum < 0f), $"an InitialMaximum of {InitialMaximum}; take -∞ or a number below every score");
        Refuse(MaskValue is not null && !(MaskValue < 0f), $"a MaskValue of {MaskValue}; take null, or a number below every score");
        Refuse(Functions is null, "no Functions; take AttentionFunctions.Correct");
    }

    private void RequireUnit(Accumulation accumulation, string name)
    {
        accumulation.Require();
        Refuse(
            accumulation.Unit is { } unit && (unit.A != ElementFormat.BF16 || unit.B != ElementFormat.BF16 || unit.Accumulator != ElementFormat.F32),
            $"{name} by {accumulation.Unit}; take a unit of bfloat16 into binary32, such as {TensorCore.HopperWgmmaBF16F32}");
    }

    private void Refuse(bool condition, string why)
    {
        if (condition)
            throw new ContractException($"attention contract {Name}: {why}");
    }
}
