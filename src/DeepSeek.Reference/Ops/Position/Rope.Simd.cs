using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

// The twin works from tables of one position: P = (c, s) and Q = (-s, c), so that both results of every pair are x0 P + x1 Q with the roundings of the
// definition: negation is exact, a - b is a + (-b), and addition commutes.
public static partial class Rope
{
    /// <summary>Floats of scratch that <see cref="SimdPosition"/> needs for dr rotated channels.</summary>
    internal static int ScratchFor(int dr) => 5 * dr;

    /// <summary>The same bits as <see cref="Define"/> for the H heads of one position, by vector instructions, or of the rotation by the opposite angle. y may be x.</summary>
    internal static void SimdPosition(
        ReadOnlySpan<float> x, int H, int D, int position, ReadOnlySpan<float> frequencies, RopeAttributes attributes, Span<float> y, Span<float> scratch,
        bool inverse = false)
    {
        int half = frequencies.Length;
        int dr = 2 * half;
        RequireSizes(x, H, D, 1, dr, y);
        Span<float> c = scratch.Slice(0, half);
        Span<float> s = scratch.Slice(half, half);
        CosSinTable(position, frequencies, attributes, c, s);
        if (inverse)
            TensorPrimitives.Negate(s, s);

        Span<float> p = scratch.Slice(dr, dr);
        Span<float> q = scratch.Slice(2 * dr, dr);
        bool interleaved = attributes.Layout == RopeLayout.Interleaved;
        for (int i = 0; i < half; i++)
        {
            int a = interleaved ? 2 * i : i;
            int b = interleaved ? 2 * i + 1 : half + i;
            (p[a], p[b]) = (c[i], s[i]);
            (q[a], q[b]) = (-s[i], c[i]);
        }

        bool copy = D > dr && !Unsafe.AreSame(ref MemoryMarshal.GetReference(x), ref MemoryMarshal.GetReference(y));
        bool fused = interleaved && attributes.Rotation == RopeRotation.Fused;
        Span<float> x0 = scratch.Slice(3 * dr, dr);
        Span<float> x1 = scratch.Slice(4 * dr, dr);
        for (int h = 0; h < H; h++)
        {
            ReadOnlySpan<float> xh = x.Slice(h * D, D);
            Span<float> yh = y.Slice(h * D, D);
            if (copy)
                xh[..(D - dr)].CopyTo(yh);
            if (fused)
            {
                FuseInterleaved(xh[(D - dr)..], p, q, yh[(D - dr)..]);
            }
            else
            {
                Spread(xh[(D - dr)..], attributes.Layout, x0, x1);
                Rotate(attributes.Rotation, x0, x1, p, q, yh[(D - dr)..]);
            }
        }
    }

    /// <summary>The canonical case in registers: y = fma(x0, P, x1 Q) over pairs that stay where they are.</summary>
    private static void FuseInterleaved(ReadOnlySpan<float> z, ReadOnlySpan<float> p, ReadOnlySpan<float> q, Span<float> y)
    {
        ref float from = ref MemoryMarshal.GetReference(z);
        ref float pp = ref MemoryMarshal.GetReference(p);
        ref float qq = ref MemoryMarshal.GetReference(q);
        ref float to = ref MemoryMarshal.GetReference(y);
        nuint i = 0;
        nuint n = (nuint)z.Length;
        if (Isa.Has512)
        {
            for (; i + 16 <= n; i += 16)
            {
                Vector512<float> v = Vector512.LoadUnsafe(ref from, i);
                Vector512<float> x0 = Vector512.Shuffle(v, Vector512.Create(0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14));
                Vector512<float> x1 = Vector512.Shuffle(v, Vector512.Create(1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15));
                Vector512.FusedMultiplyAdd(x0, Vector512.LoadUnsafe(ref pp, i), x1 * Vector512.LoadUnsafe(ref qq, i)).StoreUnsafe(ref to, i);
            }
        }

        if (Isa.Has256)
        {
            for (; i + 8 <= n; i += 8)
            {
                Vector256<float> v = Vector256.LoadUnsafe(ref from, i);
                Vector256<float> x0 = Vector256.Shuffle(v, Vector256.Create(0, 0, 2, 2, 4, 4, 6, 6));
                Vector256<float> x1 = Vector256.Shuffle(v, Vector256.Create(1, 1, 3, 3, 5, 5, 7, 7));
                Vector256.FusedMultiplyAdd(x0, Vector256.LoadUnsafe(ref pp, i), x1 * Vector256.LoadUnsafe(ref qq, i)).StoreUnsafe(ref to, i);
            }
        }

        if (Isa.Has128)
        {
            for (; i + 4 <= n; i += 4)
            {
                Vector128<float> v = Vector128.LoadUnsafe(ref from, i);
                Vector128<float> x0 = Vector128.Shuffle(v, Vector128.Create(0, 0, 2, 2));
                Vector128<float> x1 = Vector128.Shuffle(v, Vector128.Create(1, 1, 3, 3));
                Vector128.FusedMultiplyAdd(x0, Vector128.LoadUnsafe(ref pp, i), x1 * Vector128.LoadUnsafe(ref qq, i)).StoreUnsafe(ref to, i);
            }
        }

        for (int k = (int)i; k < z.Length; k += 2)
            (y[k], y[k + 1]) = (MathF.FusedMultiplyAdd(z[k], p[k], z[k + 1] * q[k]), MathF.FusedMultiplyAdd(z[k], p[k + 1], z[k + 1] * q[k + 1]));
    }

