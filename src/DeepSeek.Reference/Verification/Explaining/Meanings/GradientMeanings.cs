using DeepSeek.Reference.Backends;

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
        Meaning.Of("gradient-in-bf16", "the gradient that comes in is rounded to bfloat16", "dy", Rounded),
        Meaning.Of("weight-in-bf16", "the weight is rounded to bfloat16 first", "weight", Rounded),
        Meaning.Of("x-in-bf16", "x is rounded to bfloat16 first", "x", Rounded),
        new("operands-in-bf16", "every operand is rounded to bfloat16 first, but not what is added to", Narrowed),
        Meaning.Of("last-gradient-dropped", "the last row of the gradient that comes in does not count", "dy", WithoutLastRow),
        Meaning.Of("transposed", "the weight is read as its transpose: the forward's product", "weight", t => t.Shape.Rank == 2 && t.Shape[0] == t.Shape[1] ? Values.Transposed(t) : null),
    ];

    /// <summary>The operands of binary32 that are data: not C, nor what the forward's statistics are.</summary>
    private static OperationCall? Narrowed(OperationCall call)
    {
        int changed = 0;
        OperationCall narrowed = call.Replace(o =>
        {
            if (o.Role != OperandRole.Input || o.Tensor.DType != DType.F32 || o.Name == "c" || o.Name.StartsWith("c.", StringComparison.Ordinal) || o.Name is "log_sum_exp" or "frequencies" || Rounded(o.Tensor) is not { } t)
                return o.Tensor;
            changed++;
            return t;
        });
        // One operand alone has a name of its own.
        return changed > 1 ? narrowed : null;
    }

    /// <summary>In bfloat16; null where it is so already.</summary>
    private static Tensor? Rounded(Tensor t)
    {
        if (t.DType != DType.F32)
            return null;
        bool same = true;
        foreach (float value in t.AsReadOnlySpan<float>())
            same &= BFloat16.RoundToFloat(value).Equals(value);
        return same ? null : Values.Map(t, (_, v) => BFloat16.RoundToFloat(v));
    }

    private static Tensor? WithoutLastRow(Tensor t)
    {
        if (t.Shape.Rank < 2 || t.Shape[0] == 0)
            return null;
        long kept = t.ElementCount - t.ElementCount / t.Shape[0];
        return Values.Map(t, (i, g) => i < kept ? g : 0f);
    }
}
