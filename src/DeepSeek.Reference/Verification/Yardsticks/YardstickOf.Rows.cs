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
            Ball r = ReciprocalRootOf(c.X, row, n, c.Epsilon);
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
    private static RowYardstick Rope(RopeCall c, string output) => Rope(c.X, c.Positions, c.Frequencies, c.Attributes, c.Y.DType, inverse: false, output);

    /// <summary>The same by the opposite angle, from where the forward put a pair to where it found it.</summary>
    private static RowYardstick Rope(RopeBackwardCall c, string output) => Rope(c.Dy, c.Positions, c.Frequencies, c.Attributes, DType.F32, inverse: true, output);

    private static RowYardstick Rope(Tensor x, Tensor positions, Tensor frequencies, RopeAttributes attributes, DType y, bool inverse, string output)
    {
        long D = x.Shape[2], H = x.Shape[1];
        int dr = 2 * Operands.Dim(frequencies, 0);
        return new RowYardstick(output, Math.Max(1, D), row =>
        {
            int position = (int)ElementReader.Integer(positions, row / H);
            return k => k < D - dr
                ? Roundoff.Stored(ElementReader.Value(x, row * D + k), 0, y)
                : Rotated(x, frequencies, attributes, y, inverse, row * D + D - dr, position, (int)(k - (D - dr)));
        });
    }

    private static Measurement Rotated(Tensor x, Tensor frequencies, RopeAttributes attributes, DType output, bool inverse, long start, int position, int place)
    {
        int dr = 2 * Operands.Dim(frequencies, 0);
        bool interleaved = attributes.Layout == RopeLayout.Interleaved, half = attributes.Layout == RopeLayout.Half;
        bool toPairs = inverse ? !half : interleaved, fromHalves = inverse ? !interleaved : half;
        (int i, bool second) = toPairs ? (place / 2, place % 2 == 1) : (place % (dr / 2), place >= dr / 2);
        (int p0, int p1) = fromHalves ? (i, i + dr / 2) : (2 * i, 2 * i + 1);
        Ball x0 = ElementReader.Value(x, start + p0), x1 = ElementReader.Value(x, start + p1);
        float phi = position * (float)ElementReader.Value(frequencies, i);
        Ball cos = ElementFunctions.Cos(phi), sin = ElementFunctions.Sin(phi);
        if (inverse)
            sin = -sin;
        if (attributes.Magnitude != 1f)
            (cos, sin) = ((cos * attributes.Magnitude).Single(), (sin * attributes.Magnitude).Single());
        bool everyStep = attributes.Rotation == RopeRotation.EveryStep;
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
        return y.Stored(output);
    }
}
