namespace DeepSeek.Reference.Ops;

/// <summary>How attention is evaluated: one value for all that published kernels disagree on (rule N23).</summary>
/// <remarks>
/// <code>
/// s_j    = Σ_d q_d k_{j,d}                    by QueryKey
/// a      = scale, or float(scale · log2 e)    by Base
/// m      = max over x_j = s_j a, or max s_j times a, running over blocks under Online
/// w_j    = b^(x_j - m), or b^fma(s_j, a, -m)  b = e or 2
/// corr   = b^(m_old - m_new)
/// L      = fma(L, corr, Σ w_j)                over w as it is or as Weights rounds it
/// O      = O corr + Σ_j ⟦w_j⟧ v_j             by WeightValue
/// y      = O / L
/// lse    = m + ln L                           base 2: ln L + m / log2 e
/// </code>
/// Immutable; vary a preset with <c>with</c>. Each preset has a definition of its own (<see cref="Attention"/>, <see cref="OnlineAttention"/>,
/// <see cref="WarpgroupAttention"/>); what is none of them is <see cref="GeneralAttention"/>'s. Page: docs/spec/attention-contract.md.
/// </remarks>
public sealed partial record AttentionContract
{
    /// <summary>log2 e in binary64, the factor of FlashMLA's host code.</summary>
    internal const double Log2E = 1.4426950408889634;

    /// <summary>The preset's name, or a name of the caller's.</summary>
    public string Name { get; init; } = "Canonical";

    /// <summary>Two passes, or online.</summary>
    public AttentionSchedule Schedule { get; init; }

    /// <summary>Keys of a block, counted from key 0; 0 = all of a part's keys are one block.</summary>
    public int Block { get; init; }

    /// <summary>e or 2.</summary>
    public SoftmaxBase Base { get; init; }

    /// <summary>Whether the multiplier meets the scores before or after the maximum.</summary>
    public ScoreScaling Scaling { get; init; }

    /// <summary>Roundings of scores.</summary>
    public ScoreRounding Scores { get; init; }

    /// <summary>What the maximum makes of a NaN.</summary>
    public MaximumRule Maximum { get; init; }

    /// <summary>What the maximum starts from: -∞, or a number that stands for it.</summary>
    public float InitialMaximum { get; init; } = float.NegativeInfinity;

    /// <summary>
    /// Null: masked keys are left out by index. Otherwise the score of every masked key up to the end of the last block, before the multiplier under
    /// <see cref="ScoreScaling.AfterMaximum"/> and in place of the scaled score under <see cref="ScoreScaling.BeforeMaximum"/>.
    /// </summary>
    public float? MaskValue { get; init; }

    /// <summary>The format that weights take for P·V: F32, BF16, or F8_E4M3 (saturating).</summary>
    public DType Weights { get; init; } = DType.F32;

    /// <summary>Which weights the denominator adds.</summary>
    public WeightSum Denominator { get; init; }

    /// <summary>In which order it adds them.</summary>
    public WeightOrder Order { get; init; }

    /// <summary>Where it divides.</summary>
    public AttentionDivision Division { get; init; }

    /// <summary>A row that sees no key.</summary>
    public EmptyRow Empty { get; init; }

    /// <summary>How the products of a score are accumulated: a named sum (N7) or a matrix unit on bfloat16 (N20).</summary>
    public Accumulation QueryKey { get; init; } = Accumulation.Lanes16;

    /// <summary>
    /// How the products of an output are accumulated. Sequential and matrix units go on from rn(O · corr); the others sum a block from +0 and add the two.
    /// </summary>
    public Accumulation WeightValue { get; init; } = Accumulation.Lanes16;

    /// <summary>How blocks are shared out to parts.</summary>
    public KeySplit Split { get; init; }

    /// <summary>Parts that the schedule is made for: FlashMLA's num_sm_parts. A row may get fewer.</summary>
    public int Parts { get; init; } = 1;

    /// <summary>The format that a part's output is kept in: F32 or BF16.</summary>
    public DType Partials { get; init; } = DType.F32;

    /// <summary>In which order parts are combined.</summary>
    public CombineOrder Combine { get; init; }

    /// <summary>2^x, its inverse and the division, of base 2.</summary>
    public AttentionFunctions Functions { get; init; } = AttentionFunctions.Correct;

