using System.Runtime.CompilerServices;

namespace DeepSeek.Reference;

/// <summary>Memory that a native caller lends for the length of a call. Who makes one answers for the pointer.</summary>
internal sealed unsafe class BorrowedStorage(byte* pointer, long byteLength) : TensorStorage
{
    public override long ByteLength => byteLength;

    public override bool IsReadOnly => false;

    public override ref byte Origin => ref Unsafe.AsRef<byte>(pointer);
}
