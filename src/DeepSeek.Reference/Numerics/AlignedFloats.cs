using System.Buffers;
using System.Runtime.InteropServices;

namespace DeepSeek.Reference.Numerics;

/// <summary>Pooled working memory that begins on a cache line: vectors that straddle two lines cost twice. Not cleared.</summary>
internal readonly unsafe struct AlignedFloats : IDisposable
{
    private const int LineBytes = 64;

    private readonly float[]? rented;
    private readonly GCHandle pin;

    /// <summary>Room for count values; none at all for 0.</summary>
    public AlignedFloats(int count)
    {
        if (count == 0)
            return;
        rented = ArrayPool<float>.Shared.Rent(checked(count + LineBytes / sizeof(float)));
        pin = GCHandle.Alloc(rented, GCHandleType.Pinned);
        Pointer = (float*)(((nuint)pin.AddrOfPinnedObject() + (LineBytes - 1)) & ~(nuint)(LineBytes - 1));
    }

    /// <summary>The first value; valid until <see cref="Dispose"/>.</summary>
    public float* Pointer { get; }

    /// <summary>The next whole number of cache lines, in floats.</summary>
    public static int WholeLines(int count) => checked(count + 15) & ~15;

    public void Dispose()
    {
        if (rented is null)
            return;
        pin.Free();
        ArrayPool<float>.Shared.Return(rented);
    }
}
