namespace DeepSeek.Reference;

/// <summary>One tensor of a model's checkpoint, as its config says it must be.</summary>
/// <param name="Name">The checkpoint's name.</param>
/// <param name="DType">Element type on disk.</param>
/// <param name="Shape">Dimensions; of a projection [out, in].</param>
public sealed record Parameter(string Name, DType DType, Shape Shape)
{
    /// <summary>The layer it belongs to; null for embedding, final norm and head.</summary>
    public int? Layer { get; init; }

    /// <summary>The routed expert it belongs to.</summary>
    public int? Expert { get; init; }

    /// <summary>Whether it belongs to an MTP module.</summary>
    public bool IsMtp { get; init; }

    /// <summary>Whether it repeats the main embedding or head; a checkpoint may leave it out.</summary>
    public bool IsDuplicate { get; init; }

    /// <summary>Whether it is the <c>weight_scale_inv</c> of an FP8 weight; scales are no parameters in the counts.</summary>
    public bool IsScale { get; init; }

    /// <summary>Number of elements.</summary>
    public long ElementCount => Shape.ElementCount;

    /// <summary>Bytes on disk.</summary>
    public long ByteCount => DType.ByteCount(ElementCount);
}
