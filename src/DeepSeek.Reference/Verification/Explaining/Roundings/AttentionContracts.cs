using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Attention under other contracts: the presets, and the choices that kernels disagree on, each with each.</summary>
internal static class AttentionContracts
{
    /// <summary>Presets first, then combinations.</summary>
    public static IEnumerable<RoundingVariant> All() =>
        AttentionContract.Presets.Select(Preset)
            .Concat(
                from weights in (DType[])[DType.F32, DType.BF16, DType.F8_E4M3]
                from schedule in Schedules()
                from power in Enum.GetValues<SoftmaxBase>()
                from scaling in Enum.GetValues<ScoreScaling>()
                from sum in Enum.GetValues<WeightSum>()
                from division in Enum.GetValues<AttentionDivision>()
                where sum == WeightSum.Unrounded || (weights != DType.F32 && division != AttentionDivision.BeforeValues)
                where schedule.Kind == AttentionSchedule.TwoPass || division != AttentionDivision.BeforeValues
                select Of(
                    [
                        ("weights", $"P in {weights.Name()}"), ("schedule", schedule.Words), ("base", power == SoftmaxBase.E ? "e^x" : "2^x"),
                        ("scaling", $"ScoreScaling.{scaling}"), ("sum", $"WeightSum.{sum}"), ("division", $"AttentionDivision.{division}"),
                    ],
                    new AttentionContract
                    {
                        Name = "explained",
                        Schedule = schedule.Kind,
                        Block = schedule.Block,
                        Base = power,
                        Scaling = scaling,
                        Weights = weights,
                        Denominator = sum,
                        Division = division,
                    }));

    private static IEnumerable<(AttentionSchedule Kind, int Block, string Words)> Schedules() =>
        [(AttentionSchedule.TwoPass, 0, "two passes"), (AttentionSchedule.Online, 64, "online, blocks of 64"), (AttentionSchedule.Online, 128, "online, blocks of 128")];

    private static RoundingVariant Preset(AttentionContract preset) => Of([("contract", $"AttentionContract.{preset.Name}")], preset);

    private static RoundingVariant Of(IReadOnlyList<(string, string)> parts, AttentionContract contract) => new(parts, c => c is AttentionCall a
        ? a with { Attributes = a.Attributes with { Rounding = AttentionRounding.None, ScoreSplit = 0, Accumulation = Accumulation.Lanes16, Contract = contract } }
        : c);
}
