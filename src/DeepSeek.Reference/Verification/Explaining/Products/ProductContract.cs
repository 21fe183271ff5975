using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>One way to round a matrix product: a point of the <see cref="ProductLattice"/>.</summary>
internal readonly record struct ProductContract(SumRule Sum, PromotionRule Promotion, ScaleStep Step, AccumulatorFormat Accumulator, SplitRule Split, bool StartsFromC, StoreRule Store)
{
    /// <summary>The contract of a block-scaled preset.</summary>
    /// <param name="product">The preset.</param>
    public static ProductContract Of(ScaledProduct product) => new(
        SumRule.Of(product.Block),
        new PromotionRule(product.Promotion, RunScale.First),
        (product.Order, product.Fused) switch
        {
            (ScaleOrder.InTheSum, _) => ScaleStep.None,
            (ScaleOrder.ScalesFirst, true) => ScaleStep.ScalesFirstFused,
            (ScaleOrder.ScalesFirst, false) => ScaleStep.ScalesFirst,
            (_, true) => ScaleStep.ActivationFirstFused,
            _ => ScaleStep.ActivationFirst,
        },
        product.Accumulator == DType.BF16 ? AccumulatorFormat.BF16 : AccumulatorFormat.F32,
        SplitRule.None,
        false,
        StoreRule.Nearest);

    /// <summary>The contract of a product without scales.</summary>
    public static ProductContract Of(Accumulation accumulation) => new(
        SumRule.Of(accumulation), new PromotionRule(0, RunScale.First), ScaleStep.None, AccumulatorFormat.F32, SplitRule.None, false, StoreRule.Nearest);

    /// <summary>The parts, in words, under the names of the lattice's dimensions.</summary>
    public IReadOnlyList<(string Dimension, string Value)> Parts =>
    [
        ("sum", Sum.ToString()), ("promotion", Promotion.ToString()), ("scales", Words(Step)), ("accumulator", Words(Accumulator)),
        ("split", Split.ToString()), ("c", StartsFromC ? "the accumulator starts from C" : "C is added at the end"), ("store", Words(Store)),
    ];

    /// <summary>The names of presets and accumulations that are this, for operands of a format: units of other formats may have the same constants.</summary>
    public IReadOnlyList<string> NamesFor(ElementFormat operands)
    {
        ProductContract self = this;
        return [.. Named(operands).Where(n => n.Value.IsLike(self)).Select(n => n.Name)];
    }

    /// <summary>The contracts that have names, for operands of a format: presets of block-scaled products for E4M3, else accumulations.</summary>
    public static IEnumerable<(string Name, ProductContract Value)> Named(ElementFormat operands) => operands == ElementFormat.E4M3
        ? ScaledProduct.Presets.Select(p => (p.Name, Of(p)))
        : Accumulations(operands).Select(a => (a.Name, Of(a.Value)));

    /// <summary>In words, with the first name where there is one.</summary>
    public string Words(ElementFormat operands) => NamesFor(operands) is [var name, ..] ? $"{name} ({this})" : ToString();

    /// <summary>Whether two contracts round alike.</summary>
    public bool IsLike(ProductContract other) => Sum.IsLike(other.Sum) && this with { Sum = other.Sum } == other;

    /// <summary>In words, leaving out what is usual.</summary>
    public override string ToString()
    {
        var words = new List<string> { Sum.ToString(), Promotion.ToString() };
        if (Step != ScaleStep.None)
            words.Add(Words(Step));
        if (Accumulator != AccumulatorFormat.F32)
            words.Add("accumulator " + Words(Accumulator));
        if (Split != SplitRule.None)
            words.Add(Split.ToString());
        if (StartsFromC)
            words.Add("the accumulator starts from C");
        if (Store != StoreRule.Nearest)
            words.Add(Words(Store));
        return string.Join("; ", words);
    }

    /// <summary>A scale step in words.</summary>
    public static string Words(ScaleStep step) => step switch
    {
        ScaleStep.None => "no scales outside the sum",
        ScaleStep.ScalesFirstFused => "fma(sa*sb, d, acc)",
        ScaleStep.ScalesFirst => "acc + d*(sa*sb), product rounded",
        ScaleStep.ActivationFirstFused => "fma(d*sa, sb, acc)",
        ScaleStep.ActivationFirst => "acc + (d*sa)*sb, product rounded",
        ScaleStep.WeightFirstFused => "fma(d*sb, sa, acc)",
        ScaleStep.WeightFirst => "acc + (d*sb)*sa, product rounded",
        ScaleStep.DividedByReciprocals => "acc + (d / (1/sa)) / (1/sb)",
        ScaleStep.ScalesInBF16 => "fma(bf16(sa*sb), d, acc)",
        _ => "the first block's scales, once at the end",
    };

    private static string Words(AccumulatorFormat format) => format switch
    {
        AccumulatorFormat.F32 => "binary32",
        AccumulatorFormat.F32TowardZero => "binary32 cut toward zero",
        AccumulatorFormat.FP22 => "13 fraction bits cut toward zero (FP22)",
        AccumulatorFormat.BF16 => "bfloat16",
        _ => "binary64",
    };

    private static string Words(StoreRule store) => store switch
    {
        StoreRule.Nearest => "stored to nearest even",
        StoreRule.Truncated => "stored in bfloat16 by truncation",
        StoreRule.NearestAway => "stored in bfloat16, ties away from zero",
        StoreRule.ThroughBF16 => "rounded to bfloat16, stored in binary32",
        _ => "stored through binary16",
    };

    private static IEnumerable<(string Name, Accumulation Value)> Accumulations(ElementFormat operands) =>
    [
        ("exact", Ops.Accumulation.Exact), ("lanes16", Ops.Accumulation.Lanes16), ("sequential", Ops.Accumulation.Sequential),
        .. TensorCore.All.Where(u => u.A == operands && u.B == operands && u.ScaleBlock == 0 && u.Accumulator == ElementFormat.F32).Select(u => (u.Name, Ops.Accumulation.TensorCore(u))),
    ];
}
