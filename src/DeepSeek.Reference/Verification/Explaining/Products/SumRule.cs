using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Orders of a sum of products that no matrix unit does.</summary>
internal enum PlainSum
{
    /// <summary>A matrix unit's: <see cref="SumRule.Unit"/>.</summary>
    Unit,

    /// <summary>Exact, one rounding to binary32.</summary>
    Exact,

    /// <summary>Lanes of binary32, element k in lane k mod n, fma, folded by halves (rule N6 where n is 16).</summary>
    Lanes,

    /// <summary>One chain of fma.</summary>
    Sequential,

    /// <summary>One chain; each product is rounded, then added.</summary>
    SequentialUnfused,

    /// <summary>Rounded products added as a balanced tree of neighbours.</summary>
    Pairwise,

    /// <summary>Sixteen lanes of binary64, one rounding to binary32.</summary>
    Double,
}

/// <summary>How the products of one run are added: one coordinate of a <see cref="ProductContract"/>.</summary>
/// <param name="Plain">The kind.</param>
/// <param name="Lanes">Number of lanes.</param>
/// <param name="Unit">The matrix unit; its formats do not matter, its constants do.</param>
/// <param name="ScalesInside">Exponents of power-of-two scales are added to those of the products.</param>
internal sealed record SumRule(PlainSum Plain, int Lanes, TensorCore? Unit, bool ScalesInside)
{
    /// <summary>A matrix unit's sum.</summary>
    public static SumRule Of(TensorCore unit, bool scalesInside = false) => new(PlainSum.Unit, 0, unit, scalesInside);

    /// <summary>Another sum.</summary>
    public static SumRule Of(PlainSum plain, int lanes = 0) => new(plain, lanes, null, false);

    /// <summary>The rule of a named accumulation; Float64 counts as exact, which it is but for rare ties.</summary>
    public static SumRule Of(Accumulation accumulation) => accumulation.Kind switch
    {
        AccumulationKind.Lanes16 => Of(PlainSum.Lanes, 16),
        AccumulationKind.Sequential => Of(PlainSum.Sequential),
        AccumulationKind.TensorCore => Of(accumulation.Unit!, accumulation.Unit!.ScaleBlock != 0),
        _ => Of(PlainSum.Exact),
    };

    /// <summary>Whether two units' sums are of the same constants, whatever their names and formats.</summary>
    public bool IsLike(SumRule other) => Plain == other.Plain && Lanes == other.Lanes && ScalesInside == other.ScalesInside && (Unit is null || (
        (Unit.Entry == AccumulatorEntry.InTheSum || Unit.K == other.Unit!.K) && Unit.FusedLength == other.Unit!.FusedLength && Unit.Order == other.Unit.Order && Unit.FractionBits == other.Unit.FractionBits
        && Unit.Alignment == other.Unit.Alignment && Unit.Entry == other.Unit.Entry && Unit.OutputFractionBits == other.Unit.OutputFractionBits && Unit.Rounding == other.Unit.Rounding));

    /// <summary>In words.</summary>
    public override string ToString() => Plain switch
    {
        PlainSum.Exact => "exact, one rounding to binary32",
        PlainSum.Lanes => $"binary32, {Lanes} lanes of fma",
        PlainSum.Sequential => "binary32, one chain of fma",
        PlainSum.SequentialUnfused => "binary32, one chain of products and additions",
        PlainSum.Pairwise => "binary32, pairwise tree",
        PlainSum.Double => "binary64, one rounding to binary32",
        _ => Words(Unit!) + (ScalesInside ? ", scales inside the sum" : ""),
    };

    private static string Words(TensorCore u)
    {
        string alignment = u.Alignment switch { AlignmentRounding.TowardZero => "cut toward zero", AlignmentRounding.NearestEven => "aligned to nearest even", _ => "aligned downward" };
        string order = u.Order == FusedOrder.PairsOfFour ? " (pairs of four)" : "";
        string output = $"{u.OutputFractionBits} bits {(u.Rounding == OutputRounding.TowardZero ? "truncated" : "to nearest even")}";
        string entry = u.Entry == AccumulatorEntry.AddedAfter ? ", accumulator added afterwards" : "";
        return $"matrix unit, F = {u.FractionBits} {alignment}, L = {u.FusedLength}{order}, output {output}{entry}";
    }
}
