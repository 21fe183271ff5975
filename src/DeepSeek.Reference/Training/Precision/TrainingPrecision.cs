using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Training;

/// <summary>The arithmetics of a training step.</summary>
public enum PrecisionRecipe
{
    /// <summary>binary32 throughout.</summary>
    Fp32,

    /// <summary>bfloat16 weights, activations and gradients of activations; sums, gradients of weights and masters in binary32.</summary>
    BF16,

    /// <summary>As <see cref="BF16"/>, with the products of projections on E4M3 codes: DeepSeek-V3 report 3.3.</summary>
    Fp8,
}

/// <summary>Which elements share a scale in FP8 products.</summary>
public enum Fp8Scaling
{
    /// <summary>1 x 128 of activations and gradients, 128 x 1 for Wgrad, 128 x 128 of weights: DeepSeek-V3 report 3.3.2.</summary>
    Tiles,

    /// <summary>One scale a tensor, for contrast.</summary>
    Tensor,
}

/// <summary>What a training step rounds, where, and how its FP8 products are added up.</summary>
/// <remarks>
/// A recipe is data: <see cref="FormatOf"/> says for each <see cref="CastPoint"/> what is written there. Carriers are binary32 tensors whose values the formats hold.
/// Sums outside FP8 products follow the model's contract, or <see cref="BFloat16Sums"/>. DeepSeek-V3 report 3.3, figure 6; docs/spec/training-precision.md.
/// </remarks>
public sealed record TrainingPrecision
{
    private readonly Dictionary<CastPoint, CastFormat>? altered;

    private TrainingPrecision(PrecisionRecipe recipe) => Recipe = recipe;

    /// <summary>binary32 throughout.</summary>
    public static TrainingPrecision Fp32 { get; } = new(PrecisionRecipe.Fp32);

    /// <summary>bfloat16.</summary>
    public static TrainingPrecision BF16 { get; } = new(PrecisionRecipe.BF16) { Recompute = true };

    /// <summary>FP8 as the report has it: scales of tiles, Hopper's unit promoted every 128 products.</summary>
    public static TrainingPrecision Fp8 { get; } = new(PrecisionRecipe.Fp8) { Recompute = true, Product = ScaledProduct.DeepGemmSm90 };

    /// <summary>How FP8 products may be added up, by the names of train.json.</summary>
    internal static (string Name, ScaledProduct Product)[] Products { get; } =
    [
        ("hopper", ScaledProduct.DeepGemmSm90),
        ("hopper-without-promotion", ScaledProduct.HopperWithoutPromotion),
        ("exact", ScaledProduct.TorchReexpression),
        ("lanes16", ScaledProduct.TorchReexpression with { Name = "lanes16", Block = Accumulation.Lanes16 }),
    ];

    /// <summary>How products of bfloat16 values may be added up, by the names of train.json; null is the model's contract.</summary>
    internal static (string Name, Accumulation? Sums)[] WideSums { get; } =
    [
        ("contract", null),
        ("hopper", Accumulation.TensorCore(TensorCore.HopperWgmmaBF16F32)),
        ("exact", Accumulation.Exact),
    ];

    /// <summary>The arithmetic.</summary>
    public PrecisionRecipe Recipe { get; }

    /// <summary>fp32, bf16 or fp8.</summary>
    public string Name => Recipe switch { PrecisionRecipe.Fp32 => "fp32", PrecisionRecipe.BF16 => "bf16", _ => "fp8" };

    /// <summary>How FP8 products are added up; without a meaning in other recipes.</summary>
    public ScaledProduct Product { get; init; } = ScaledProduct.DeepGemmSm90;

    /// <summary>
    /// How products of bfloat16 values are added up: those of projections under bf16, of head, gate and eh_proj under both. Null takes the model's contract; a matrix unit of bfloat16 is
    /// Hopper's <see cref="TensorCore.HopperWgmmaBF16F32"/> or another's. Without a meaning in fp32. Attention's sums stay the contract's.
    /// </summary>
    public Accumulation? BFloat16Sums { get; init; }

    /// <summary>Which elements share a scale in FP8 products.</summary>
    public Fp8Scaling Scaling { get; init; }

