namespace DeepSeek.Reference.Ops;

/// <summary>Attributes of <see cref="Attention"/>.</summary>
/// <param name="Scale">Multiplied with each score, one rounding; for V3 192^-0.5 · m² (never 576^-0.5).</param>
/// <param name="FirstPosition">Position of query 0 among the keys: query i sees keys j ≤ FirstPosition + i.</param>
/// <param name="Rounding">Roundings to bfloat16.</param>
/// <param name="ScoreSplit">0: one sum over all D channels. Otherwise, under <see cref="AttentionRounding.EveryStep"/>, the first ScoreSplit channels and the rest are two sums, each rounded, then added (the demo's two einsums in absorbed form).</param>
/// <param name="Accumulation">Accumulation of scores and of P·V.</param>
public readonly record struct AttentionAttributes(float Scale, int FirstPosition, AttentionRounding Rounding, int ScoreSplit, Accumulation Accumulation);
