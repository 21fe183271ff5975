using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DeepSeek.Reference.Verification;

/// <summary>A tensor inside a larger allocation, with canaries before and after it, at any element's distance from a 64-byte boundary.</summary>
/// <remarks>
/// <code>
/// | canary, 64 bytes | offset elements of canary | the tensor | canary, 64 bytes or more |
/// </code>
/// A canary is the bytes FF 7F again and again: a NaN as binary32, bfloat16 and E4M3, an impossible index as I32. What is read beyond a tensor so spoils the result;
/// what is written there is seen. An output is filled with its dtype's <see cref="Poison"/>, which no operation writes.
/// </remarks>
internal sealed class HarnessBuffer
{
    /// <summary>Bytes of canary on each side.</summary>
    public const int Guard = 64;

    /// <summary>Bytes looked at in one span: whole elements of any dtype.</summary>
    private const int Most = 1 << 30;

    private readonly Tensor whole;
    private readonly long first;

    /// <summary>Room for a tensor; its elements are canaries too until they are filled.</summary>
    /// <param name="like">Dtype and shape.</param>
    /// <param name="offset">Elements between the 64-byte boundary and the tensor.</param>
    public HarnessBuffer(Tensor like, int offset)
    {
        first = Guard + offset * like.DType.ByteCount(1);
        var storage = new ManagedStorage(first + like.ByteCount + Guard);
        whole = new Tensor(DType.U8, new Shape(storage.ByteLength), storage, 0);
        Tensor = new Tensor(like.DType, like.Shape, storage, first);
        Fill(whole, Canary);
    }

    /// <summary>The tensor between the canaries.</summary>
    public Tensor Tensor { get; }

    private static ReadOnlySpan<byte> Canary => [0xFF, 0x7F];

    /// <summary>A tensor's copy between canaries.</summary>
    public static HarnessBuffer Holding(Tensor tensor, int offset)
    {
        var buffer = new HarnessBuffer(tensor, offset);
        tensor.CopyTo(buffer.Tensor);
        Backends.TensorOrigin.Carry(tensor, buffer.Tensor);
        return buffer;
    }

    /// <summary>An output between canaries, poisoned.</summary>
    /// <param name="tensor">Dtype and shape.</param>
    /// <param name="offset">Elements between the 64-byte boundary and the tensor.</param>
    /// <param name="run">Number of the run: codes of 8 bits have another poison in every second.</param>
    public static HarnessBuffer Poisoned(Tensor tensor, int offset, int run = 0)
    {
        var buffer = new HarnessBuffer(tensor, offset);
        Fill(buffer.Tensor, Whole(tensor.DType, run));
        return buffer;
    }

    /// <summary>The distance from the tensor's first byte to the first canary that was overwritten, negative before it; null where all stand.</summary>
    public long? Overwritten()
    {
        for (long i = 0; i < first; i++)
        {
            if (At(whole, i) != Canary[(int)(i & 1)])
                return i - first;
        }

        for (long i = first + Tensor.ByteCount; i < whole.ByteCount; i++)
        {
            if (At(whole, i) != Canary[(int)(i & 1)])
                return i - first;
        }

        return null;
    }

    /// <summary>The bytes that an element has before it is written: a NaN with a payload of its own for real numbers, a code outside the format, an index that is none.</summary>
    public static ReadOnlySpan<byte> Poison(DType dtype) => dtype switch
    {
        DType.F32 => [0xA5, 0xA5, 0xE5, 0x7F],
        DType.BF16 => [0xE5, 0x7F],
        DType.I32 => [0x01, 0x00, 0x00, 0x80],
        DType.F8_E4M3 => [0xFF],
        DType.U16 => [0xFF, 0xFF],
        _ => [0xA5],
    };

    /// <summary>Whether element i still holds the poison.</summary>
    public static bool IsPoison(Tensor tensor, long i, int run = 0)
    {
        int size = (int)tensor.DType.ByteCount(1);
        return Bytes(tensor, i * size, size).SequenceEqual(Whole(tensor.DType, run));
    }

    /// <summary>Whether elements are codes of 8 bits, of which each may be a result.</summary>
    public static bool IsCode(DType dtype) => dtype.Bits() <= 8;

    /// <summary>The first element that still holds the poison; null where none does.</summary>
    public static long? FirstPoison(Tensor tensor)
    {
        ReadOnlySpan<byte> poison = Whole(tensor.DType, 0);
        for (long at = 0; at < tensor.ByteCount; at += Most)
        {
            ReadOnlySpan<byte> bytes = Bytes(tensor, at, (int)Math.Min(Most, tensor.ByteCount - at));
            int found = poison.Length switch
            {
                4 => MemoryMarshal.Cast<byte, uint>(bytes).IndexOf(MemoryMarshal.Read<uint>(poison)),
                2 => MemoryMarshal.Cast<byte, ushort>(bytes).IndexOf(MemoryMarshal.Read<ushort>(poison)),
                1 => bytes.IndexOf(poison[0]),
                _ => MemoryMarshal.Cast<byte, ulong>(bytes).IndexOf(MemoryMarshal.Read<ulong>(poison)),
            };
            if (found >= 0)
                return at / poison.Length + found;
        }

        return null;
    }

    /// <summary>The first byte at which two tensors of one size differ; null where none does.</summary>
    public static long? FirstDifference(Tensor a, Tensor b)
    {
        for (long at = 0; at < a.ByteCount; at += Most)
        {
            int count = (int)Math.Min(Most, a.ByteCount - at);
            int equal = Bytes(a, at, count).CommonPrefixLength(Bytes(b, at, count));
            if (equal < count)
                return at + equal;
        }

        return null;
    }

    private static void Fill(Tensor tensor, ReadOnlySpan<byte> pattern)
    {
        for (long at = 0; at < tensor.ByteCount; at += Most)
        {
            Span<byte> bytes = Bytes(tensor, at, (int)Math.Min(Most, tensor.ByteCount - at));
            int done = Math.Min(pattern.Length, bytes.Length);
            pattern[..done].CopyTo(bytes);
            for (; done < bytes.Length; done = Math.Min(2 * done, bytes.Length))
                bytes[..Math.Min(done, bytes.Length - done)].CopyTo(bytes[done..]);
        }
    }

    /// <summary>The poison of one element.</summary>
    private static byte[] Whole(DType dtype, int run)
    {
        ReadOnlySpan<byte> poison = Poison(dtype);
        if (IsCode(dtype) && run % 2 == 1)
            return [(byte)(dtype == DType.F8_E4M3 ? 0x7F : ~poison[0])]; // a NaN too
        var whole = new byte[dtype.ByteCount(1)];
        for (int b = 0; b < whole.Length; b++)
            whole[b] = poison[b % poison.Length];
        return whole;
    }

    private static byte At(Tensor tensor, long i) => Unsafe.Add(ref tensor.ByteOrigin, (nint)i);

    private static Span<byte> Bytes(Tensor tensor, long start, int count) => MemoryMarshal.CreateSpan(ref Unsafe.Add(ref tensor.ByteOrigin, (nint)start), count);
}
