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

    /// <summary>Replaces every NaN among whole elements.</summary>
    private static void Canonicalize(DType dtype, Span<byte> bytes)
    {
        if (!BitConverter.IsLittleEndian)
            throw new ContractException("tensors are hashed on little-endian machines only");
        switch (dtype)
        {
            case DType.F64:
                Replace64(bytes);
                break;
            case DType.F32 or DType.C64:
                foreach (ref uint u in MemoryMarshal.Cast<byte, uint>(bytes))
                    u = (u & 0x7FFFFFFFu) > 0x7F800000u ? 0x7FC00000u : u;
                break;
            case DType.BF16:
                Replace16(bytes, infinity: 0x7F80, nan: 0x7FC0);
                break;
            case DType.F16:
                Replace16(bytes, infinity: 0x7C00, nan: 0x7E00);
                break;
            case DType.F8_E4M3:
                Replace8(bytes, largest: 0x7E, nan: 0x7F);
                break;
            case DType.F8_E5M2:
                Replace8(bytes, largest: 0x7C, nan: 0x7E);
                break;
        }
    }

    private static void Replace64(Span<byte> bytes)
    {
        foreach (ref ulong u in MemoryMarshal.Cast<byte, ulong>(bytes))
            u = (u & 0x7FFFFFFFFFFFFFFFul) > 0x7FF0000000000000ul ? 0x7FF8000000000000ul : u;
    }

    private static void Replace16(Span<byte> bytes, int infinity, ushort nan)
    {
        foreach (ref ushort u in MemoryMarshal.Cast<byte, ushort>(bytes))
            u = (u & 0x7FFF) > infinity ? nan : u;
    }

    private static void Replace8(Span<byte> bytes, int largest, byte nan)
    {
        foreach (ref byte u in bytes)
            u = (u & 0x7F) > largest ? nan : u;
    }
}
