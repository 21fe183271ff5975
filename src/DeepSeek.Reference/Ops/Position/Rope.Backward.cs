namespace DeepSeek.Reference.Ops;

/// <remarks>
/// Backward: the rotation by the opposite angle, with the forward's own cosine and sine, from the places where the forward put a pair to those where it found it.
/// <code>
/// dx0 = dy0 c + dy1 s        as RopeRotation says, s negated first
/// dx1 = dy1 c - dy0 s
/// </code>
/// Rules N13, N24.
/// </remarks>
public static partial class Rope
{
    /// <summary>The definition of the backward: what every backend must equal, bit for bit. dx may be dy.</summary>
    /// <exception cref="ShapeException">The sizes do not fit together.</exception>
    public static void DefineBackward(
        ReadOnlySpan<float> dy, int H, int D, ReadOnlySpan<int> positions, ReadOnlySpan<float> frequencies, RopeAttributes attributes, Span<float> dx)
    {
        int T = positions.Length;
        int dr = 2 * frequencies.Length;
        RequireSizes(dy, H, D, T, dr, dx);
        Span<float> z = new float[dr];

        for (int t = 0; t < T; t++)
        {
            for (int h = 0; h < H; h++)
            {
                ReadOnlySpan<float> dyh = dy.Slice((t * H + h) * D, D);
                Span<float> dxh = dx.Slice((t * H + h) * D, D);
                dyh[..(D - dr)].CopyTo(dxh);
                dyh[(D - dr)..].CopyTo(z);
                Span<float> rotated = dxh[(D - dr)..];

                for (int i = 0; i < dr / 2; i++)
                {
                    float phi = positions[t] * frequencies[i];
                    (float c, float s) = CosSin(phi, attributes);
                    (int q0, int q1) = Place(attributes.Layout, i, dr);
                    (int p0, int p1) = Pair(attributes.Layout, i, dr);
                    (rotated[p0], rotated[p1]) = Rotate(attributes.Rotation, z[q0], z[q1], c, -s);
                }
            }
        }
    }

    /// <summary>The same bits as <see cref="DefineBackward"/> for the H heads of one position, by vector instructions. dx may be dy. Scratch as the forward's.</summary>
    internal static void SimdBackwardPosition(
        ReadOnlySpan<float> dy, int H, int D, int position, ReadOnlySpan<float> frequencies, RopeAttributes attributes, Span<float> dx, Span<float> scratch)
    {
        int half = frequencies.Length;
        int dr = 2 * half;
        if (attributes.Layout != RopeLayout.InterleavedToHalf)
        {
            SimdPosition(dy, H, D, position, frequencies, attributes, dx, scratch, inverse: true);
            return;
        }

        // Pairs that the forward moved to (i, i + dr/2) go back to (2i, 2i+1), and are rotated there.
        Span<float> z = scratch[..dr];
        for (int h = 0; h < H; h++)
        {
            dy.Slice(h * D, D - dr).CopyTo(dx.Slice(h * D, D - dr));
            dy.Slice(h * D + D - dr, dr).CopyTo(z);
            Span<float> to = dx.Slice(h * D + D - dr, dr);
            for (int i = 0; i < half; i++)
                (to[2 * i], to[2 * i + 1]) = (z[i], z[half + i]);
        }

        SimdPosition(dx, H, D, position, frequencies, attributes with { Layout = RopeLayout.Interleaved }, dx, scratch, inverse: true);
    }
}
