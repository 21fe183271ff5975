using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tests.Rules;

internal static partial class Mutants
{
    /// <summary>Attention by another contract than the case's; a change that gives no contract changes nothing.</summary>
    private static WrongBackend Contract(string key, string what, Func<AttentionContract, AttentionContract> change) =>
        new WrongBackend(23, key, what, c => c.Attention is { } asked && Valid(asked, change) != asked, () => new ChangedCall(call => call switch
        {
            AttentionCall { Attributes.Contract: { } asked } c => c with { Attributes = c.Attributes with { Contract = Valid(asked, change) } },
            _ => call,
        }));

    private static AttentionContract Valid(AttentionContract asked, Func<AttentionContract, AttentionContract> change)
    {
        AttentionContract changed = change(asked);
        try
        {
            changed.Validate();
            return changed;
        }
        catch (ContractException)
        {
            return asked;
        }
    }

    /// <summary>Attention contracts: their decisions are data, and each is made otherwise.</summary>
    private static IEnumerable<Mutant> AttentionContracts() =>
    [
        Contract("passes", "Keys are taken in two passes where they are to be taken online.", c => c with { Schedule = AttentionSchedule.TwoPass }),
        Contract("block", "A block is half as long.", c => c with { Block = c.Block / 2 }),
        Contract("base", "The exponential has the other base.", c => c with { Base = c.Base == SoftmaxBase.E ? SoftmaxBase.Two : SoftmaxBase.E }),
        Contract("scaling", "Scores are scaled after the maximum where they are to be scaled before it, and the other way round.",
            c => c with { Scaling = c.Scaling == ScoreScaling.BeforeMaximum ? ScoreScaling.AfterMaximum : ScoreScaling.BeforeMaximum }),
        Contract("scores", "Scores are rounded to bfloat16 at every step where they are not to be, and the other way round.",
            c => c with { Scores = c.Scores == ScoreRounding.None ? ScoreRounding.EveryStep : ScoreRounding.None }),
        Contract("maximum", "A maximum drops a NaN that it is to pass on, and the other way round.",
            c => c with { Maximum = c.Maximum == MaximumRule.DropsNaN ? MaximumRule.PropagatesNaN : MaximumRule.DropsNaN }),
        Contract("weights", "Weights go into the product with the values in binary32, not rounded.", c => c with { Weights = DType.F32 }),
        Contract("narrow", "Weights that are to stay binary32 are rounded to bfloat16.", c => c.Weights == DType.F32 ? c with { Weights = DType.BF16 } : c),
        Contract("denominator", "The denominator sums rounded weights where it is to sum unrounded ones, and the other way round.",
            c => c with { Denominator = c.Denominator == WeightSum.Rounded ? WeightSum.Unrounded : WeightSum.Rounded }),
        Contract("order", "The denominator is one chain.", c => c with { Order = WeightOrder.Sequential }),
        Contract("division", "The output is a product with the rounded 1/L where it is to be a quotient, and the other way round.", c => c.Division switch
        {
            AttentionDivision.Quotient => c with { Division = AttentionDivision.Reciprocal },
            AttentionDivision.Reciprocal => c with { Division = AttentionDivision.Quotient },
            _ => c,
        }),
        Contract("empty", "A row that sees no key has the log-sum-exp of the other sign.",
            c => c with { Empty = c.Empty == EmptyRow.NegativeInfinity ? EmptyRow.PositiveInfinity : EmptyRow.NegativeInfinity }),
        Contract("query-key", "The sum of a score is exact.", c => c with { QueryKey = Accumulation.Exact }),
        Contract("weight-value", "The sum over the values is exact.", c => c with { WeightValue = Accumulation.Exact }),
        Contract("parts", "The keys are shared out to one part more.", c => c.Split == KeySplit.None ? c : c with { Parts = c.Parts + 1 }),
        Contract("split", "Blocks are shared out by the other schedule.", c => c.Split switch
        {
            KeySplit.Even => c with { Split = KeySplit.FlashMla },
            KeySplit.FlashMla => c with { Split = KeySplit.Even },
            _ => c,
        }),
        Contract("combine", "Parts are combined in another order.", c => c.Split == KeySplit.None ? c : c with { Combine = c.Combine == CombineOrder.Descending ? CombineOrder.Ascending : CombineOrder.Descending }),
        Contract("partials", "A part's output is kept in the other format.", c => c with { Partials = c.Partials == DType.F32 ? DType.BF16 : DType.F32 }),
        Contract("exp2", "2^x is one unit too high.", c => c.Base == SoftmaxBase.Two ? c with { Functions = Exp2Ulp.Instance } : c),
    ];

    private sealed class Exp2Ulp : AttentionFunctions
    {
        public static Exp2Ulp Instance { get; } = new();

        public override string Name => "one unit too high";

        public override float Exp2(float x) => Ulp(base.Exp2(x));
    }
}
