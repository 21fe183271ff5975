using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

public static partial class Combine
{
    /// <summary>y = y + w · o for one row, the same bits as the definition's step, by vector instructions. scratch holds d values.</summary>
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
        else if (!Enum.IsDefined(rounding))
        {
            throw new ContractException($"CombineRounding {rounding} is not defined");
        }
        else if (Isa.Has512)
        {
            AddScaled<Lanes512>(rounding == CombineRounding.Fused, w, o, y);
        }
        else if (Isa.Has256)
        {
            AddScaled<Lanes256>(rounding == CombineRounding.Fused, w, o, y);
        }
        else if (Isa.Has128)
        {
            AddScaled<Lanes128>(rounding == CombineRounding.Fused, w, o, y);
        }
        else
        {
            for (int k = 0; k < y.Length; k++)
                y[k] = Step(rounding, w, o[k], y[k]);
        }
    }

    /// <summary>The used slots of one token in the order of their experts; <paramref name="slots"/> holds K values.</summary>
    internal static ReadOnlySpan<int> OrderedSlots(ExpertPlan plan, int token, Span<int> slots) =>
        slots[..SlotsByExpert(plan.RowOfSpan.Slice(token * plan.Slots, plan.Slots), slots)];

    private static void AddScaled<L>(bool fused, float w, ReadOnlySpan<float> o, Span<float> y) where L : struct, ILanes<L>
    {
        ref float po = ref MemoryMarshal.GetReference(o);
        ref float py = ref MemoryMarshal.GetReference(y);
        L ww = L.Broadcast(w);
        int k = 0;
        for (; k <= y.Length - 16; k += 16)
        {
            L a = L.Load(ref Unsafe.Add(ref po, k));
            L b = L.Load(ref Unsafe.Add(ref py, k));
            L.Store(fused ? L.Fma(ww, a, b) : b + ww * a, ref Unsafe.Add(ref py, k));
        }

        for (; k < y.Length; k++)
            y[k] = fused ? MathF.FusedMultiplyAdd(w, o[k], y[k]) : y[k] + w * o[k];
    }
}
