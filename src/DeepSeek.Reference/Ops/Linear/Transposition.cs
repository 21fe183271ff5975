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
        for (long i = 0; i < rows; i += ByteTurn.Side)
        {
            for (long j = 0; j < columns; j += ByteTurn.Side)
                Square(x, y, i, j, bytes);
        }

        return y;
    }

    /// <summary>Rows i.. and columns j.. of x, sixteen of each at most: lines of both stay in the caches meanwhile.</summary>
    private static unsafe void Square(Tensor x, Tensor y, long i, long j, nint bytes)
    {
        long rows = x.Shape[0], columns = x.Shape[1];
        ref byte from = ref Unsafe.AddByteOffset(ref x.ByteOrigin, (nint)(i * columns + j) * bytes);
        ref byte to = ref Unsafe.AddByteOffset(ref y.ByteOrigin, (nint)(j * rows + i) * bytes);
        long m = Math.Min(ByteTurn.Side, rows - i), n = Math.Min(ByteTurn.Side, columns - j);
        if (bytes == 1 && m == ByteTurn.Side && n == ByteTurn.Side)
        {
            fixed (byte* a = &from, b = &to)
                ByteTurn.Square(a, (nint)columns, m, n, b, (nint)rows);
            return;
        }

        for (long r = 0; r < m; r++)
        {
            for (long c = 0; c < n; c++)
                Unsafe.CopyBlockUnaligned(ref Unsafe.AddByteOffset(ref to, (nint)(c * rows + r) * bytes), ref Unsafe.AddByteOffset(ref from, (nint)(r * columns + c) * bytes), (uint)bytes);
        }
    }
}
