namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>How the sum d of a run meets its scales and enters the accumulator.</summary>
internal enum ScaleStep
{
    /// <summary>acc + d: no scales, or scales inside the sum.</summary>
    None,

    /// <summary>fma(rn(sa·sb), d, acc).</summary>
    ScalesFirstFused,

    /// <summary>acc + rn(d·rn(sa·sb)).</summary>
    ScalesFirst,

    /// <summary>fma(rn(d·sa), sb, acc).</summary>
    ActivationFirstFused,

    /// <summary>acc + rn(rn(d·sa)·sb).</summary>
    ActivationFirst,

    /// <summary>fma(rn(d·sb), sa, acc).</summary>
    WeightFirstFused,

    /// <summary>acc + rn(rn(d·sb)·sa).</summary>
    WeightFirst,

    /// <summary>acc + rn(rn(d / rn(1/sa)) / rn(1/sb)): reciprocal scales were kept, and the sum is divided by them.</summary>
    DividedByReciprocals,

    /// <summary>fma(bf16(sa·sb), d, acc).</summary>
    ScalesInBF16,

    /// <summary>acc + d, and rn(rn(acc·sa)·sb) with the first block's scales once at the end.</summary>
    OnceAtTheEnd,
}

/// <summary>The format in which acc is kept from run to run.</summary>
internal enum AccumulatorFormat
{
    /// <summary>binary32, to nearest even.</summary>
    F32,

    /// <summary>binary32, cut toward zero.</summary>
    F32TowardZero,

    /// <summary>13 fraction bits, cut toward zero ("FP22").</summary>
    FP22,

    /// <summary>bfloat16, to nearest even.</summary>
    BF16,

    /// <summary>binary64.</summary>
    F64,
}

/// <summary>How the parts of a sum split along k are put together, in index order.</summary>
internal enum SplitCombine
{
    /// <summary>Added in binary32.</summary>
    F32,

    /// <summary>Each part is rounded to bfloat16; added in binary32.</summary>
    BF16Parts,

    /// <summary>Parts and every sum of them are rounded to bfloat16.</summary>
    BF16,
}

/// <summary>Which runs belong to which part of a split sum.</summary>
/// <param name="Parts">Number of parts; 1 is no split.</param>
/// <param name="Interleaved">Block i belongs to part i mod Parts; else each part is a stretch of blocks.</param>
/// <param name="Combine">How the parts are put together.</param>
/// <param name="Descending">Runs are added in descending order of k.</param>
internal readonly record struct SplitRule(int Parts, bool Interleaved, SplitCombine Combine, bool Descending)
{
    /// <summary>One part, ascending.</summary>
    public static SplitRule None => new(1, false, SplitCombine.F32, false);

    /// <summary>In words.</summary>
    public override string ToString()
    {
        string parts = Parts == 1 ? "no split along K" : $"split-K {Parts}{(Interleaved ? " interleaved" : "")}, parts combined in {Combine switch { SplitCombine.F32 => "binary32", SplitCombine.BF16Parts => "binary32 after rounding each to bfloat16", _ => "bfloat16" }}";
        return Descending ? parts + ", blocks in descending order" : parts;
    }
}

/// <summary>How the result is stored.</summary>
internal enum StoreRule
{
    /// <summary>To the output's dtype, to nearest even.</summary>
    Nearest,

    /// <summary>To bfloat16, cut toward zero.</summary>
    Truncated,

    /// <summary>To bfloat16, to nearest, ties away from zero.</summary>
    NearestAway,

    /// <summary>To bfloat16 to nearest even, in an output of binary32.</summary>
    ThroughBF16,

    /// <summary>Through binary16.</summary>
    ThroughF16,
}

/// <summary>Which block's scales a run longer than a block takes.</summary>
internal enum RunScale
{
    /// <summary>Its own, or its first block's.</summary>
    First,

    /// <summary>Its last block's.</summary>
    Last,
}

/// <summary>After how many elements a run ends, and whose scales it takes.</summary>
/// <param name="Length">Elements; 0 is all of a part of K.</param>
/// <param name="Scale">Whose scales.</param>
internal readonly record struct PromotionRule(int Length, RunScale Scale)
{
    /// <summary>In words.</summary>
    public override string ToString() => (Length == 0 ? "no promotion before the end of K" : $"promotion every {Length}") + (Scale == RunScale.Last ? ", with the last block's scales" : "");
}
