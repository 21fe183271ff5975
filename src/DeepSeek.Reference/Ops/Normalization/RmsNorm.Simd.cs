using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

public static partial class RmsNorm
{
    /// <summary>The same bits as <see cref="Define"/>, by vector instructions.</summary>
    internal static void Simd(ReadOnlySpan<float> x, ReadOnlySpan<float> w, float epsilon, RmsNormRounding rounding, Span<float> y)
    {
        if (Isa.Has512)
            Rows<Lanes512>(x, w, epsilon, rounding, y);
        else if (Isa.Has256)
            Rows<Lanes256>(x, w, epsilon, rounding, y);
        else if (Isa.Has128)
            Rows<Lanes128>(x, w, epsilon, rounding, y);
        else
            Define(x, w, epsilon, rounding, y);
    }

    internal static void Rows<L>(ReadOnlySpan<float> x, ReadOnlySpan<float> w, float epsilon, RmsNormRounding rounding, Span<float> y)
        where L : struct, ILanes<L>
    {
        int n = w.Length;
        int T = CheckedRows(x, w, y);
        for (int t = 0; t < T; t++)
        {
            ReadOnlySpan<float> xt = x.Slice(t * n, n);
            Span<float> yt = y.Slice(t * n, n);
            float r = Correct.ReciprocalSqrt(LaneSums.SumOfSquares<L>(xt) / n + epsilon);
            if (rounding == RmsNormRounding.BeforeWeight)
            {
                TensorPrimitives.Multiply(xt, r, yt);
                BFloat16Spans.RoundInPlace(yt);
                TensorPrimitives.Multiply(yt, w, yt);
            }
            else
            {
                Scale<L>(xt, r, w, yt);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale<L>(ReadOnlySpan<float> x, float r, ReadOnlySpan<float> w, Span<float> y) where L : struct, ILanes<L>
    {
        ref float px = ref MemoryMarshal.GetReference(x);
        ref float pw = ref MemoryMarshal.GetReference(w);
        ref float py = ref MemoryMarshal.GetReference(y);
        L rr = L.Broadcast(r);
        int k = 0;
        for (; k <= x.Length - 16; k += 16)
            L.Store(L.Load(ref Unsafe.Add(ref px, k)) * rr * L.Load(ref Unsafe.Add(ref pw, k)), ref Unsafe.Add(ref py, k));
        for (; k < x.Length; k++)
            y[k] = x[k] * r * w[k];
    }
}
