namespace DeepSeek.Reference;

/// <summary>What a safetensors header says of one tensor.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Dimensions, outermost first; row-major.</param>
/// <param name="Begin">First byte, counted from the start of the file's data part.</param>
/// <param name="End">One past the last byte, counted likewise.</param>
/// <param name="FileOffset">First byte, counted from the start of the file.</param>
public sealed record TensorEntry(string Name, DType DType, Shape Shape, long Begin, long End, long FileOffset)
{
    /// <summary>Bytes the tensor takes.</summary>
    public long ByteCount => End - Begin;

    /// <summary>For example <c>model.norm.weight BF16 [7168]</c>.</summary>
    public override string ToString() => $"{Name} {DType.Name()} {Shape}";
}
