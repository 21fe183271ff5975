using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Training;

public static partial class AdamW
{
    private const int Chunk = 512;

    /// <summary>The same bits as the definition, by vector instructions.</summary>
    internal static void Simd(Span<float> theta, ReadOnlySpan<float> g, Span<float> m, Span<float> v, in AdamWStep step)
    {
        RequireEqualSizes(theta.Length, g.Length, m.Length, v.Length);
        if (Isa.Has512)
            Step<Lanes512>(theta, g, m, v, step);
        else if (Isa.Has256)
            Step<Lanes256>(theta, g, m, v, step);
        else if (Isa.Has128)
            Step<Lanes128>(theta, g, m, v, step);
        else
            Define(theta, g, m, v, step);
    }

    /// <inheritdoc cref="Simd(Span{float}, ReadOnlySpan{float}, Span{float}, Span{float}, in AdamWStep)"/>
    internal static void Simd(Span<float> theta, ReadOnlySpan<float> g, Span<BFloat16> m, Span<BFloat16> v, in AdamWStep step)
    {
        RequireEqualSizes(theta.Length, g.Length, m.Length, v.Length);
        if (Isa.Has512)
            Step<Lanes512>(theta, g, m, v, step);
        else if (Isa.Has256)
            Step<Lanes256>(theta, g, m, v, step);
        else if (Isa.Has128)
            Step<Lanes128>(theta, g, m, v, step);
        else
            Define(theta, g, m, v, step);
    }

    internal static void Step<L>(Span<float> theta, ReadOnlySpan<float> g, Span<float> m, Span<float> v, in AdamWStep step) where L : struct, ILanes<L>
    {
        Moments<L>(g, m, v, step);
        Update<L>(theta, m, v, step);
    }

    internal static void Step<L>(Span<float> theta, ReadOnlySpan<float> g, Span<BFloat16> m, Span<BFloat16> v, in AdamWStep step) where L : struct, ILanes<L>
    {
        Span<float> wideM = stackalloc float[Chunk], wideV = stackalloc float[Chunk];
        for (int i = 0; i < theta.Length; i += Chunk)
        {
            int count = Math.Min(Chunk, theta.Length - i);
            Span<float> m1 = wideM[..count], v1 = wideV[..count];
            BFloat16Spans.Widen(m.Slice(i, count), m1);
            BFloat16Spans.Widen(v.Slice(i, count), v1);
            Moments<L>(g.Slice(i, count), m1, v1, step);
            BFloat16Spans.Round(m1, m.Slice(i, count));
            BFloat16Spans.Round(v1, v.Slice(i, count));
            if (step.UsesKept)
            {
                BFloat16Spans.RoundInPlace(m1);
                BFloat16Spans.RoundInPlace(v1);
            }

            Update<L>(theta.Slice(i, count), m1, v1, step);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Moments<L>(ReadOnlySpan<float> g, Span<float> m, Span<float> v, in AdamWStep step) where L : struct, ILanes<L>
    {
        ref float pg = ref MemoryMarshal.GetReference(g);
        ref float pm = ref MemoryMarshal.GetReference(m);
        ref float pv = ref MemoryMarshal.GetReference(v);
        L s = L.Broadcast(step.GradientScale), b1 = L.Broadcast(step.Beta1), c1 = L.Broadcast(step.Rest1), b2 = L.Broadcast(step.Beta2), c2 = L.Broadcast(step.Rest2);
        int i = 0;
        for (; i <= g.Length - 16; i += 16)
        {
            L scaled = L.Load(ref Unsafe.Add(ref pg, i)) * s;
            L.Store(L.Fma(b1, L.Load(ref Unsafe.Add(ref pm, i)), c1 * scaled), ref Unsafe.Add(ref pm, i));
            L.Store(L.Fma(b2, L.Load(ref Unsafe.Add(ref pv, i)), c2 * (scaled * scaled)), ref Unsafe.Add(ref pv, i));
        }

        for (; i < g.Length; i++)
            (m[i], v[i]) = Moments(g[i], m[i], v[i], step);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Update<L>(Span<float> theta, ReadOnlySpan<float> m, ReadOnlySpan<float> v, in AdamWStep step) where L : struct, ILanes<L>
    {
        ref float pt = ref MemoryMarshal.GetReference(theta);
        ref float pm = ref MemoryMarshal.GetReference(m);
        ref float pv = ref MemoryMarshal.GetReference(v);
        L k1 = L.Broadcast(step.Correction1), k2 = L.Broadcast(step.Correction2), epsilon = L.Broadcast(step.Epsilon);
        L decay = L.Broadcast(step.WeightDecay), down = L.Broadcast(-step.LearningRate);
        int i = 0;
        for (; i <= theta.Length - 16; i += 16)
        {
            L d = L.Sqrt(L.Load(ref Unsafe.Add(ref pv, i)) * k2) + epsilon;
            L u = L.Load(ref Unsafe.Add(ref pm, i)) * k1 / d;
            L t = L.Load(ref Unsafe.Add(ref pt, i));
            L.Store(L.Fma(down, L.Fma(decay, t, u), t), ref Unsafe.Add(ref pt, i));
        }

        for (; i < theta.Length; i++)
            theta[i] = Update(theta[i], m[i], v[i], step);
    }
}
