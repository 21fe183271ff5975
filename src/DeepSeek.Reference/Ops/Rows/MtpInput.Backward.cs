namespace DeepSeek.Reference.Ops;

/// <remarks>Backward: each half of dy goes to where it came from. Copies only: exact.</remarks>
public static partial class MtpInput
{
    /// <summary>The definition of the backward: what every backend must equal, bit for bit.</summary>
    /// <exception cref="ShapeException">The sizes do not fit together.</exception>
    public static void DefineBackward(ReadOnlySpan<float> dy, int d, MtpConcat order, Span<float> dEmbedding, Span<float> dHidden)
    {
        int T = Shape.Rows(dEmbedding, d);
        if (dHidden.Length != dEmbedding.Length || dy.Length != 2L * dEmbedding.Length)
            throw new ShapeException($"MtpInput backward: dy of {dy.Length}, dEmbedding of {dEmbedding.Length} and dHidden of {dHidden.Length} values");
        for (int t = 0; t < T; t++)
        {
            ReadOnlySpan<float> first = dy.Slice(t * 2 * d, d);
            ReadOnlySpan<float> second = dy.Slice(t * 2 * d + d, d);
            bool embeddingFirst = order == MtpConcat.EmbeddingFirst;
            (embeddingFirst ? first : second).CopyTo(dEmbedding.Slice(t * d, d));
            (embeddingFirst ? second : first).CopyTo(dHidden.Slice(t * d, d));
        }
    }
}
