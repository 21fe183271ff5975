namespace DeepSeek.Reference.Model;

/// <summary>Which class of DeepSeek's demo a projection is; of numeric weight because the demo gives <c>scale_fmt</c> to one of them alone.</summary>
internal enum LinearKind
{
    /// <summary>Linear: q_a_proj, kv_a_proj_with_mqa, and the three of a routed expert.</summary>
    Replicated,

    /// <summary>ColumnParallelLinear or RowParallelLinear: q_proj, q_b_proj, kv_b_proj, o_proj, dense MLPs and shared experts.</summary>
    Parallel,
}

/// <summary>The weight of a projection, [out, in]: F32 or BF16, or F8_E4M3 beside a binary32 scale for each block of 128 x 128.</summary>
internal sealed class Projection
{
    public Projection(string name, Tensor weight, Tensor? scale, LinearKind kind)
    {
        Name = name;
        Weight = weight;
        Scale = scale;
        Kind = kind;
    }

    /// <summary>The checkpoint's name.</summary>
    public string Name { get; }

    /// <summary>The weight as the checkpoint stores it, [out, in].</summary>
    public Tensor Weight { get; }

    /// <summary>weight_scale_inv, F32 [⌈out/128⌉, ⌈in/128⌉]; null where the weight is not FP8.</summary>
    public Tensor? Scale { get; }

    /// <summary>The demo's class.</summary>
    public LinearKind Kind { get; }

    /// <summary>In-features.</summary>
    public long In => Weight.Shape[1];

    /// <summary>The dequantised weight, where the model keeps it.</summary>
    public Tensor? Kept { get; set; }
}

/// <summary>The same projection of every expert of a layer.</summary>
internal sealed class ProjectionGroup
{
    public ProjectionGroup(Projection[] experts)
    {
        Experts = experts;
        Weights = Array.ConvertAll(experts, e => e.Weight);
        IsPlain = Array.TrueForAll(experts, e => e.Scale is null);
        if (Array.TrueForAll(experts, e => e.Scale is not null))
            Scales = Array.ConvertAll(experts, e => e.Scale!);
    }

    /// <summary>One projection an expert.</summary>
    public Projection[] Experts { get; }

    /// <summary>Their weights.</summary>
    public Tensor[] Weights { get; }

    /// <summary>Their scales, where all of them are FP8.</summary>
    public Tensor[]? Scales { get; }

    /// <summary>Whether none is FP8.</summary>
    public bool IsPlain { get; }

    /// <summary>The weights of the experts that have rows, dequantised; one that has none gets another's, which is never read.</summary>
    public Tensor[] Dense(ReadOnlySpan<int> offsets, Func<Projection, Tensor> dense)
    {
        var all = new Tensor?[Experts.Length];
        Tensor? any = null;
        for (int e = 0; e < all.Length; e++)
        {
            if (offsets[e] < offsets[e + 1])
                any = all[e] = dense(Experts[e]);
        }

        any ??= dense(Experts[0]);
        return Array.ConvertAll(all, t => t ?? any);
    }
}
