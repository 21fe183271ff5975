using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The softmax of one row of scores (rule N10), vector by vector. Rows lie in scratch: the sixteen-fold padding behind them may be overwritten.</summary>
internal static class ScoreRow
{
    /// <summary>x_j = x_j · scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale<T>(Span<float> x, float scale) where T : struct, ILanes<T>
    {
        ref float p = ref MemoryMarshal.GetReference(x);
        T by = T.Broadcast(scale);
        for (int j = 0; j < x.Length; j += 16)
            T.Store(T.Load(ref Unsafe.Add(ref p, j)) * by, ref Unsafe.Add(ref p, j));
    }

    /// <summary>x_j = x_j + z_j.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<T>(Span<float> x, ReadOnlySpan<float> z) where T : struct, ILanes<T>
    {
        ref float p = ref MemoryMarshal.GetReference(x);
        ref float q = ref MemoryMarshal.GetReference(z);
        for (int j = 0; j < x.Length; j += 16)
            T.Store(T.Load(ref Unsafe.Add(ref p, j)) + T.Load(ref Unsafe.Add(ref q, j)), ref Unsafe.Add(ref p, j));
    }

    /// <summary>x becomes p; returns the log-sum-exp, -∞ when every p is +0 by rule.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Softmax<T>(Span<float> x) where T : struct, ILanes<T>
    {
        ref float p = ref MemoryMarshal.GetReference(x);
        float m = Max<T>(x);
        if (m == float.NegativeInfinity)
        {
            x.Clear();
            return m;
        }

        T shift = T.Broadcast(m);
        for (int j = 0; j < x.Length; j += 16)
            T.Store(T.Load(ref Unsafe.Add(ref p, j)) - shift, ref Unsafe.Add(ref p, j));
        Correct.Exp(x, x);
        float s = Sum<T>(x);
        T by = T.Broadcast(s);
        for (int j = 0; j < x.Length; j += 16)
            T.Store(T.Load(ref Unsafe.Add(ref p, j)) / by, ref Unsafe.Add(ref p, j));
        return m + Correct.Log(s);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Max<T>(ReadOnlySpan<float> x) where T : struct, ILanes<T>
    {
        ref float p = ref MemoryMarshal.GetReference(x);
        float m = float.NegativeInfinity;
        int j = 0;
        if (x.Length >= 16)
        {
            T lanes = T.Broadcast(m);
            for (; j <= x.Length - 16; j += 16)
                lanes = T.Max(lanes, T.Load(ref Unsafe.Add(ref p, j)));
            Span<float> each = stackalloc float[16];
            T.Store(lanes, ref each[0]);
            foreach (float lane in each)
                m = MathF.Max(m, lane);
        }

        for (; j < x.Length; j++)
            m = MathF.Max(m, x[j]);
        return m;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Sum<T>(ReadOnlySpan<float> x) where T : struct, ILanes<T>
    {
        ref float p = ref MemoryMarshal.GetReference(x);
        T s = T.Zero;
        int j = 0;
        for (; j <= x.Length - 16; j += 16)
            s = s + T.Load(ref Unsafe.Add(ref p, j));
        if (j < x.Length)
            s = s + LaneTails.LoadPartial<T>(ref Unsafe.Add(ref p, j), x.Length - j);
        return T.Fold(s);
    }
}
