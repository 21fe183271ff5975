using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>The gate's scores and weights, and the combination of experts (docs/spec/bounds.md 9).</content>
internal static partial class YardstickOf
{
    /// <summary>Scores from the logits.</summary>
    private static RowYardstick GateScores(GateCall c, string output)
    {
        long E = c.Logits.Shape[1];
        return new RowYardstick(output, Math.Max(1, E), row =>
        {
            SoftmaxRow? s = c.Attributes.Scoring == ScoringFunction.Softmax ? RowOf(c.Logits, row, (int)E) : null;
            return e =>
            {
                Ball score = s is not null ? Probability(s, (int)e) : ElementFunctions.Sigmoid(ElementReader.Value(c.Logits, row * E + e));
                return (c.Attributes.RoundsScores ? score.BFloat16() : score).Stored(c.Scores.DType);
            };
        });
    }

    /// <summary>Weights from the scores and indices that stand in the call: Σ in any order, then each step that the gate's rounding names.</summary>
    private static RowYardstick GateWeights(GateCall c, string output)
    {
        long E = c.Logits.Shape[1];
        int K = Operands.Dim(c.Indices, 1);
        bool steps = c.Attributes.RoundsScores;
        Ball Rounded(Ball x) => steps ? x.BFloat16() : x.Single();
        return new RowYardstick(output, Math.Max(1, K), row =>
        {
            var chosen = new Ball[K];
            double sum = 0, magnitude = 0, radius = 0;
            for (int k = 0; k < K; k++)
            {
                long e = (long)ElementReader.Integer(c.Indices, row * K + k);
                chosen[k] = e < 0 || e >= E ? Ball.Nothing(double.NaN) : Score(c, row * E + e);
                sum += chosen[k].Mid;
                magnitude += Math.Abs(chosen[k].Mid);
                radius += chosen[k].Radius;
            }

            // Additions alone: no products are rounded.
            Ball total = new Ball(sum, double.IsFinite(sum) ? radius + (magnitude + radius) * Roundoff.Growth(K - 1, Roundoff.Single) + Roundoff.OwnSum(magnitude, K) : radius);
            total = Rounded((steps ? total.BFloat16() : total) + c.Attributes.Epsilon);
            return k =>
            {
                Ball share = chosen[k];
                if (c.Attributes.Normalize)
                {
                    share = ElementFunctions.Quotient32(share, total);
                    share = steps ? share.BFloat16() : share;
                }

                Ball w = share * c.Attributes.Scale;
                return (c.Attributes.Rounding == GateRounding.EveryStep ? w.BFloat16() : w).Stored(c.Weights.DType);
            };
        });
    }

    /// <summary>A score of the candidate's. Where it kept it in fewer bits than it may have weighed it with, the ball holds what it stands for.</summary>
    private static Ball Score(GateCall c, long i)
    {
        Ball score = ElementReader.Value(c.Scores, i);
        return c.Scores.DType == DType.BF16 && !c.Attributes.RoundsScores ? score.Off(Roundoff.BFloat16).Plus(Roundoff.BFloat16Underflow) : score;
    }

    /// <summary>
    /// Σ w o and the shared expert's output: in binary32 in any order, products fused or not; where every step is rounded to bfloat16, in the declared order, which
    /// is then part of what is computed.
    /// </summary>
    private static RowYardstick Combine(CombineCall c, string output)
    {
        int K = c.Plan.Slots;
        long d = c.Y.Shape[1];
        return new RowYardstick(output, Math.Max(1, d), t =>
        {
            (long Row, double Weight)[] terms =
            [
                .. Enumerable.Range(0, K).Select(slot => (Row: (long)c.Plan.RowOf[(int)t * K + slot], Weight: ElementReader.Value(c.Weights, t * K + slot)))
                    .Where(term => term.Row >= 0).OrderBy(term => term.Row),
            ];
            return k =>
            {
                Ball? shared = c.Shared is null ? null : ElementReader.Value(c.Shared, t * d + k);
                if (c.Rounding == CombineRounding.EveryStep)
                {
                    Ball y = 0;
                    foreach ((long row, double weight) in terms)
                        y = (y + ((Ball)weight * ElementReader.Value(c.ExpertOutputs, row * d + k)).BFloat16()).BFloat16();
                    return shared is { } z ? (y + z).Stored(c.Y.DType) : y.Stored(c.Y.DType);
                }

                double sum = 0, magnitude = 0;
                foreach ((long row, double weight) in terms)
                {
                    double p = weight * ElementReader.Value(c.ExpertOutputs, row * d + k);
                    sum += p;
                    magnitude += Math.Abs(p);
                }

                return Combined(sum, magnitude, terms.Length, c.Rounding, shared, c.Y.DType);
            };
        });
    }

    private static Measurement Combined(double sum, double magnitude, int terms, CombineRounding rounding, Ball? shared, DType output)
    {
        if (!double.IsFinite(sum))
            return !double.IsNaN(sum) && shared is { } other && !double.IsFinite(other.Mid) ? (sum + other).Stored(output)
                : double.IsNaN(sum) ? new Measurement(sum, 0) : Roundoff.Nothing(sum);
        double own = Roundoff.OwnSum(magnitude, terms + 1);
        if (rounding == CombineRounding.SeparateThenRound)
        {
            double error = own + Roundoff.SingleSum(sum, magnitude, terms);
            Ball y = Roundoff.LargestPartial(sum, magnitude) + error >= Roundoff.SingleOverflow ? Ball.Nothing(sum) : new Ball(sum, error).BFloat16();
            return (shared is { } z ? y + z : y).Stored(output);
        }

        if (shared is { } start && !double.IsFinite(start.Mid))
            return magnitude < Roundoff.SingleOverflow / 2 ? new Measurement(start.Mid, 0) : Roundoff.Nothing(start.Mid);
        double exact = sum + (shared?.Mid ?? 0), size = magnitude + Math.Abs(shared?.Mid ?? 0);
        return Roundoff.OfSingle(
            exact, own + Roundoff.SingleSum(exact, size, terms + (shared is null ? 0 : 1)), Roundoff.LargestPartial(exact, size), (size - Math.Abs(exact)) / 2, output);
    }
}
