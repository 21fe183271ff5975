using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <content>Softmax and its logarithm (docs/spec/bounds.md 8).</content>
internal static partial class YardstickOf
{
    private static RowYardstick Softmax(SoftmaxCall c, string output)
    {
        long n = c.X.Shape[1];
        return new RowYardstick(output, Math.Max(1, n), row =>
        {
            SoftmaxRow s = RowOf(c.X, row, (int)n);
            return k => Probability(s, (int)k).Stored(c.Y.DType);
        });
    }

    private static RowYardstick LogSoftmax(LogSoftmaxCall c, string output)
    {
        long n = c.X.Shape[1];
        return new RowYardstick(output, Math.Max(1, n), row =>
        {
            SoftmaxRow s = RowOf(c.X, row, (int)n);
            if (!double.IsFinite(s.Max))
                return _ => new Measurement(s.Max, 0);
            Ball log = ElementFunctions.Log(s.Sum);
            return k =>
            {
                double x = ElementReader.Value(c.X, row * n + k);
                if (double.IsNegativeInfinity(x))
                    return new Measurement(x, 0);
                // (x - m) - log s, or x - (m + log s).
                Ball l = ((Ball)x - s.Max - log).Plus(Roundoff.Single * Math.Max(Math.Abs(x - s.Max), Math.Abs(s.Max) + log.Most));
                return l.Stored(c.Y.DType);
            };
        });
    }

    /// <summary>e_j / s.</summary>
    private static Ball Probability(SoftmaxRow s, int j)
    {
        if (s.IsFree)
            return Ball.Nothing(double.NaN);
        if (double.IsNaN(s.Max))
            return double.NaN;
        return double.IsNegativeInfinity(s.Max) ? 0 : ElementFunctions.Quotient32(new Ball(s.E[j], s.Off[j] + s.E[j] * s.Rescaling), s.Sum);
    }

    private static SoftmaxRow RowOf(Tensor x, long row, int n)
    {
        var scores = new Ball[n];
        for (int k = 0; k < n; k++)
            scores[k] = ElementReader.Value(x, row * n + k);
        return SoftmaxRow.Of(scores, (sum, magnitude, terms) => Roundoff.SingleSum(sum, magnitude, terms));
    }
}
