using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

public static partial class Softmax
{
    /// <summary>A multiple of sixteen, so that lanes carry over from chunk to chunk.</summary>
    private const int Chunk = 1024;

    /// <summary>The same bits as <see cref="Define"/>, by vector instructions. p may be x.</summary>
    internal static void Simd(ReadOnlySpan<float> x, int n, Span<float> p)
    {
        int T = CheckedRows(x, n, p);
        for (int t = 0; t < T; t++)
        {
            ReadOnlySpan<float> xt = x.Slice(t * n, n);
            Span<float> pt = p.Slice(t * n, n);
            float m = SimdMaximum(xt);
            if (!float.IsFinite(m))
                pt.Fill(float.IsNegativeInfinity(m) ? 0f : float.NaN);
            else
                TensorPrimitives.Divide(pt, SimdExponentials(xt, m, pt), pt);
        }
    }

    /// <summary>e_k = exp(x_k - m) and their sum by rule N6; e may be x.</summary>
    internal static float SimdExponentials(ReadOnlySpan<float> x, float m, Span<float> e)
    {
        if (Isa.Has512)
            return Exponentials<Lanes512>(x, m, e);
        if (Isa.Has256)
            return Exponentials<Lanes256>(x, m, e);
        if (Isa.Has128)
            return Exponentials<Lanes128>(x, m, e);

        var s = new Lanes16();
        for (int k = 0; k < x.Length; k++)
        {
            e[k] = Correct.Exp(x[k] - m);
            s.Add(k, e[k]);
        }

        return s.Fold();
    }

    /// <summary>As <see cref="Maximum"/>, up to the sign of a zero, which x - m does not show.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static float SimdMaximum(ReadOnlySpan<float> x)
    {
        if (!Isa.Any || x.Length < 8)
            return Maximum(x);

        // Four chains; Max propagates NaN.
        ref float from = ref MemoryMarshal.GetReference(x);
        int k = 0;
        float m;
        if (Isa.Has512 && x.Length >= 64)
        {
            Vector512<float> a = Vector512.LoadUnsafe(ref from);
            Vector512<float> b = a, c = a, d = a;
            for (; k <= x.Length - 64; k += 64)
            {
                a = Vector512.Max(a, Vector512.LoadUnsafe(ref from, (nuint)k));
                b = Vector512.Max(b, Vector512.LoadUnsafe(ref from, (nuint)k + 16));
                c = Vector512.Max(c, Vector512.LoadUnsafe(ref from, (nuint)k + 32));
                d = Vector512.Max(d, Vector512.LoadUnsafe(ref from, (nuint)k + 48));
            }

            a = Vector512.Max(Vector512.Max(a, b), Vector512.Max(c, d));
            m = Largest(Vector256.Max(a.GetLower(), a.GetUpper()));
        }
        else if (Isa.Has256)
        {
            Vector256<float> a = Vector256.LoadUnsafe(ref from);
            for (; k <= x.Length - 8; k += 8)
                a = Vector256.Max(a, Vector256.LoadUnsafe(ref from, (nuint)k));
            m = Largest(a);
        }
        else
        {
            Vector128<float> a = Vector128.LoadUnsafe(ref from);
            for (; k <= x.Length - 4; k += 4)
                a = Vector128.Max(a, Vector128.LoadUnsafe(ref from, (nuint)k));
            m = Largest(a);
        }

        float rest = Maximum(x[k..]);
        return float.IsNaN(m) || float.IsNaN(rest) ? float.NaN : rest > m ? rest : m;
    }

    private static float Largest(Vector256<float> v) => Largest(Vector128.Max(v.GetLower(), v.GetUpper()));

    private static float Largest(Vector128<float> v) =>
        MathF.Max(MathF.Max(v.GetElement(0), v.GetElement(1)), MathF.Max(v.GetElement(2), v.GetElement(3)));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static float Exponentials<L>(ReadOnlySpan<float> x, float m, Span<float> e) where L : struct, ILanes<L>
    {
        L sum = L.Zero;
        for (int k = 0; k < x.Length; k += Chunk)
        {
            int count = Math.Min(Chunk, x.Length - k);
            Span<float> part = e.Slice(k, count);
            TensorPrimitives.Subtract(x.Slice(k, count), m, part);
            Correct.Exp(part, part);
            sum = LaneSums.Accumulate(sum, part);
        }

        return L.Fold(sum);
    }
}
