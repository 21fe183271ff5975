using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DeepSeek.Reference;

/// <summary>Bytes that a tensor lies in: managed memory, or a part of a mapped file. Spans never outlive what they point into.</summary>
internal abstract class TensorStorage
{
    public abstract long ByteLength { get; }

    public abstract bool IsReadOnly { get; }

    /// <summary>The first byte. For a managed storage a true reference, which keeps the array alive.</summary>
    public abstract ref byte Origin { get; }
}

/// <summary>Managed memory on the pinned heap, zeroed, aligned to 64 bytes, of any size the machine has.</summary>
internal sealed class ManagedStorage : TensorStorage
{
    private readonly Block[] blocks;
    private readonly int skip;

    public unsafe ManagedStorage(long byteLength)
    {
        ByteLength = byteLength;
        long count = (byteLength + 63) / 64 + 1;
        if (count > Array.MaxLength)
            throw new ShapeException($"a tensor of {byteLength} bytes is larger than managed memory can hold");
        // An array of 64-byte blocks reaches 128 GiB, where an array of bytes ends at 2 GiB.
        try
        {
            blocks = GC.AllocateArray<Block>((int)count, pinned: true);
        }
        catch (OutOfMemoryException)
        {
            throw new ShapeException($"a tensor of {byteLength} bytes does not fit in this machine's memory");
        }

        nuint address = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(blocks));
        skip = (int)((64 - address % 64) % 64);
    }

    public override long ByteLength { get; }

    public override bool IsReadOnly => false;

    public override ref byte Origin => ref Unsafe.Add(ref Unsafe.As<Block, byte>(ref MemoryMarshal.GetArrayDataReference(blocks)), skip);

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Block
    {
        public byte First;
    }
}

/// <summary>Read-only bytes of a mapped file. The mapping's owner unmaps on Dispose alone, never by a finalizer.</summary>
internal sealed unsafe class MappedStorage : TensorStorage
{
    private readonly byte* pointer;
    private readonly Func<bool> isClosed;
    private readonly string path;

    public MappedStorage(byte* pointer, long byteLength, string path, Func<bool> isClosed)
    {
        this.pointer = pointer;
        this.path = path;
        this.isClosed = isClosed;
        ByteLength = byteLength;
    }

    public override long ByteLength { get; }

    public override bool IsReadOnly => true;

    public override ref byte Origin
    {
        get
        {
            if (isClosed())
                throw new ObjectDisposedException(path, "the checkpoint was closed while its tensors are still in use");
            return ref *pointer;
        }
    }
}
