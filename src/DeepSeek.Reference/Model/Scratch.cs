namespace DeepSeek.Reference.Model;

/// <summary>One buffer that is used again and again: tensors of any shape over the same memory, made once per shape.</summary>
/// <remarks>What was written through one shape is read through another. The buffer grows and never shrinks; contents are whatever the last user left.</remarks>
internal sealed class Scratch
{
    private const int RememberedViews = 8;
    private readonly Tensor?[] views = new Tensor?[RememberedViews];
    private int next;
    private Tensor? buffer;

    /// <summary>The buffer as a tensor of this dtype and shape.</summary>
    public Tensor Get(DType dtype, params ReadOnlySpan<long> shape)
    {
        foreach (Tensor? view in views)
        {
            if (view is not null && view.DType == dtype && view.Shape.Dimensions.SequenceEqual(shape))
                return view;
        }

        long count = 1;
        foreach (long d in shape)
            count *= d;
        if (buffer is null || buffer.DType != dtype || buffer.ElementCount < count)
        {
            buffer = new Tensor(dtype, count);
            Array.Clear(views);
        }

        Tensor made = buffer.Rows(0, count).Reshape(shape);
        views[next] = made;
        next = (next + 1) % RememberedViews;
        return made;
    }
}
