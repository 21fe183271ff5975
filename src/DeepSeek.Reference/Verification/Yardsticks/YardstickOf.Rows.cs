using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>Norms, gated activations and rotations (docs/spec/bounds.md 7).</content>
internal static partial class YardstickOf
{
    /// <summary>
    /// <code>
    /// v = Σ x² / n + ε        any order; the division may be a product with 1/n
    /// y = x · r · w           r = 1/√v; x · r rounded to bfloat16 where named
    /// </code>
    /// </summary>
    private static RowYardstick RmsNorm(RmsNormCall c, string output)
    {
        int n = Operands.Dim(c.Weight, 0);
        return new RowYardstick(output, Math.Max(1, n), row =>
        {
            double squares = 0;
            for (int k = 0; k < n; k++)
            {
                double x = ElementReader.Value(c.X, row * n + k);
                squares += x * x;
            }

            Ball sum = new Ball(squares, Roundoff.OwnSum(squares, n) + Roundoff.SingleSum(squares, squares, n));
            if (!double.IsFinite(squares))
                sum = squares;
            else if (sum.Least >= Roundoff.SingleOverflow)
                sum = double.PositiveInfinity;
            else if (sum.Most >= Roundoff.SingleOverflow)
                sum = Ball.Nothing(squares);
            Ball mean = (sum / n).Off(2 * Roundoff.Single, 1);
            Ball r = ElementFunctions.ReciprocalRoot((mean + c.Epsilon).Single());
            return k =>
            {
                Ball x = ElementReader.Value(c.X, row * n + k);
                Ball normalised = (x * r).Single();
                if (c.Rounding == RmsNormRounding.BeforeWeight)
                    normalised = normalised.BFloat16();
                return (normalised * ElementReader.Value(c.Weight, k)).Stored(c.Y.DType);
            };
        });
    }

    private static RowYardstick SwiGlu(SwiGluCall c, string output) => new(output, i =>
    {
        Ball s = ElementFunctions.SiLU(ElementReader.Value(c.Gate, i));
        if (c.Rounding == SwiGluRounding.AfterSilu)
            s = s.BFloat16();
        return (s * ElementReader.Value(c.Up, i)).Stored(c.Y.DType);
    });

    /// <summary>The angle is a binary32 product, the same bits for everyone; cosine and sine are element functions; products fused or not.</summary>
    private static RowYardstick Rope(RopeCall c, string output)
    {
        long D = c.X.Shape[2], H = c.X.Shape[1];
        int dr = 2 * Operands.Dim(c.Frequencies, 0);
        return new RowYardstick(output, Math.Max(1, D), row =>
        {
            int position = (int)ElementReader.Integer(c.Positions, row / H);
            return k => k < D - dr
                ? Roundoff.Stored(ElementReader.Value(c.X, row * D + k), 0, c.Y.DType)
                : Rotated(c, row * D + D - dr, position, dr, (int)(k - (D - dr)));
        });
    }

    private static Measurement Rotated(RopeCall c, long start, int position, int dr, int place)
    {
        bool interleaved = c.Attributes.Layout == RopeLayout.Interleaved;
        (int i, bool second) = interleaved ? (place / 2, place % 2 == 1) : (place % (dr / 2), place >= dr / 2);
        (int p0, int p1) = c.Attributes.Layout == RopeLayout.Half ? (i, i + dr / 2) : (2 * i, 2 * i + 1);
        Ball x0 = ElementReader.Value(c.X, start + p0), x1 = ElementReader.Value(c.X, start + p1);
        float phi = position * (float)ElementReader.Value(c.Frequencies, i);
        Ball cos = ElementFunctions.Cos(phi), sin = ElementFunctions.Sin(phi);
        if (c.Attributes.Magnitude != 1f)
            (cos, sin) = ((cos * c.Attributes.Magnitude).Single(), (sin * c.Attributes.Magnitude).Single());
        bool everyStep = c.Attributes.Rotation == RopeRotation.EveryStep;
        if (everyStep)
            (cos, sin) = (cos.BFloat16(), sin.BFloat16());
        Ball a = x0 * (second ? sin : cos), b = x1 * (second ? cos : sin);
        // A product that overflows by itself need not where it is fused with the addition.
        bool finite = double.IsFinite(x0.Mid) && double.IsFinite(x1.Mid);
        if (!everyStep && finite && Math.Max(a.Most, b.Most) >= Roundoff.SingleOverflow)
            return Roundoff.Nothing((a - b).Mid);
        (a, b) = (a.Single(), b.Single());
        if (everyStep)
            (a, b) = (a.BFloat16(), b.BFloat16());
        Ball y = second ? a + b : a - b;
        if (everyStep)
            y = y.BFloat16();
        return y.Stored(c.Y.DType);
    }
}
