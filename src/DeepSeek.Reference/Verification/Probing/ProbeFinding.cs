using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification.Explaining;

namespace DeepSeek.Reference.Verification.Probing;

/// <summary>What designed inputs revealed of a kernel's sum of products.</summary>
internal sealed record ProbeFinding
{
    /// <summary>The format of the operands that were fed.</summary>
    public required ElementFormat Operands { get; init; }

    /// <summary>F: the deepest power of two below a cancelled largest term that survives. Null: nothing that the format can express is lost.</summary>
    public int? FractionBits { get; init; }

    /// <summary>What becomes of the bits behind them.</summary>
    public AlignmentRounding? Alignment { get; init; }

    /// <summary>Fraction bits of a sum that come out; null where alignment loses bits first.</summary>
    public int? OutputFractionBits { get; init; }

    /// <summary>How a sum is rounded to them; null where none is.</summary>
    public OutputRounding? Rounding { get; init; }

    /// <summary>Whether products are normalised before they are aligned; null where the sum is no matrix unit's.</summary>
    public bool? NormalisesProducts { get; init; }

    /// <summary>Whether subnormal operands count as zero.</summary>
    public required bool FlushesSubnormals { get; init; }

    /// <summary>Whether subnormal results are flushed; null where the format cannot make one.</summary>
    public bool? FlushesSubnormalResults { get; init; }

    /// <summary>The sums that have the kernel's bits on every designed and random input, with the interval after which a new sum is begun (0: never); the most usual first.</summary>
    public required IReadOnlyList<(SumRule Sum, int Restart)> Sums { get; init; }

    /// <summary>Dot products asked of the kernel.</summary>
    public required int Questions { get; init; }

    /// <summary>Whether a sum was found.</summary>
    public bool IsFound => Sums.Count > 0;

    /// <summary>Products in one fused sum; 1 for sums of binary32.</summary>
    public int? FusedLength => IsFound ? Sums[0].Sum.Unit?.FusedLength ?? 1 : null;

    /// <summary>Elements of k after which the sum is added to the result and begun anew; 0: never.</summary>
    public int? Promotion => IsFound ? Sums[0].Restart : null;

    /// <summary>The order of the sum in a word: exact, binary64, sequential, lanes, pairwise, fused.</summary>
    public string Tree => !IsFound ? "unknown" : Sums[0].Sum.Plain switch
    {
        PlainSum.Exact => "exact",
        PlainSum.Double => "binary64",
        PlainSum.Lanes => "lanes",
        PlainSum.Sequential or PlainSum.SequentialUnfused => "sequential",
        PlainSum.Pairwise => "pairwise",
        _ => "fused",
    };

    /// <summary>Named matrix units of these constants, for these operands.</summary>
    public IReadOnlyList<string> Names => [.. Sums.SelectMany(s => TensorCore.All.Where(u => u.A == Operands && u.B == Operands && u.Accumulator == ElementFormat.F32 && u.ScaleBlock == 0
        && IsUnit(u, s.Sum, s.Restart)).Select(u => u.Name)).Distinct()];

    /// <summary>The finding in words.</summary>
    public string Sentence => !IsFound ? "no sum of those that are known has the kernel's bits"
        : string.Join("; or ", Sums.Take(4).Select(s => s.Sum + (s.Restart == 0 ? "" : $"; a new sum every {s.Restart} elements, added in binary32")));

    /// <summary>A unit that adds its accumulator after an instruction looks like a sum begun anew every K elements, which it is.</summary>
    private static bool IsUnit(TensorCore u, SumRule sum, int restart) => u.Entry == AccumulatorEntry.InTheSum
        ? sum.Unit is not null && sum.IsLike(SumRule.Of(u))
        : sum.Unit is not null && restart == u.K && sum.IsLike(SumRule.Of(u with { Entry = AccumulatorEntry.InTheSum }));
}
