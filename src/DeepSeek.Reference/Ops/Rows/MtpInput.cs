namespace DeepSeek.Reference.Ops;

/// <summary>The input of the MTP module's projection: the normalised embedding of the next token and the normalised hidden state, side by side.</summary>
/// <remarks>
/// embedding [T, d], hidden [T, d], y [T, 2d]. Copies only: exact. The released weights need the embedding first; the report's equation 21 prints the
/// hidden state first. docs/spec/mtp.md 2.
/// </remarks>
public static partial class MtpInput
{
    /// <summary>The definition: what every backend must equal, bit for bit.</summary>
    /// <exception cref="ShapeException">The sizes do not fit together.</exception>
    public static void Define(ReadOnlySpan<float> embedding, ReadOnlySpan<float> hidden, int d, MtpConcat order, Span<float> y)
    {
        int T = Shape.Rows(embedding, d);
        if (hidden.Length != embedding.Length || y.Length != 2L * embedding.Length)
            throw new ShapeException($"MtpInput: embedding of {embedding.Length}, hidden of {hidden.Length} and result of {y.Length} values");
        for (int t = 0; t < T; t++)
        {
            ReadOnlySpan<float> e = embedding.Slice(t * d, d);
            ReadOnlySpan<float> h = hidden.Slice(t * d, d);
            bool embeddingFirst = order == MtpConcat.EmbeddingFirst;
            (embeddingFirst ? e : h).CopyTo(y.Slice(t * 2 * d, d));
            (embeddingFirst ? h : e).CopyTo(y.Slice(t * 2 * d + d, d));
        }
    }
}