    /// <summary>Rule N10: two passes in base e, binary32, masked keys left out.</summary>
    public static AttentionContract Canonical { get; } = new();

    /// <summary>DeepSeek-V3's inference/model.py: scores and probabilities rounded to bfloat16 at every step.</summary>
    public static AttentionContract DeepSeekInference { get; } = new() { Name = "DeepSeekInference", Scores = ScoreRounding.EveryStep, Weights = DType.BF16 };

    /// <summary>FlashMLA's dense decoding, block after block, on Hopper's matrix unit: <see cref="OnlineAttention"/>.</summary>
    public static AttentionContract FlashMlaDense { get; } = new()
    {
        Name = "FlashMlaDense",
        Schedule = AttentionSchedule.Online,
        Block = OnlineAttention.Block,
        Base = SoftmaxBase.Two,
        Scaling = ScoreScaling.AfterMaximum,
        Maximum = MaximumRule.DropsNaN,
        InitialMaximum = OnlineAttention.InitialMaximum,
        MaskValue = OnlineAttention.Masked,
        Weights = DType.BF16,
        Order = WeightOrder.Quad,
        Division = AttentionDivision.Quotient,
        Empty = EmptyRow.PositiveInfinity,
        QueryKey = Accumulation.TensorCore(TensorCores.TensorCore.HopperWgmmaBF16F32),
        WeightValue = Accumulation.TensorCore(TensorCores.TensorCore.HopperWgmmaBF16F32),
        Split = KeySplit.FlashMla,
        Combine = CombineOrder.Butterfly,
    };

    /// <summary>FlashMLA's SM90 kernel as its two warpgroups share the work: <see cref="WarpgroupAttention"/>.</summary>
    public static AttentionContract FlashMlaSm90 { get; } = FlashMlaDense with { Name = "FlashMlaSm90", Schedule = AttentionSchedule.WarpgroupPairs };

    /// <summary>The same kernel with its functions as the build has them: the bits that it gives on an H100, where <see cref="Parts"/> is its num_sm_parts.</summary>
    public static AttentionContract FlashMlaHopper { get; } = FlashMlaSm90 with { Name = "FlashMlaHopper", Functions = AttentionFunctions.HopperFastMath };

    /// <summary>All presets.</summary>
    public static IReadOnlyList<AttentionContract> Presets { get; } = [Canonical, DeepSeekInference, FlashMlaDense, FlashMlaSm90, FlashMlaHopper];

    /// <summary>The preset of that name, in any case.</summary>
    /// <exception cref="ContractException">No such preset.</exception>
    public static AttentionContract Parse(string name)
    {
        foreach (AttentionContract preset in Presets)
        {
            if (string.Equals(preset.Name, name, StringComparison.OrdinalIgnoreCase))
                return preset;
        }

        throw new ContractException($"no attention contract is named '{name}'; there are {string.Join(", ", Presets.Select(p => p.Name))}");
    }

    /// <summary>What scores are multiplied with.</summary>
    internal float Multiplier(float scale) => Base == SoftmaxBase.E ? scale : (float)(scale * Log2E);

    /// <summary>Whether both differ at most in their names, matrix units, parts and functions: what <see cref="OnlineAttention"/> and <see cref="WarpgroupAttention"/> leave open.</summary>
    internal bool IsLike(AttentionContract preset) =>
        this with { Name = preset.Name, QueryKey = preset.QueryKey, WeightValue = preset.WeightValue, Parts = preset.Parts, Functions = preset.Functions } == preset;

    /// <summary>The roundings of rule N10's definition, where the contract is one of its dialects; otherwise null.</summary>
    internal AttentionRounding? TwoPassRounding()
    {
        AttentionContract rest = this with { Name = Canonical.Name, QueryKey = Canonical.QueryKey, WeightValue = Canonical.WeightValue, Scores = default, Weights = DType.F32 };
        if (rest != Canonical || QueryKey != Accumulation.Lanes16 || WeightValue != Accumulation.Lanes16)
            return null;
        return (Scores, Weights) switch
        {
            (ScoreRounding.None, DType.F32) => AttentionRounding.None,
            (ScoreRounding.None, DType.BF16) => AttentionRounding.Probabilities,
            (ScoreRounding.EveryStep, DType.BF16) => AttentionRounding.EveryStep,
            _ => null,
        };
    }
}
