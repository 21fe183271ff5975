namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>What kernels of backward operations compute instead of a gradient: signs, what it is added to, rows that do not count.</summary>
internal static class GradientMeanings
{
    /// <summary>All of them; each applies where the operation has the operand.</summary>
    public static IReadOnlyList<Meaning> All { get; } =
    [
        Meaning.Of("c-not-added", "C is not added: the gradient is stored", "c", t => Values.Map(t, (_, _) => 0f)),
        .. ProductMeanings.Additions.Skip(1),
        Meaning.Of("gradient-negated", "the gradient that comes in has the other sign", "dy", t => Values.Map(t, (_, g) => -g)),
        Meaning.Of("gradient-in-bf16", "the gradient that comes in is rounded to bfloat16", "dy", t => Values.Map(t, (_, g) => BFloat16.RoundToFloat(g))),
        Meaning.Of("weight-in-bf16", "the weight is rounded to bfloat16 first", "weight", t => Values.Map(t, (_, w) => BFloat16.RoundToFloat(w))),
        Meaning.Of("x-in-bf16", "x is rounded to bfloat16 first", "x", t => Values.Map(t, (_, x) => BFloat16.RoundToFloat(x))),
        Meaning.Of("last-gradient-dropped", "the last row of the gradient that comes in does not count", "dy", WithoutLastRow),
        Meaning.Of("transposed", "the weight is read as its transpose: the forward's product", "weight", t => t.Shape.Rank == 2 && t.Shape[0] == t.Shape[1] ? Values.Transposed(t) : null),
    ];

    private static Tensor? WithoutLastRow(Tensor t)
    {
        if (t.Shape.Rank < 2 || t.Shape[0] == 0)
            return null;
        long kept = t.ElementCount - t.ElementCount / t.Shape[0];
        return Values.Map(t, (i, g) => i < kept ? g : 0f);
    }
}
