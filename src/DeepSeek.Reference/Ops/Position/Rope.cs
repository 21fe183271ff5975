using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Rotary position embedding of the last dr channels of each head; the channels before them are copied.</summary>
/// <remarks>
/// <code>
/// φ  = t · f'_i                        one rounding; t the position, f' from RopeTable
/// c  = cos φ, s = sin φ                correctly rounded functions of the binary32 φ; times magnitude unless that is 1
/// y0 = x0 c - x1 s                     as RopeRotation says, for the pair RopeLayout names
/// y1 = x0 s + x1 c
/// </code>
/// x [T, H, D], positions [T], frequencies [dr/2], y [T, H, D]; F32, or BF16 widened exactly. Rule N13. docs/spec/rope.md 3.
/// A position above 2^24 is itself rounded to binary32 first.
/// </remarks>
public static partial class Rope
{
    /// <summary>The definition: what every backend must equal, bit for bit. y may be x.</summary>
    /// <exception cref="ShapeException">The sizes do not fit together.</exception>
    public static void Define(
        ReadOnlySpan<float> x, int H, int D, ReadOnlySpan<int> positions, ReadOnlySpan<float> frequencies, RopeAttributes attributes, Span<float> y)
    {
        int T = positions.Length;
        int dr = 2 * frequencies.Length;
        RequireSizes(x, H, D, T, dr, y);
        Span<float> z = new float[dr];

        for (int t = 0; t < T; t++)
        {
            for (int h = 0; h < H; h++)
            {
                ReadOnlySpan<float> xh = x.Slice((t * H + h) * D, D);
                Span<float> yh = y.Slice((t * H + h) * D, D);
                xh[..(D - dr)].CopyTo(yh);
                xh[(D - dr)..].CopyTo(z);
                Span<float> rotated = yh[(D - dr)..];

                for (int i = 0; i < dr / 2; i++)
                {
                    float phi = positions[t] * frequencies[i];
                    (float c, float s) = CosSin(phi, attributes);
                    (int p0, int p1) = Pair(attributes.Layout, i, dr);
                    (int q0, int q1) = Place(attributes.Layout, i, dr);
                    (rotated[q0], rotated[q1]) = Rotate(attributes.Rotation, z[p0], z[p1], c, s);
                }
            }
        }
    }

    private static (float C, float S) CosSin(float phi, RopeAttributes attributes)
    {
        float c = Correct.Cos(phi);
        float s = Correct.Sin(phi);
        if (attributes.Magnitude != 1f)
        {
            c *= attributes.Magnitude;
            s *= attributes.Magnitude;
        }

        return attributes.Rotation == RopeRotation.EveryStep ? (BFloat16.RoundToFloat(c), BFloat16.RoundToFloat(s)) : (c, s);
    }

    private static (int, int) Pair(RopeLayout layout, int i, int dr) => layout == RopeLayout.Half ? (i, i + dr / 2) : (2 * i, 2 * i + 1);

    private static (int, int) Place(RopeLayout layout, int i, int dr) => layout == RopeLayout.Interleaved ? (2 * i, 2 * i + 1) : (i, i + dr / 2);

    private static (float Y0, float Y1) Rotate(RopeRotation rotation, float x0, float x1, float c, float s) => rotation switch
    {
        RopeRotation.Fused => (MathF.FusedMultiplyAdd(x0, c, -(x1 * s)), MathF.FusedMultiplyAdd(x0, s, x1 * c)),
        RopeRotation.Separate => (x0 * c - x1 * s, x0 * s + x1 * c),
        RopeRotation.EveryStep => (
            BFloat16.RoundToFloat(BFloat16.RoundToFloat(x0 * c) - BFloat16.RoundToFloat(x1 * s)),
            BFloat16.RoundToFloat(BFloat16.RoundToFloat(x0 * s) + BFloat16.RoundToFloat(x1 * c))),
        _ => throw new ContractException($"RopeRotation {rotation} is not defined"),
    };

    private static void RequireSizes(ReadOnlySpan<float> x, int H, int D, int T, int dr, Span<float> y)
    {
        if (dr > D)
            throw new ShapeException($"Rope: {dr} rotated channels in heads of {D}");
        if (x.Length != (long)T * H * D || y.Length != x.Length)
            throw new ShapeException($"Rope: {x.Length} values in and {y.Length} out for {T} positions, {H} heads of {D}");
    }
}
