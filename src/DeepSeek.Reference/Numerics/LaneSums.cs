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

    /// <summary>Σ a_k b_k, one fma a term, by the widest vectors there are.</summary>
    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        if (Isa.Has512)
            return Dot<Lanes512>(a, b);
        if (Isa.Has256)
            return Dot<Lanes256>(a, b);
        if (Isa.Has128)
            return Dot<Lanes128>(a, b);
        var sum = new Lanes16();
        for (int k = 0; k < a.Length; k++)
            sum.AddProduct(k, a[k], b[k]);
        return sum.Fold();
    }

    /// <summary>As <see cref="Dot(ReadOnlySpan{float}, ReadOnlySpan{float})"/>, at a given width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot<L>(ReadOnlySpan<float> a, ReadOnlySpan<float> b) where L : struct, ILanes<L>
    {
        ref float p = ref MemoryMarshal.GetReference(a);
        ref float q = ref MemoryMarshal.GetReference(b[..a.Length]);
        L sum = L.Zero;
        int k = 0;
        for (; k <= a.Length - 16; k += 16)
            sum = L.Fma(L.Load(ref Unsafe.Add(ref p, k)), L.Load(ref Unsafe.Add(ref q, k)), sum);
        if (k < a.Length)
            sum = L.Fma(LaneTails.LoadPartial<L>(ref Unsafe.Add(ref p, k), a.Length - k), LaneTails.LoadPartial<L>(ref Unsafe.Add(ref q, k), a.Length - k), sum);
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
