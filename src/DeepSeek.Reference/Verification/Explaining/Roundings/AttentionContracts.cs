using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Attention under other contracts: the presets, those that split the keys by the parts they may have been scheduled for, and the choices that kernels disagree on, each with each.</summary>
internal static class AttentionContracts
{
    // Multiprocessors of an H100 SXM, of an H100 PCIe and of an H20.
    private static readonly int[] Processors = [132, 114, 78];

    /// <summary>Presets first, then their parts, then combinations.</summary>
    public static IEnumerable<RoundingVariant> All() =>
        AttentionContract.Presets.Select(Preset)
            .Concat(Splitting().SelectMany(preset => Processors.Select(n => Scheduled(preset, n))))
            .Concat(Splitting().SelectMany(preset => new[] { 2, 3, 4, 8, 16, 32 }.Select(n => Of([Named(preset), ("parts", $"parts={n}")], preset with { Parts = n }))))
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

    private static RoundingVariant Preset(AttentionContract preset) => Of([Named(preset)], preset);

    private static (string, string) Named(AttentionContract preset) => ("contract", $"AttentionContract.{preset.Name}");

    private static IEnumerable<AttentionContract> Splitting() => AttentionContract.Presets.Where(p => p.Split != KeySplit.None);

    /// <summary>The parts that a kernel takes on a GPU of so many multiprocessors, which depend on the call's shape.</summary>
    private static RoundingVariant Scheduled(AttentionContract preset, int processors) => new([Named(preset), ("parts", $"parts as for {processors} multiprocessors")], c => c is AttentionCall a
        ? Under(a, preset with { Parts = SplitSchedule.PartsFor(processors, Operands.Dim(a.Q, 0), Operands.Dim(a.Q, 1), Math.Max(1, Operands.Dim(a.Keys, 1))) })
        : c);

    private static AttentionCall Under(AttentionCall call, AttentionContract contract) =>
        call with { Attributes = call.Attributes with { Rounding = AttentionRounding.None, ScoreSplit = 0, Accumulation = Accumulation.Lanes16, Contract = contract } };

    private static RoundingVariant Of(IReadOnlyList<(string, string)> parts, AttentionContract contract) => new(parts, c => c is AttentionCall a ? Under(a, contract) : c);
}
