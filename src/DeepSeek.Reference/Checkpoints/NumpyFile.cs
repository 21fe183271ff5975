using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DeepSeek.Reference;

/// <summary>Reads and writes one array as NumPy's .npy.</summary>
/// <remarks>
/// Read: versions 1 to 3, little and big endian, C and Fortran order (turned into C order), f2 f4 f8 c8 i1-i8 u1-u8 b1. Written: version 1 (2 for
/// shapes that long), little endian, C order. NumPy has no BF16, FP8 or packed formats: they are refused both ways, .safetensors holds them.
/// </remarks>
public static class NumpyFile
{
    /// <summary>Reads a file into managed memory.</summary>
    /// <exception cref="DataException">The file cannot be read, is damaged, or holds what no tensor can.</exception>
    public static Tensor Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
            return Read(stream, stream.Length, path);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(path, e);
        }
    }

    /// <summary>Writes a tensor; the file appears whole or not at all.</summary>
    /// <exception cref="DataException">NumPy has no such dtype, or the file cannot be written.</exception>
    public static void Write(string path, Tensor tensor, NaNBits nan = NaNBits.Canonical, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        Refuse(tensor, path);
        AtomicFile.Write(path, stream => Write(stream, tensor, nan, cancellationToken));
    }

    /// <summary>Refuses a dtype that NumPy lacks.</summary>
    internal static void Refuse(Tensor tensor, string source)
    {
        if (NumpyHeader.Descr(tensor.DType) is null)
            throw new DataException($"{source}: NumPy has no {tensor.DType.Name()}; write {tensor} to .safetensors");
    }

    internal static void Write(Stream stream, Tensor tensor, NaNBits nan, CancellationToken cancellationToken)
    {
        stream.Write(new NumpyHeader(tensor.DType, BigEndian: false, FortranOrder: false, tensor.Shape).Write());
        TensorStream.Write(stream, tensor, nan, cancellationToken);
    }

    /// <summary>Reads an array of <paramref name="length"/> bytes with its head; memory is taken only for bytes that are there.</summary>
    internal static Tensor Read(Stream stream, long length, string source)
    {
        try
        {
            NumpyHeader header = NumpyHeader.Read(stream, length, source, out long headerLength);
            Int128 bytes = (Int128)header.Shape.ElementCount * (header.DType.Bits() / 8);
            if (bytes != length - headerLength)
                throw new DataException($"{source}: {header.DType.Name()} {header.Shape} takes {bytes} bytes, but {length - headerLength} follow the header (byte {headerLength}); the file is {(bytes > length - headerLength ? "truncated" : "longer than its array")}, copy it again");

            var tensor = new Tensor(header.DType, header.Shape);
            TensorStream.Read(stream, tensor);
            if (header.BigEndian)
                SwapBytes(tensor);
            return header.FortranOrder && header.Shape.Rank > 1 ? FromFortran(tensor) : tensor;
        }
        catch (EndOfStreamException e)
        {
            throw new DataException($"{source}: the array ends early at byte {length}; the file is truncated, copy it again", e);
        }
    }

    private static void SwapBytes(Tensor tensor)
    {
        int width = tensor.DType == DType.C64 ? 4 : tensor.DType.Bits() / 8;
        for (long at = 0; at < tensor.ByteCount; at += width)
            MemoryMarshal.CreateSpan(ref Unsafe.Add(ref tensor.ByteOrigin, (nint)at), width).Reverse();
    }

    /// <summary>The elements of <paramref name="columns"/>, which lie with the first index fastest, with the last index fastest.</summary>
    private static Tensor FromFortran(Tensor columns)
    {
        Shape shape = columns.Shape;
        int width = columns.DType.Bits() / 8;
        var rows = new Tensor(columns.DType, shape);
        var index = new long[shape.Rank];
        for (long to = 0; to < columns.ElementCount; to++)
        {
            long from = 0;
            for (int i = shape.Rank - 1; i >= 0; i--)
                from = from * shape[i] + index[i];
            Unsafe.CopyBlockUnaligned(ref Unsafe.Add(ref rows.ByteOrigin, (nint)(to * width)), ref Unsafe.Add(ref columns.ByteOrigin, (nint)(from * width)), (uint)width);
            for (int i = shape.Rank - 1; i >= 0 && ++index[i] == shape[i]; i--)
                index[i] = 0;
        }

        return rows;
    }
}
