namespace DeepSeek.Reference.Training;

/// <summary>What the input of a projection is, where that decides its casts.</summary>
internal enum InputRole
{
    /// <summary>Any.</summary>
    Plain,

    /// <summary>Rows dispatched to routed experts.</summary>
    Dispatched,

    /// <summary>Attention's output.</summary>
    AttentionOutput,

    /// <summary>Computed again in the backward, for Wgrad alone.</summary>
    Recomputed,
}

/// <summary>The input of projections that share it, as a recipe casts it: once for Fprop, and once more for Wgrad.</summary>
/// <remarks>
/// <code>
/// rows     x by 1 x 128, or one tensor's scale        Fprop takes them, and Wgrad's are made of them
/// cache    E5M6, attention's output                   in their place for Wgrad, and for attention's backward
/// columns  what was kept, by 128 x 1                  DeepSeek-V3 report 3.5.2
/// </code>
/// In recipes without FP8 it is x alone.
/// </remarks>
internal sealed class LinearInput
{
    private readonly Casts casts;
    private readonly string module;
    private readonly InputRole role;
    private readonly Tensor? x;
    private readonly Quantized? cache;
    private Quantized? columns;

    public LinearInput(Casts casts, Tensor x, InputRole role, string module, bool keepValues)
    {
        this.casts = casts;
        this.module = module;
        this.role = role;
        bool fp8 = casts.Precision.Recipe == PrecisionRecipe.Fp8;
        if (keepValues || !fp8 || role == InputRole.Recomputed)
            this.x = x;
        if (!fp8 || role == InputRole.Recomputed)
            return;
        (CastPoint point, Columns) = role switch
        {
            InputRole.Dispatched => (CastPoint.DispatchedInput, CastPoint.WgradDispatchedInput),
            InputRole.AttentionOutput => (CastPoint.AttentionOutputInput, CastPoint.WgradAttentionOutputInput),
            _ => (CastPoint.FpropInput, CastPoint.WgradInput),
        };
        Rows = casts.Quantize(point, x, module, "input");
        if (role == InputRole.AttentionOutput)
            cache = casts.Quantize(CastPoint.AttentionOutputCache, x, module, "input.cache");
    }

    /// <summary>Fprop's codes; null without FP8.</summary>
    public Quantized? Rows { get; }

    /// <summary>The point of Wgrad's cast.</summary>
    public CastPoint Columns { get; } = CastPoint.WgradInput;

    /// <summary>x, or what was kept of it: what the backward has.</summary>
    public Tensor Values => x ?? casts.Dequantize(cache ?? Rows!);

    /// <summary>Wgrad's codes of all rows.</summary>
    public Quantized OfWgrad() => columns ??= OfWgrad(Kept());

    /// <summary>Wgrad's codes of some rows of <see cref="Kept"/>.</summary>
    public Quantized OfWgrad(Tensor rows) => casts.Quantize(Columns, rows, module, "input.wgrad");

    /// <summary>What Wgrad's codes are made of.</summary>
    public Tensor Kept() => role == InputRole.Recomputed ? x! : casts.Dequantize(cache ?? Rows!);
}
