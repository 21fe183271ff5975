using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>The ways to round attention that <see cref="AttentionAttributes"/> names, and the accumulations of products that are no case of the lattice.</summary>
internal static class AttentionRoundings
{
    private static Accumulation[] Accumulations { get; } = [Accumulation.Lanes16, Accumulation.Sequential, Accumulation.Exact, Accumulation.Float64];

    /// <summary>Roundings, score splits and accumulations.</summary>
    public static IEnumerable<RoundingVariant> All() =>
        from rounding in Enum.GetValues<AttentionRounding>()
        from split in (int[])[0, 512]
        where split == 0 || rounding == AttentionRounding.EveryStep
        from accumulation in Accumulations
        select new RoundingVariant(
            [("rounding", $"AttentionRounding.{rounding}"), ("scores", split == 0 ? "one sum over all channels" : $"split after {split} channels"), ("accumulation", $"Accumulation.{accumulation}")],
            c => c is AttentionCall a && split < a.Q.Shape[^1] ? a with { Attributes = a.Attributes with { Rounding = rounding, ScoreSplit = split, Accumulation = accumulation, Contract = null } } : c);

    /// <summary>Accumulations alone.</summary>
    public static IEnumerable<RoundingVariant> Sums() => Accumulations.Select(accumulation => new RoundingVariant([("accumulation", $"Accumulation.{accumulation}")], call => call switch
    {
        AbsorbQueryCall c => c with { Accumulation = accumulation },
        AbsorbOutputCall c => c with { Accumulation = accumulation },
        _ => call,
    }));
}
