namespace DeepSeek.Reference.Ops;

/// <summary>How often attention reads the scores of a row (rule N23).</summary>
public enum AttentionSchedule
{
    /// <summary>All scores, their maximum, then the weights: nothing is rescaled.</summary>
    TwoPass,

    /// <summary>Block by block with a running maximum; what was summed before is multiplied with exp(m_old - m_new).</summary>
    Online,

    /// <summary>Online over pairs of blocks, as the two warpgroups of FlashMLA's SM90 kernel do it: docs/spec/attention-contract.md 5.</summary>
    WarpgroupPairs,
}

/// <summary>The base of the exponential.</summary>
public enum SoftmaxBase
{
    /// <summary>e^x; the multiplier is the scale.</summary>
    E,

    /// <summary>2^x; the multiplier is float(scale · log2 e), the product in binary64.</summary>
    Two,
}

/// <summary>Where the multiplier meets the scores.</summary>
public enum ScoreScaling
{
    /// <summary>x_j = rn(s_j · a), m = max x_j, w_j = exp(rn(x_j - m)).</summary>
    BeforeMaximum,

    /// <summary>m = rn(max s_j · a), w_j = exp(fma(s_j, a, -m)). Takes a multiplier above 0.</summary>
    AfterMaximum,
}

/// <summary>Roundings of scores.</summary>
public enum ScoreRounding
{
    /// <summary>Scores stay binary32.</summary>
    None,

    /// <summary>Each sum of products, their sum (<see cref="AttentionAttributes.ScoreSplit"/>) and the scaled score are rounded to bfloat16.</summary>
    EveryStep,
}

/// <summary>What a maximum over scores makes of a NaN.</summary>
public enum MaximumRule
{
    /// <summary>It is NaN. Rule N3, PyTorch.</summary>
    PropagatesNaN,

    /// <summary>It is left out, as by CUDA's fmaxf; the NaN's own weight is NaN all the same.</summary>
    DropsNaN,
}

/// <summary>Which weights the denominator adds up.</summary>
public enum WeightSum
{
    /// <summary>Those before they are rounded for P·V. FlashMLA, FlashAttention.</summary>
    Unrounded,

    /// <summary>Those that P·V takes.</summary>
    Rounded,
}

/// <summary>In which order the denominator adds the weights of a block, and carries the sum from block to block: L = fma(L, corr, Σ w).</summary>
public enum WeightOrder
{
    /// <summary>The canonical sixteen lanes within a block (rule N6).</summary>
    Lanes16,

    /// <summary>One chain, ascending, within a block.</summary>
    Sequential,

    /// <summary>Exact within a block, one rounding.</summary>
    Exact,

    /// <summary>Sixteen lanes in binary64 within a block, one rounding.</summary>
    Float64,

    /// <summary>
    /// Four running sums, one for each thread of a quad of Hopper's wgmma: sum t takes the pairs w_(8i+2t) + w_(8i+2t+1), i ascending; at the end (L_0 + L_1) + (L_2 + L_3).
    /// </summary>
    Quad,
}

/// <summary>Where the denominator divides.</summary>
public enum AttentionDivision
{
    /// <summary>p_j = w_j / L, rounded, and then P·V. Two passes only.</summary>
    BeforeValues,

    /// <summary>y = O / L.</summary>
    Quotient,

    /// <summary>y = O · (1 / L), both rounded.</summary>
    Reciprocal,
}

/// <summary>The log-sum-exp of a row that sees no key, and what a denominator that cannot divide does.</summary>
public enum EmptyRow
{
    /// <summary>-∞, and y = +0 where L = 0. Rule N10.</summary>
    NegativeInfinity,

    /// <summary>+∞ (-∞ in a part); where L is 0 or NaN, y = O / 1. FlashMLA.</summary>
    PositiveInfinity,
}

/// <summary>How the blocks of keys are shared out to parts that are combined at the end.</summary>
public enum KeySplit
{
    /// <summary>They are not.</summary>
    None,

    /// <summary>⌈blocks / parts⌉ blocks each, the last takes what is left.</summary>
    Even,

    /// <summary>FlashMLA's tile scheduler over one request: <see cref="SplitSchedule"/>.</summary>
    FlashMla,
}

/// <summary>In which order parts are combined.</summary>
public enum CombineOrder
{
    /// <summary>Denominator and output in one chain each, ascending.</summary>
    Ascending,

    /// <summary>The same, descending.</summary>
    Descending,

    /// <summary>The denominator by 32 lanes and a butterfly, the output ascending. FlashMLA.</summary>
    Butterfly,
}
