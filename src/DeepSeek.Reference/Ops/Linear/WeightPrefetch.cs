using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Asks for weights before they are needed. Hints: they change no bit and may name any address.</summary>
internal static unsafe class WeightPrefetch
{
    /// <summary>Bytes of a line.</summary>
    public const int LineBytes = 64;

    // How far ahead of itself a stream asks.
    private const int StreamBytes = 2 << 10;
    private const int PassingBytes = 256;
    private const int AheadBytes = 1 << 10;

    /// <summary>After how many bytes of a stream <see cref="NextPage"/> asks again.</summary>
    public const int BlockBytes = 512;

    private const int PageBytes = 4 << 10;

    /// <summary>For a run of bytes that is read from its start to its end: the line a little after this byte, into the first-level cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Stream(byte* address)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(address + StreamBytes);
    }

    /// <summary>
    /// Whether <see cref="Ahead"/>, a hint for every line, draws more from memory than <see cref="NextPage"/>. So it does on a Zen 5, by a fifth to a third; on a Zen 4 hints for
    /// every line cost up to a half. Processors that nobody measured are taken to be of the newer kind.
    /// </summary>
    public static readonly bool EveryLine = Sse.IsSupported && !Processor.IsZen4;

    /// <summary>
    /// For a run of bytes that is read from its start to its end: the line a kilobyte after this byte, once a line. Half a kilobyte came too late, two kilobytes drove out what was
    /// not yet used. Not marked as passing, which brought nothing: two or three rows of x read the same bytes again.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(byte* address)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(address + AheadBytes);
    }

    /// <summary>
    /// For a run of bytes that is read from its start to its end: the line a page after this byte, once a block. The processor sees the run by itself and runs ahead of it
    /// where it knows the page; on a Zen 4 asking for every line took from it what it gained.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void NextPage(byte* address) => Line(address + PageBytes);

    /// <summary>As <see cref="Stream"/>, of bytes that nobody needs again: they shall not drive others out of the caches.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Passing(byte* address)
    {
        if (Sse.IsSupported)
            Sse.PrefetchNonTemporal(address + PassingBytes);
    }

    /// <summary>The lines of these bytes, which begin one, into the first-level cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Near(byte* start, int bytes)
    {
        for (int at = 0; Sse.IsSupported && at < bytes; at += LineBytes)
            Sse.Prefetch0(start + at);
    }

    /// <summary>The line that holds this byte, into the second-level cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Line(byte* address)
    {
        if (Sse.IsSupported)
            Sse.Prefetch1(address);
    }

    /// <summary>Part <paramref name="part"/> of <paramref name="parts"/> of a run of bytes, so that its lines are asked for a few at a time.</summary>
    public static void Share(byte* start, nint bytes, int part, int parts)
    {
        nint end = bytes * (part + 1) / parts;
        for (nint at = bytes * part / parts; at < end; at += LineBytes)
            Line(start + at);
    }
}