    /// <summary>cos and sin of every angle of one position, rounded as the definition does.</summary>
    private static void CosSinTable(int position, ReadOnlySpan<float> frequencies, RopeAttributes attributes, Span<float> c, Span<float> s)
    {
        for (int i = 0; i < frequencies.Length; i++)
            c[i] = position * frequencies[i];
        Correct.Sin(c, s);
        Correct.Cos(c, c);
        if (attributes.Magnitude != 1f)
        {
            for (int i = 0; i < c.Length; i++)
            {
                c[i] *= attributes.Magnitude;
                s[i] *= attributes.Magnitude;
            }
        }

        if (attributes.Rotation == RopeRotation.EveryStep)
        {
            BFloat16Spans.RoundInPlace(c);
            BFloat16Spans.RoundInPlace(s);
        }
    }

    /// <summary>x0 and x1 of the pair that each result belongs to, in the order in which results are stored.</summary>
    private static void Spread(ReadOnlySpan<float> z, RopeLayout layout, Span<float> x0, Span<float> x1)
    {
        int half = z.Length / 2;
        int i = 0;
        switch (layout)
        {
            case RopeLayout.Half:
                z[..half].CopyTo(x0);
                z[..half].CopyTo(x0[half..]);
                z[half..].CopyTo(x1);
                z[half..].CopyTo(x1[half..]);
                break;
            case RopeLayout.InterleavedToHalf:
                for (; i < half; i++)
                {
                    x0[i] = x0[half + i] = z[2 * i];
                    x1[i] = x1[half + i] = z[2 * i + 1];
                }

                break;
            default:
                ref float from = ref MemoryMarshal.GetReference(z);
                if (Isa.Any)
                {
                    for (; i <= z.Length - 4; i += 4)
                    {
                        Vector128<float> v = Vector128.LoadUnsafe(ref from, (nuint)i);
                        Vector128.Shuffle(v, Vector128.Create(0, 0, 2, 2)).CopyTo(x0[i..]);
                        Vector128.Shuffle(v, Vector128.Create(1, 1, 3, 3)).CopyTo(x1[i..]);
                    }
                }

                for (; i < z.Length; i += 2)
                {
                    x0[i] = x0[i + 1] = z[i];
                    x1[i] = x1[i + 1] = z[i + 1];
                }

                break;
        }
    }

    /// <summary>y = x0 P + x1 Q, rounded as the rotation says. x0 and x1 are overwritten.</summary>
    private static void Rotate(RopeRotation rotation, Span<float> x0, Span<float> x1, ReadOnlySpan<float> p, ReadOnlySpan<float> q, Span<float> y)
    {
        switch (rotation)
        {
            case RopeRotation.Fused:
                TensorPrimitives.Multiply(x1, q, x1);
                TensorPrimitives.FusedMultiplyAdd(x0, p, x1, y);
                break;
            case RopeRotation.Separate:
                TensorPrimitives.Multiply(x0, p, x0);
                TensorPrimitives.Multiply(x1, q, x1);
                TensorPrimitives.Add(x0, x1, y);
                break;
            case RopeRotation.EveryStep:
                TensorPrimitives.Multiply(x0, p, x0);
                TensorPrimitives.Multiply(x1, q, x1);
                BFloat16Spans.RoundInPlace(x0);
                BFloat16Spans.RoundInPlace(x1);
                TensorPrimitives.Add(x0, x1, y);
                BFloat16Spans.RoundInPlace(y);
                break;
            default:
                throw new ContractException($"RopeRotation {rotation} is not defined");
        }
    }
}
