namespace DeepSeek.Reference.Layouts;

/// <summary>What a kernel finds in memory: the tensor that a layout's bytes are, with its strides, as DLPack would describe it.</summary>
/// <param name="DType">Type of the stored elements: I32 for four packed E8M0 scales, U8 for rows of an FP8 cache, else the tensor's own.</param>
/// <param name="Shape">Dimensions, outermost first; padding at their ends is left out.</param>
/// <param name="Strides">Elements between neighbours along each dimension.</param>
/// <param name="ByteOffset">Where the first element stands.</param>
/// <param name="ByteCount">All bytes, padding before, between and after the elements included.</param>
public sealed record StoredForm(DType DType, Shape Shape, IReadOnlyList<long> Strides, long ByteOffset, long ByteCount)
{
    /// <summary>For example <c>F32 [13, 7] strides 1:16, 448 bytes</c>.</summary>
    public override string ToString() =>
        $"{DType.Name()} {Shape} strides {LayoutText.Join(Strides)}{(ByteOffset == 0 ? "" : $" from byte {ByteOffset}")}, {ByteCount} bytes";
}
