using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace DeepSeek.Reference.Verification;

/// <summary>SHA-256 over a tensor's canonical bytes: row-major, little-endian, every NaN the format's canonical quiet NaN (rules N3 and N15).</summary>
/// <remarks>Canonical NaNs: F64 7FF8000000000000, F32 7FC00000, BF16 7FC0, F16 7E00, E4M3 7F, E5M2 7E. -0 and +0 are different bits (rule N4).</remarks>
public static class CanonicalHash
{
    private const int ChunkBytes = 1 << 16;

    /// <summary>The digest as 64 lower-case hexadecimal digits. Dtype and shape are not part of it.</summary>
    public static string Of(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] chunk = new byte[ChunkBytes];
        for (long at = 0; at < tensor.ByteCount; at += ChunkBytes)
        {
            int count = (int)Math.Min(ChunkBytes, tensor.ByteCount - at);
            Span<byte> bytes = chunk.AsSpan(0, count);
            MemoryMarshal.CreateReadOnlySpan(ref Unsafe.AddByteOffset(ref tensor.ByteOrigin, (nint)at), count).CopyTo(bytes);
            Canonicalize(tensor.DType, bytes);
            sha.AppendData(bytes);
        }

        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }

    /// <summary>The digest of a file's bytes as they are.</summary>
    public static string OfFile(string path)
    {
        using FileStream file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    /// <summary>The canonical little-endian bits of one element, as hexadecimal digits.</summary>
    public static string ElementBits(Tensor tensor, long index)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        int width = Math.Max(1, tensor.DType.Bits() / 8);
        Span<byte> bytes = stackalloc byte[8];
        bytes = bytes[..width];
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.AddByteOffset(ref tensor.ByteOrigin, (nint)(index * width)), width).CopyTo(bytes);
        Canonicalize(tensor.DType, bytes);
        bytes.Reverse();
        return "0x" + Convert.ToHexString(bytes);
    }

    private static void Canonicalize(DType dtype, Span<byte> bytes)
    {
        if (!BitConverter.IsLittleEndian)
            throw new ContractException("tensors are hashed on little-endian machines only");
        CanonicalNaN.Apply(dtype, bytes);
    }
}
