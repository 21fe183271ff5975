using System.Numerics.Tensors;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

public static partial class SwiGlu
{
    private const int Chunk = 512;

    /// <summary>The same bits as <see cref="Define"/>, by vector instructions. y may be a or b.</summary>
    internal static void Simd(ReadOnlySpan<float> a, ReadOnlySpan<float> b, SwiGluRounding rounding, Span<float> y)
    {
        RequireEqualSizes(a, b, y);
        Span<float> scratch = stackalloc float[Chunk];
        for (int i = 0; i < a.Length; i += Chunk)
        {
            int count = Math.Min(Chunk, a.Length - i);
            Span<float> s = scratch[..count];
            Correct.SiLU(a.Slice(i, count), s);
            if (rounding == SwiGluRounding.AfterSilu)
                BFloat16Spans.RoundInPlace(s);
            TensorPrimitives.Multiply(s, b.Slice(i, count), y.Slice(i, count));
        }
    }
}
