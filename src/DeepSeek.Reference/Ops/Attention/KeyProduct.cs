using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>C = A Kᵀ where both are contiguous along the sum: queries against keys, or activations against a weight's rows.</summary>
/// <remarks>
/// <code>
/// C_{m,n} = Lanes16_d A_{m,d} K_{n,d}
/// </code>
/// Many rows: sixty-four keys at a time are turned into a panel [D, 64] (bfloat16 widened on the way), which <see cref="ResidueProduct"/> multiplies; the turn
/// costs about as much as four rows do. Few rows: plain dot products, sixteen lanes along d, one pass over the keys. Many rows of long heads at 512 bits do not come here:
/// <see cref="Attention"/> gives them to the tiles of <see cref="Linear"/>.
/// </remarks>
internal static class KeyProduct
{
    /// <summary>Keys a panel.</summary>
    public const int Block = 64;

    /// <summary>Below this many rows the turn does not pay.</summary>
    public const int FewRows = 4;

    /// <summary>The panel of up to 64 keys, to be read by <see cref="Multiply"/>; keys past the count are +0.</summary>
    public static void Turn<E>(ref E keys, nint stride, int count, int D, ref float panel) where E : unmanaged
    {
        FloatTurn.Turn(ref keys, stride, count, D, ref panel, Block);
        int filled = AlignedFloats.WholeLines(count);
        for (int d = 0; filled < Block && d < D; d++)
            MemoryMarshal.CreateSpan(ref Unsafe.Add(ref panel, d * Block + filled), Block - filled).Clear();
    }

    /// <summary>C [M, N] from rows of A and the first N keys of a panel; a panel of some channels begins at their first row.</summary>
    public static void Multiply<T>(ref float a, nint aStride, int M, ref float panel, int D, int N, ref float c, nint cStride, ref float scratch)
        where T : struct, ILanes<T> =>
        ResidueProduct.Multiply<T, float>(ref a, aStride, M, ref panel, Block, Block, D, N, ref c, cStride, ref scratch);

    /// <summary>Dot products of M rows with N keys where they lie.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dots<T, E>(ref float a, nint aStride, int M, ref E keys, nint stride, int N, int D, ref float c, nint cStride)
        where T : struct, ILanes<T> where E : unmanaged
    {
        for (int n = 0; n < N; n++)
        {
            ref E key = ref Unsafe.Add(ref keys, n * stride);
            for (int m = 0; m < M; m++)
                Unsafe.Add(ref c, m * cStride + n) = Dot<T, E>(ref Unsafe.Add(ref a, m * aStride), ref key, D);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Dot<T, E>(ref float a, ref E key, int D) where T : struct, ILanes<T> where E : unmanaged
    {
        T sum = T.Zero;
        int d = 0;
        for (; d <= D - 16; d += 16)
            sum = T.Fma(T.Load(ref Unsafe.Add(ref a, d)), LaneElements.Load<T, E>(ref Unsafe.Add(ref key, d)), sum);
        if (d < D)
        {
            T tail = LaneTails.LoadPartial<T>(ref Unsafe.Add(ref a, d), D - d);
            sum = T.Fma(tail, LaneElements.LoadPartial<T, E>(ref Unsafe.Add(ref key, d), D - d), sum);
        }

        return T.Fold(sum);
    }
}
