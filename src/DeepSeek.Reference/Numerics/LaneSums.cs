using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DeepSeek.Reference.Numerics;

/// <summary>Sums of whole rows by rule N6, sixteen lanes in registers: bit-equal to <see cref="Lanes16"/> term by term.</summary>
internal static class LaneSums
{
    /// <summary>Σ x_k², one fma a term.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float SumOfSquares<L>(ReadOnlySpan<float> x) where L : struct, ILanes<L>
    {
        ref float p = ref MemoryMarshal.GetReference(x);
        L sum = L.Zero;
        int k = 0;
        for (; k <= x.Length - 16; k += 16)
        {
            L a = L.Load(ref Unsafe.Add(ref p, k));
            sum = L.Fma(a, a, sum);
        }

        if (k < x.Length)
        {
            L a = LaneTails.LoadPartial<L>(ref Unsafe.Add(ref p, k), x.Length - k);
            sum = L.Fma(a, a, sum);
        }

        return L.Fold(sum);
    }

    /// <summary>lanes + x, for x that starts at a multiple of sixteen of its row.</summary>
    /// <remarks>A last part of fewer than sixteen terms must be the row's end: the lanes it does not reach get + (+0), which only the fold's end could tell apart.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static L Accumulate<L>(L lanes, ReadOnlySpan<float> x) where L : struct, ILanes<L>
    {
        ref float p = ref MemoryMarshal.GetReference(x);
        int k = 0;
        for (; k <= x.Length - 16; k += 16)
            lanes += L.Load(ref Unsafe.Add(ref p, k));
        if (k < x.Length)
            lanes += LaneTails.LoadPartial<L>(ref Unsafe.Add(ref p, k), x.Length - k);
        return lanes;
    }
}
