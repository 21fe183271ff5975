using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

public static partial class Combine
{
    /// <summary>The used slots of one token in the order of their experts; <paramref name="slots"/> holds K values.</summary>
    internal static ReadOnlySpan<int> OrderedSlots(ExpertPlan plan, int token, Span<int> slots) =>
        slots[..SlotsByExpert(plan.RowOfSpan.Slice(token * plan.Slots, plan.Slots), slots)];

    /// <summary>True where <see cref="SimdToken"/> does what the rounding asks; the others go step by step (<see cref="SimdStep"/>).</summary>
    internal static bool InRegisters(CombineRounding rounding) => Isa.Any && rounding is CombineRounding.Fused or CombineRounding.Separate or CombineRounding.SeparateThenRound;

    /// <summary>y = Σ w_r · o_{rows[r]}, r ascending, each column's sum in a register: the definition's bits before its last rounding and the shared output.</summary>
    /// <typeparam name="TElement">float, or ushort for bfloat16 codes.</typeparam>
    internal static void SimdToken<TElement>(CombineRounding rounding, ref TElement o, ReadOnlySpan<int> rows, ReadOnlySpan<float> w, Span<float> y)
        where TElement : unmanaged
    {
        bool fused = rounding == CombineRounding.Fused;
        if (Isa.Has512)
            Columns<Lanes512, TElement>(fused, ref o, rows, w, y);
        else if (Isa.Has256)
            Columns<Lanes256, TElement>(fused, ref o, rows, w, y);
        else
            Columns<Lanes128, TElement>(fused, ref o, rows, w, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Columns<L, TElement>(bool fused, ref TElement o, ReadOnlySpan<int> rows, ReadOnlySpan<float> w, Span<float> y)
        where L : struct, ILanes<L>
        where TElement : unmanaged
    {
        int d = y.Length;
        ref float to = ref MemoryMarshal.GetReference(y);
        int k = 0;
        for (; k <= d - 64; k += 64)
        {
            L a = L.Zero, b = L.Zero, c = L.Zero, e = L.Zero;
            for (int r = 0; r < rows.Length; r++)
            {
                ref TElement from = ref Unsafe.Add(ref o, (nint)rows[r] * d + k);
                L ww = L.Broadcast(w[r]);
                a = Next(fused, ww, LaneElements.Load<L, TElement>(ref from), a);
                b = Next(fused, ww, LaneElements.Load<L, TElement>(ref Unsafe.Add(ref from, 16)), b);
                c = Next(fused, ww, LaneElements.Load<L, TElement>(ref Unsafe.Add(ref from, 32)), c);
                e = Next(fused, ww, LaneElements.Load<L, TElement>(ref Unsafe.Add(ref from, 48)), e);
            }

            L.Store(a, ref Unsafe.Add(ref to, k));
            L.Store(b, ref Unsafe.Add(ref to, k + 16));
            L.Store(c, ref Unsafe.Add(ref to, k + 32));
            L.Store(e, ref Unsafe.Add(ref to, k + 48));
        }

        for (; k < d; k += 16)
        {
            int count = Math.Min(16, d - k);
            L sum = L.Zero;
            for (int r = 0; r < rows.Length; r++)
            {
                ref TElement from = ref Unsafe.Add(ref o, (nint)rows[r] * d + k);
                sum = Next(fused, L.Broadcast(w[r]), count == 16 ? LaneElements.Load<L, TElement>(ref from) : LaneElements.LoadPartial<L, TElement>(ref from, count), sum);
            }

            if (count == 16)
                L.Store(sum, ref Unsafe.Add(ref to, k));
            else
                LaneTails.StorePartial(sum, ref Unsafe.Add(ref to, k), count);
        }
    }

    /// <summary>y = y + w · o for one row, the same bits as the definition's step. scratch holds d values.</summary>
    internal static void SimdStep(CombineRounding rounding, float w, ReadOnlySpan<float> o, Span<float> y, Span<float> scratch)
    {
        if (rounding == CombineRounding.EveryStep)
        {
            Span<float> product = scratch[..o.Length];
            TensorPrimitives.Multiply(o, w, product);
            BFloat16Spans.RoundInPlace(product);
            TensorPrimitives.Add(y, product, y);
            BFloat16Spans.RoundInPlace(y);
        }
        else
        {
            for (int k = 0; k < y.Length; k++)
                y[k] = Step(rounding, w, o[k], y[k]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static L Next<L>(bool fused, L w, L o, L sum) where L : struct, ILanes<L> => fused ? L.Fma(w, o, sum) : sum + w * o;
}
