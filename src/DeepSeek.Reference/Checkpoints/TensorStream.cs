using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DeepSeek.Reference;

/// <summary>A tensor's bytes to and from a stream, in pieces, so that size is no limit.</summary>
internal static class TensorStream
{
    /// <summary>Bytes of a piece; a multiple of every element.</summary>
    private const int Piece = 1 << 20;

    /// <summary>Writes all elements, row-major, little-endian.</summary>
    public static void Write(Stream stream, Tensor tensor, NaNBits nan, CancellationToken cancellationToken)
    {
        byte[]? copy = nan == NaNBits.Canonical && CanonicalNaN.Concerns(tensor.DType) ? new byte[(int)Math.Min(Piece, tensor.ByteCount)] : null;
        for (long at = 0; at < tensor.ByteCount; at += Piece)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = (int)Math.Min(Piece, tensor.ByteCount - at);
            ReadOnlySpan<byte> bytes = MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref tensor.ByteOrigin, (nint)at), count);
            if (copy is not null)
            {
                bytes.CopyTo(copy);
                CanonicalNaN.Apply(tensor.DType, copy.AsSpan(0, count));
                bytes = copy.AsSpan(0, count);
            }

            stream.Write(bytes);
        }
    }

    /// <summary>Fills a tensor of managed memory.</summary>
    /// <exception cref="EndOfStreamException">The stream is shorter.</exception>
    public static void Read(Stream stream, Tensor tensor)
    {
        for (long at = 0; at < tensor.ByteCount; at += Piece)
        {
            int count = (int)Math.Min(Piece, tensor.ByteCount - at);
            stream.ReadExactly(MemoryMarshal.CreateSpan(ref Unsafe.Add(ref tensor.ByteOrigin, (nint)at), count));
        }
    }
}
