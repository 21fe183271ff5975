using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Ops;

/// <summary>A matrix with rows and columns exchanged: y_{j,i} = x_{i,j}. Codes and scales of an FP8 weight alike.</summary>
/// <remarks>
/// Dgrad is dX = dY · W: <see cref="ScaledLinear"/> with the weight's codes [N, K] transposed to [K, N], and its 128x128 scales [⌈N/128⌉, ⌈K/128⌉] transposed too:
/// the blocks stay what they were, so that nothing is quantised again. Wgrad is dW = dYᵀ · X: codes and 128x1 scales ([T, N] with [⌈T/128⌉, N]) of both operands transposed.
/// </remarks>
public static class Transposition
{
    /// <summary>The transpose of a matrix of any dtype of whole bytes, in new memory.</summary>
    /// <exception cref="ShapeException">x is no matrix, or of a packed dtype.</exception>
    public static Tensor Of(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        Operands.RequireRank(x, "x", 2);
        if (x.DType.Bits() % 8 != 0)
            throw new ShapeException($"x is {x}, whose elements are no whole bytes; widen it first");
        long rows = x.Shape[0], columns = x.Shape[1];
        nint bytes = x.DType.Bits() / 8;
        var y = new Tensor(x.DType, columns, rows);
        for (long i = 0; i < rows; i++)
        {
            for (long j = 0; j < columns; j++)
            {
                Unsafe.CopyBlockUnaligned(
                    ref Unsafe.AddByteOffset(ref y.ByteOrigin, (nint)(j * rows + i) * bytes),
                    ref Unsafe.AddByteOffset(ref x.ByteOrigin, (nint)(i * columns + j) * bytes), (uint)bytes);
            }
        }

        return y;
    }
}
