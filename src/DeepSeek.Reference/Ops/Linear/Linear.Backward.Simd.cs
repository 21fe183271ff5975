using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

// Both products have a second operand that is contiguous along the outputs: ResidueProduct, sixteen accumulators over vectors of outputs.
public static partial class Linear
{
    /// <summary>Rows of dy, or of dW, that share a pass over the other operand.</summary>
    internal const int GradientRows = 32;

    /// <summary>Columns of a piece of dx or dW.</summary>
    internal const int GradientColumns = 256;

    /// <summary>Columns k0..k0+columns of dx for T rows, bit-equal to <see cref="DefineDgrad"/> with Lanes16. w is the weight's first value, float or ushort for bfloat16.</summary>
    internal static void SimdDgrad<E>(ref float dy, ref E w, int T, int N, int K, int k0, int columns, ref float dx) where E : unmanaged
    {
        if (Isa.Has512)
            Dgrad<Lanes512, E>(ref dy, ref w, T, N, K, k0, columns, ref dx);
        else if (Isa.Has256)
            Dgrad<Lanes256, E>(ref dy, ref w, T, N, K, k0, columns, ref dx);
        else
            Dgrad<Lanes128, E>(ref dy, ref w, T, N, K, k0, columns, ref dx);
    }

    /// <summary>As <see cref="SimdDgrad"/>, at a given width.</summary>
    internal static unsafe void Dgrad<L, E>(ref float dy, ref E w, int T, int N, int K, int k0, int columns, ref float dx)
        where L : struct, ILanes<L> where E : unmanaged
    {
        if (N == 0)
        {
            for (int t = 0; t < T; t++)
                MemoryMarshal.CreateSpan(ref Unsafe.Add(ref dx, (nint)t * K + k0), columns).Clear();
            return;
        }

        using var scratch = new AlignedFloats(ResidueProduct.ScratchFloats(GradientRows, N));
        for (int t = 0; t < T; t += GradientRows)
        {
            ResidueProduct.Multiply<L, E>(
                ref Unsafe.Add(ref dy, (nint)t * N), N, Math.Min(GradientRows, T - t), ref Unsafe.Add(ref w, k0), K, K - k0, N, columns,
                ref Unsafe.Add(ref dx, (nint)t * K + k0), K, ref *scratch.Pointer);
        }
    }

    /// <summary>Rows n0..n0+rows (at most <see cref="GradientRows"/>) and columns k0..k0+columns of dW, bit-equal to <see cref="DefineWgrad"/> with Lanes16. T > 0.</summary>
    internal static void SimdWgrad(ref float dy, ref float x, int T, int N, int K, int n0, int rows, int k0, int columns, ref float dWeight)
    {
        if (Isa.Has512)
            Wgrad<Lanes512>(ref dy, ref x, T, N, K, n0, rows, k0, columns, ref dWeight);
        else if (Isa.Has256)
            Wgrad<Lanes256>(ref dy, ref x, T, N, K, n0, rows, k0, columns, ref dWeight);
        else
            Wgrad<Lanes128>(ref dy, ref x, T, N, K, n0, rows, k0, columns, ref dWeight);
    }

    /// <summary>As <see cref="SimdWgrad"/>, at a given width.</summary>
    internal static unsafe void Wgrad<L>(ref float dy, ref float x, int T, int N, int K, int n0, int rows, int k0, int columns, ref float dWeight)
        where L : struct, ILanes<L>
    {
        using var turned = new AlignedFloats(checked(GradientRows * T));
        using var sums = new AlignedFloats(GradientRows * GradientColumns);
        using var scratch = new AlignedFloats(ResidueProduct.ScratchFloats(GradientRows, T));
        for (int t = 0; t < T; t++)
        {
            for (int n = 0; n < rows; n++)
                turned.Pointer[(nint)n * T + t] = Unsafe.Add(ref dy, (nint)t * N + n0 + n);
        }

        ResidueProduct.Multiply<L, float>(
            ref *turned.Pointer, T, rows, ref Unsafe.Add(ref x, k0), K, K - k0, T, columns, ref *sums.Pointer, GradientColumns, ref *scratch.Pointer);
        for (int n = 0; n < rows; n++)
        {
            Span<float> row = MemoryMarshal.CreateSpan(ref Unsafe.Add(ref dWeight, (nint)(n0 + n) * K + k0), columns);
            TensorPrimitives.Add(row, new ReadOnlySpan<float>(sums.Pointer + n * GradientColumns, columns), row);
        }
    }
}
