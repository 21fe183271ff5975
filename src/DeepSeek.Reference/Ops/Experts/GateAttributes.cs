namespace DeepSeek.Reference.Ops;

/// <summary>Attributes of <see cref="Gate"/>.</summary>
/// <param name="Scoring">Sigmoid (V3) or softmax (V2).</param>
/// <param name="Groups">Number of groups of consecutive experts, at least 1.</param>
/// <param name="KeptGroups">Number of groups an assignment may come from.</param>
/// <param name="GroupScore">How a group is scored.</param>
/// <param name="Mask">How experts of dropped groups are masked.</param>
/// <param name="Normalize">Divide the chosen scores by their sum.</param>
/// <param name="Epsilon">Added to that sum.</param>
/// <param name="Scale">routed_scaling_factor.</param>
/// <param name="Rounding">Roundings to bfloat16.</param>
public readonly record struct GateAttributes(
    ScoringFunction Scoring,
    int Groups,
    int KeptGroups,
    GroupScore GroupScore,
    GroupMask Mask,
    bool Normalize,
    float Epsilon,
    float Scale,
    GateRounding Rounding)
{
    /// <summary>Whether scores, and what is done with them before the last step, are rounded to bfloat16. Softmax is taken in binary32 and stays so: the weight alone is rounded.</summary>
    internal bool RoundsScores => Rounding == GateRounding.EveryStep && Scoring == ScoringFunction.Sigmoid;
}
