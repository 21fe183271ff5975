using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>The values that each coordinate of a <see cref="ProductContract"/> may take for a problem, the most usual first.</summary>
internal sealed record LatticeDimensions(
    IReadOnlyList<SumRule> Sums, IReadOnlyList<PromotionRule> Promotions, IReadOnlyList<ScaleStep> Steps, IReadOnlyList<AccumulatorFormat> Accumulators,
    IReadOnlyList<SplitRule> Splits, IReadOnlyList<bool> StartsFromC, IReadOnlyList<StoreRule> Stores)
{
    /// <summary>Fraction bits kept at the alignment that the wide lattice tries: those of published units, with neighbours.</summary>
    private static readonly int[] FractionBits = [25, 13, 24, 23, 14, 12, 22, 21];

    /// <summary>The lattice of a problem.</summary>
    /// <param name="problem">The product.</param>
    /// <param name="wide">Every combination of a unit's constants, instead of the known units.</param>
    public static LatticeDimensions Of(ProductProblem problem, bool wide)
    {
        IEnumerable<SumRule> sums = wide ? WideUnits() : KnownSums();
        if (problem.ScalesArePowers)
            sums = sums.Concat(sums.Where(s => s.Plain == PlainSum.Unit).Select(s => s with { ScalesInside = true }));
        sums = Distinct(sums.Prepend(problem.Declared.Sum));

        bool blocks = problem.HasScales && !problem.HasOneScale;
        int[] lengths = [.. ((int[])[128, 64, 32, 256, 512]).Where(n => n < problem.K)];
        IEnumerable<int> all = blocks && problem.K <= 128 && problem.Declared.Promotion.Length != 0 ? lengths.Prepend(128) : lengths.Append(0);
        var promotions = all.Select(n => new PromotionRule(n, RunScale.First)).ToList();
        if (blocks && problem.K > 128)
            promotions.AddRange(all.Where(n => n is 0 or > 128).Select(n => new PromotionRule(n, RunScale.Last)));

        return new LatticeDimensions(
            [.. sums],
            promotions,
            problem.HasScales ? [ScaleStep.None, .. Enum.GetValues<ScaleStep>()[1..]] : [ScaleStep.None],
            Enum.GetValues<AccumulatorFormat>(),
            [.. AllSplits((problem.K + 127) / 128)],
            problem.HasC ? [false, true] : [false],
            problem.Output == DType.BF16
                ? [StoreRule.Nearest, StoreRule.Truncated, StoreRule.NearestAway, StoreRule.ThroughF16]
                : [StoreRule.Nearest, StoreRule.ThroughBF16, StoreRule.Truncated, StoreRule.ThroughF16]);
    }

    /// <summary>Points, those that make no sense included.</summary>
    public long Size => (long)Sums.Count * Promotions.Count * Steps.Count * Accumulators.Count * Splits.Count * StartsFromC.Count * Stores.Count;

    /// <summary>Whether a combination is a way to round of its own.</summary>
    public static bool IsMeaningful(ProductProblem problem, SumRule sum, PromotionRule promotion, ScaleStep step, AccumulatorFormat accumulator, SplitRule split, RunPlan plan)
    {
        bool outside = problem.HasScales && !sum.ScalesInside;
        bool oneRun = plan.HasOneRunAPart;
        return outside == (step != ScaleStep.None)
            && (promotion.Scale == RunScale.First || (outside && step != ScaleStep.OnceAtTheEnd))
            && (accumulator == AccumulatorFormat.F32 || !oneRun)
            && !(split.Descending && plan.Start.Length == 1)
            && !(split.Interleaved && promotion.Length == 0)
            && (split.Parts == 1 || plan.Part.Max() == split.Parts - 1);
    }

    private static IEnumerable<SplitRule> AllSplits(int blocks)
    {
        yield return SplitRule.None;
        yield return SplitRule.None with { Descending = true };
        foreach (int parts in (int[])[2, 4, 3, 8, 16])
        {
            if (parts > blocks)
                continue;
            foreach (SplitCombine combine in Enum.GetValues<SplitCombine>())
            {
                yield return new SplitRule(parts, false, combine, false);
                if (parts is 2 or 4)
                    yield return new SplitRule(parts, true, combine, false);
            }
        }
    }

    private static IEnumerable<SumRule> KnownSums() =>
    [
        .. TensorCore.All.Where(u => u.Accumulator == ElementFormat.F32).Select(u => SumRule.Of(u)),
        SumRule.Of(PlainSum.Exact), SumRule.Of(PlainSum.Lanes, 16), SumRule.Of(PlainSum.Sequential), SumRule.Of(PlainSum.SequentialUnfused), SumRule.Of(PlainSum.Pairwise),
        SumRule.Of(PlainSum.Lanes, 8), SumRule.Of(PlainSum.Lanes, 32), SumRule.Of(PlainSum.Lanes, 4), SumRule.Of(PlainSum.Lanes, 64),
        .. Units([TensorCore.HopperWgmmaE4M3F32, TensorCore.BlackwellTcgen05E4M3F32], [13, 14, 25], [AlignmentRounding.TowardZero, AlignmentRounding.NearestEven], [AccumulatorEntry.InTheSum]),
    ];

    private static IEnumerable<SumRule> WideUnits()
    {
        TensorCore start = TensorCore.HopperWgmmaE4M3F32;
        TensorCore[] shapes =
        [
            start, start with { FusedLength = 16 }, start with { FusedLength = 16, Order = FusedOrder.PairsOfFour }, start with { K = 16, FusedLength = 16 },
            start with { K = 16, FusedLength = 8 }, start with { K = 8, FusedLength = 8 }, start with { K = 8, FusedLength = 4 }, start with { K = 4, FusedLength = 4 },
            start with { K = 64, FusedLength = 64 },
        ];
        return KnownSums().Concat(Units(shapes, FractionBits, Enum.GetValues<AlignmentRounding>(), Enum.GetValues<AccumulatorEntry>()));
    }

    private static IEnumerable<SumRule> Units(TensorCore[] shapes, int[] fractionBits, AlignmentRounding[] alignments, AccumulatorEntry[] entries) =>
        from entry in entries
        from alignment in alignments
        from F in fractionBits
        from shape in shapes
        from output in ((int, OutputRounding)[])[(23, OutputRounding.TowardZero), (13, OutputRounding.TowardZero), (23, OutputRounding.NearestEven), (13, OutputRounding.NearestEven)]
        select SumRule.Of(shape with { FractionBits = F, Alignment = alignment, Entry = entry, OutputFractionBits = output.Item1, Rounding = output.Item2 });

    /// <summary>Rules that differ; a chain of L-sums is the same whatever the instruction is called, unless C is added after each.</summary>
    private static List<SumRule> Distinct(IEnumerable<SumRule> rules)
    {
        var kept = new List<SumRule>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (SumRule rule in rules)
        {
            TensorCore? u = rule.Unit;
            bool late = u?.Entry == AccumulatorEntry.AddedAfter;
            string key = u is null ? $"{rule.Plain} {rule.Lanes}"
                : $"{(late ? u.K : u.FusedLength)} {u.FusedLength} {u.Order} {u.FractionBits} {u.Alignment} {u.Entry} {u.OutputFractionBits} {u.Rounding} {rule.ScalesInside}";
            if (seen.Add(key))
                kept.Add(rule);
        }

        return kept;
    }
}
