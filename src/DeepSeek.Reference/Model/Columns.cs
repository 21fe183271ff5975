using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Model;

/// <summary>Moves columns between row-major tensors of one dtype. Copies only: no bit changes.</summary>
internal static class Columns
{
    /// <summary>Columns from..from+count of <paramref name="rows"/> rows of the source, to columns at.. of the target.</summary>
    /// <param name="source">Rows of <paramref name="sourceWidth"/> elements.</param>
    /// <param name="sourceWidth">Elements in a source row.</param>
    /// <param name="from">First column read.</param>
    /// <param name="target">Rows of <paramref name="targetWidth"/> elements.</param>
    /// <param name="targetWidth">Elements in a target row.</param>
    /// <param name="at">First column written.</param>
    /// <param name="count">Columns copied.</param>
    /// <param name="rows">Rows copied.</param>
    /// <param name="sourceRow">First source row.</param>
    /// <param name="targetRow">First target row.</param>
    /// <exception cref="ShapeException">Another dtype, or rows outside a tensor.</exception>
    public static void Copy(Tensor source, long sourceWidth, long from, Tensor target, long targetWidth, long at, long count, long rows, long sourceRow = 0, long targetRow = 0)
    {
        if (source.DType != target.DType)
            throw new ShapeException($"cannot copy columns of {source} into {target}");
        if ((sourceRow + rows) * sourceWidth > source.ElementCount || (targetRow + rows) * targetWidth > target.ElementCount || from + count > sourceWidth || at + count > targetWidth)
            throw new ShapeException($"columns {from}..{from + count} of {rows} rows of {source} do not fit {target}");
        int width = source.DType.Bits() / 8;
        uint bytes = checked((uint)(count * width));
        for (long r = 0; r < rows; r++)
        {
            ref byte s = ref Unsafe.AddByteOffset(ref source.ByteOrigin, (nint)((((sourceRow + r) * sourceWidth) + from) * width));
            ref byte t = ref Unsafe.AddByteOffset(ref target.ByteOrigin, (nint)((((targetRow + r) * targetWidth) + at) * width));
            Unsafe.CopyBlockUnaligned(ref t, ref s, bytes);
        }
    }
}