    /// <summary>Whether norms, MLA's up-projections and experts' SwiGLU are computed again in the backward instead of kept (report 3.2.3). Changes no bit.</summary>
    public bool Recompute { get; init; }

    /// <summary>The recipe of a name.</summary>
    /// <exception cref="ContractException">No recipe has it.</exception>
    public static TrainingPrecision Parse(string name) => name switch
    {
        "fp32" => Fp32,
        "bf16" => BF16,
        "fp8" => Fp8,
        _ => throw new ContractException($"no precision is named '{name}'; take fp32, bf16 or fp8"),
    };

    /// <summary>What is written at a point.</summary>
    public CastFormat FormatOf(CastPoint point)
    {
        if (altered is not null && altered.TryGetValue(point, out CastFormat other))
            return other;
        if (Recipe == PrecisionRecipe.Fp32)
            return CastFormat.None;
        if (point < CastPoint.FpropWeight)
            return CastFormat.BF16;
        if (Recipe == PrecisionRecipe.BF16)
            return CastFormat.None;
        CastFormat format = OfTiles(point);
        bool cached = point is CastPoint.AttentionOutputCache or CastPoint.SwiGluInputCache;
        return Scaling == Fp8Scaling.Tiles || cached ? format : format with { Tile = QuantizationTile.PerTensor };
    }

    /// <summary>Throws for parts that do not fit together.</summary>
    /// <exception cref="ContractException">What is wrong, and what to take.</exception>
    internal void Require()
    {
        Operands.RequireDefined(Scaling);
        Product.Require();
        if (BFloat16Sums is { } sums)
            RequireWide(sums);
        if (Recipe != PrecisionRecipe.Fp8)
            return;
        if (Product.Order == ScaleOrder.InTheSum)
            throw new ContractException($"{Product} adds power-of-two scales inside its sum, and the recipe's scales are any; take {ScaledProduct.DeepGemmSm90}");
        if (Product.Promotion == 0 && Scaling == Fp8Scaling.Tiles)
            throw new ContractException($"{Product} never leaves the unit's accumulator, so that scales of tiles cannot enter; take fp8.scales tensor, or an accumulation with promotion");
    }

    private void RequireWide(Accumulation sums)
    {
        sums.Require();
        if (Recipe == PrecisionRecipe.Fp32)
            throw new ContractException($"{sums} is for products of bfloat16 values, and fp32 has none; take bf16 or fp8, or leave the sums to the contract");
        if (sums.Unit is not null && !LinearShape.Offers(Operation.Linear, sums))
            throw new ContractException($"{sums.Unit} does not multiply bfloat16 into binary32 without scales; take a unit such as {TensorCore.HopperWgmmaBF16F32}");
    }

    /// <summary>The same with another cast at one point.</summary>
    internal TrainingPrecision With(CastPoint point, CastFormat format) => new(this, new(altered ?? []) { [point] = format });

    private TrainingPrecision(TrainingPrecision of, Dictionary<CastPoint, CastFormat> altered)
        : this(of)
    {
        this.altered = altered;
    }

    private static CastFormat OfTiles(CastPoint point) => point switch
    {
        CastPoint.FpropWeight => CastFormat.E4M3(QuantizationTile.Block128x128),
        CastPoint.FpropInput or CastPoint.DgradGradient => CastFormat.E4M3(QuantizationTile.Row1x128),
        CastPoint.DispatchedInput or CastPoint.AttentionOutputInput or CastPoint.DispatchedGradient => CastFormat.E4M3(QuantizationTile.Row1x128, ScaleFormat.UE8M0),
        CastPoint.WgradGradient or CastPoint.WgradInput => CastFormat.E4M3(QuantizationTile.Column128x1),
        CastPoint.WgradDispatchedGradient or CastPoint.WgradDispatchedInput or CastPoint.WgradAttentionOutputInput => CastFormat.E4M3(QuantizationTile.Column128x1, ScaleFormat.UE8M0),
        CastPoint.AttentionOutputCache => CastFormat.E5M6(QuantizationTile.Row1x128),
        CastPoint.SwiGluInputCache => CastFormat.E4M3(QuantizationTile.Row1x128),
        _ => throw new ContractException($"cast point {point} is not defined; take one of {string.Join(", ", Enum.GetNames<CastPoint>())}"),
    };
}
