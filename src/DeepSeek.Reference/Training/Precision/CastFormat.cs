using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Training;

/// <summary>What a cast writes.</summary>
public enum CastKind
{
    /// <summary>Nothing is rounded.</summary>
    None,

    /// <summary>bfloat16, to nearest even.</summary>
    BF16,

    /// <summary>E4M3 codes with a scale for each tile (rule N19).</summary>
    E4M3,

    /// <summary>E5M6 codes with a scale for each tile (rule N19).</summary>
    E5M6,
}

/// <summary>A cast: the format, and for codes which elements share a scale of which kind.</summary>
/// <param name="Kind">What is written.</param>
/// <param name="Tile">Which elements share a scale.</param>
/// <param name="Scales">Any scale, or powers of two.</param>
public readonly record struct CastFormat(CastKind Kind, QuantizationTile Tile = default, ScaleFormat Scales = default)
{
    /// <summary>Nothing is rounded.</summary>
    public static CastFormat None => default;

    /// <summary>bfloat16, to nearest even.</summary>
    public static CastFormat BF16 => new(CastKind.BF16);

    /// <summary>E4M3 with scales of these tiles.</summary>
    public static CastFormat E4M3(QuantizationTile tile, ScaleFormat scales = ScaleFormat.F32) => new(CastKind.E4M3, tile, scales);

    /// <summary>E5M6 with power-of-two scales of these tiles.</summary>
    public static CastFormat E5M6(QuantizationTile tile) => new(CastKind.E5M6, tile, ScaleFormat.UE8M0);

    /// <inheritdoc/>
    public override string ToString() => Kind is CastKind.None or CastKind.BF16 ? Kind.ToString() : $"{Kind} {Tile} {Scales}";
}

/// <summary>A cast that was done.</summary>
/// <param name="Name">Module and tensor, such as <c>model.layers.0.self_attn.q_a_proj.input</c>.</param>
/// <param name="Point">Which of the recipe's casts.</param>
/// <param name="Format">What was written.</param>
/// <param name="Shape">Of what was cast.</param>
public readonly record struct CastRecord(string Name, CastPoint Point, CastFormat Format, Shape Shape);
