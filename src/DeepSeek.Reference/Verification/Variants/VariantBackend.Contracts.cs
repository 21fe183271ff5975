using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>Attention under a contract: another one whose results a kernel of the declared one may have.</content>
internal sealed partial class VariantBackend
{
    private static readonly Accumulation[] Sums = [Accumulation.Lanes16, Accumulation.Sequential, Accumulation.Exact, Accumulation.Float64];
    private static readonly WeightOrder[] ExactOrders = [WeightOrder.Exact, WeightOrder.Float64];

    private void UnderContract(AttentionCall c)
    {
        AttentionContract declared = c.Attributes.Contract!, varied = Varied(declared);
        try
        {
            (c with { Attributes = c.Attributes with { Contract = varied } }).Run(new ScalarBackend());
        }
        catch (ContractException)
        {
            // What was drawn does not go together: fewer fields differ.
            (c with { Attributes = c.Attributes with { Contract = declared with { QueryKey = varied.QueryKey } } }).Run(new ScalarBackend());
        }
    }

    private AttentionContract Varied(AttentionContract declared)
    {
        AttentionContract varied = declared with { QueryKey = Another(declared.QueryKey), WeightValue = Another(declared.WeightValue) };
        if (declared.Schedule == AttentionSchedule.WarpgroupPairs)
            return varied;
        varied = varied with
        {
            Order = declared.Order is WeightOrder.Exact or WeightOrder.Float64 ? ExactOrders[random.Next(2)] : Enum.GetValues<WeightOrder>()[random.Next(5)],
            Division = declared.Division == AttentionDivision.BeforeValues ? declared.Division : random.Next(2) == 0 ? AttentionDivision.Quotient : AttentionDivision.Reciprocal,
            Combine = declared.Split == KeySplit.None ? declared.Combine : Enum.GetValues<CombineOrder>()[random.Next(3)],
        };
        if (declared is { Schedule: AttentionSchedule.Online, Split: KeySplit.None, Block: >= 32 } && random.Next(2) == 0)
            varied = varied with { Block = 32 << random.Next(3) };
        bool free = float.IsNegativeInfinity(declared.InitialMaximum) && declared is { MaskValue: null, Scores: ScoreRounding.None };
        if (free && random.Next(2) == 0)
            varied = varied with { Base = random.Next(2) == 0 ? SoftmaxBase.E : SoftmaxBase.Two, Scaling = random.Next(2) == 0 ? ScoreScaling.BeforeMaximum : ScoreScaling.AfterMaximum };
        return varied;
    }

    /// <summary>A sum in another order; one declared exact or in binary64 binds to that.</summary>
    private Accumulation Another(Accumulation declared) => declared.Kind is AccumulationKind.Exact or AccumulationKind.Float64
        ? declared
        : random.Next(3) == 0 ? declared : Sums[random.Next(Sums.Length)];
}
