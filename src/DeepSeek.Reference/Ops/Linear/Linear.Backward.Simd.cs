using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

// Operands of both products lie along the outputs, not along the sum: they are turned in scratch, and the forward's tiles do the rest. Few rows of dy are not worth
// turning a weight: ResidueProduct reads it where it lies, sixteen accumulators over vectors of outputs.
public static partial class Linear
{
    // Rows of dy from which on the weight is turned.
    private const int TurnedRows = 16;

    // Rows of dW whose dy is turned together: it stays in the second-level cache while x streams past.
    private const int WgradBand = 64;

    // A turned piece, in floats.
    private const int DgradFloats = 1 << 20;
    private const int WgradFloats = 1 << 21;

    /// <summary>The least side of a piece: below it turning the operands costs more than an idle thread.</summary>
    internal const int LeastSide = 64;

    /// <summary>Columns of a piece of dx: fewer where the turned columns are long.</summary>
    internal static int DgradColumns(int N) => Math.Clamp(DgradFloats / Math.Max(1, N) & -LeastSide, LeastSide, 256);

    /// <summary>Rows and columns of a piece of dW: fewer where the turned columns are long.</summary>
    internal static int WgradSide(int T) => Math.Clamp(WgradFloats / Math.Max(1, T) & -LeastSide, LeastSide, 512);

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
        ref E wk = ref Unsafe.Add(ref w, k0);
        if (N == 0)
        {
            for (int t = 0; t < T; t++)
                MemoryMarshal.CreateSpan(ref Unsafe.Add(ref dx, (nint)t * K + k0), columns).Clear();
        }
        else if (T < TurnedRows)
        {
            using var scratch = new AlignedFloats(ResidueProduct.ScratchFloats(T, N));
            ResidueProduct.Multiply<L, E>(ref dy, N, T, ref wk, K, K - k0, N, columns, ref Unsafe.Add(ref dx, k0), K, ref *scratch.Pointer);
        }
        else
        {
            int stride = TurnedStride(N);
            using var turned = new AlignedFloats(checked(columns * stride));
            FloatTurn.Turn(ref wk, K, N, columns, ref *turned.Pointer, stride);
            fixed (float* a = &dy, y = &dx)
                Lanes<L, Float32Codes>(a, N, T, (byte*)turned.Pointer, stride, 0, columns, N, y + k0, K);
        }
    }

    /// <summary>Rows n0..n0+rows and columns k0..k0+columns of dW, bit-equal to <see cref="DefineWgrad"/> with Lanes16. T > 0.</summary>
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
        int terms = AlignedFloats.WholeLines(T);
        int stride = TurnedStride(T);
        int sumStride = AlignedFloats.WholeLines(columns);
        using var turnedX = new AlignedFloats(checked(columns * stride));
        using var turnedDy = new AlignedFloats(checked(WgradBand * stride));
        using var sums = new AlignedFloats(WgradBand * sumStride);
        FloatTurn.Turn(ref Unsafe.Add(ref x, k0), K, T, columns, ref *turnedX.Pointer, stride);
        for (int n = n0; n < n0 + rows; n += WgradBand)
        {
            int count = Math.Min(WgradBand, n0 + rows - n);
            FloatTurn.Turn(ref Unsafe.Add(ref dy, n), N, T, count, ref *turnedDy.Pointer, stride);

            // The turned rows end in +0: products of them change no folded sum (rule N6).
            Lanes<L, Float32Codes>(turnedDy.Pointer, stride, count, (byte*)turnedX.Pointer, stride, 0, columns, terms, sums.Pointer, sumStride);
            for (int i = 0; i < count; i++)
            {
                Span<float> row = MemoryMarshal.CreateSpan(ref Unsafe.Add(ref dWeight, (nint)(n + i) * K + k0), columns);
                TensorPrimitives.Add(row, new ReadOnlySpan<float>(sums.Pointer + i * sumStride, columns), row);
            }
        }
    }

    /// <summary>Whole lines, and an odd number of them: turned rows a power of two apart would meet in the same sets of the caches.</summary>
    internal static int TurnedStride(int terms) => AlignedFloats.WholeLines(terms) | 16;
}
