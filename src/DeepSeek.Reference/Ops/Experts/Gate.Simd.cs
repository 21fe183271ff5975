using System.Numerics.Tensors;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

public static partial class Gate
{
    /// <summary>The same bits as <see cref="Define"/> for one token; scores by vector instructions, choices as defined. c is scratch of E values.</summary>
    /// <returns>False where the definition throws <see cref="NotANumberException"/>: the caller names the token.</returns>
    internal static bool TrySimdToken(
        ReadOnlySpan<float> logits, ReadOnlySpan<float> bias, GateAttributes attributes, Span<float> scores, Span<int> indices, Span<float> weights, Span<float> c)
    {
        if (attributes.Scoring == ScoringFunction.Softmax)
            Softmax.Simd(logits, logits.Length, scores);
        else
            Correct.Sigmoid(logits, scores);
        if (attributes.RoundsScores)
            BFloat16Spans.RoundInPlace(scores);
        if (bias.IsEmpty)
            scores.CopyTo(c);
        else
            TensorPrimitives.Add(scores, bias, c);

        if (!TryChoose(c, attributes, indices))
            return false;
        Weigh(scores, indices, attributes, weights);
        return true;
    }
}
