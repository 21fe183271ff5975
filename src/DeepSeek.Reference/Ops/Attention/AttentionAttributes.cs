namespace DeepSeek.Reference.Ops;

/// <summary>Attributes of <see cref="Attention"/>.</summary>
/// <param name="Scale">Multiplied with each score, one rounding; for V3 192^-0.5 · m² (never 576^-0.5).</param>
/// <param name="FirstPosition">Position of query 0 among the keys: query i sees keys j ≤ FirstPosition + i.</param>
/// <param name="Rounding">Roundings to bfloat16.</param>
/// <param name="ScoreSplit">0: one sum over all D channels. Otherwise, under <see cref="AttentionRounding.EveryStep"/>, the first ScoreSplit channels and the rest are two sums, each rounded, then added (the demo's two einsums in absorbed form).</param>
/// <param name="Accumulation">Accumulation of scores and of P·V.</param>
/// <param name="Contract">Null: rule N10, by Rounding and Accumulation. Otherwise rule N23: the contract says both, and they stay None and Lanes16.</param>
public readonly record struct AttentionAttributes(
    float Scale, int FirstPosition, AttentionRounding Rounding, int ScoreSplit, Accumulation Accumulation, AttentionContract? Contract = null)
{
    /// <summary>Attention under a contract.</summary>
    public AttentionAttributes(float scale, int firstPosition, AttentionContract contract)
        : this(scale, firstPosition, AttentionRounding.None, 0, Accumulation.Lanes16, contract) { }

    /// <summary>Rule N10's attributes where the contract is one of its dialects, so that its twin may be taken.</summary>
    internal AttentionAttributes Resolved() => Contract?.TwoPassRounding() is { } rounding ? this with { Rounding = rounding, Contract = null } : this;
}
