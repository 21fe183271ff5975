using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>How the elements of a weight lie in memory; kernels are compiled once for each.</summary>
internal unsafe interface IWeightCodes
{
    static abstract int Bytes { get; }

    /// <summary>Sixteen values from element <paramref name="i"/> on.</summary>
    static abstract T Load<T>(byte* from, nint i) where T : struct, ILanes<T>;

    /// <summary>Sixteen values from element <paramref name="i"/> on, in one register.</summary>
    static abstract Vector512<float> Load512(byte* from, nint i);

    /// <summary>The last <paramref name="count"/> values from element <paramref name="i"/> on, then +0.</summary>
    static abstract T LoadTail<T>(byte* from, nint i, int count) where T : struct, ILanes<T>;

    /// <summary>Exact binary32 copies of count values.</summary>
    static abstract void Widen(byte* from, int count, float* to);
}

/// <summary>binary32 elements.</summary>
internal readonly unsafe struct Float32Codes : IWeightCodes
{
    public static int Bytes => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<T>(byte* from, nint i) where T : struct, ILanes<T> => T.Load(ref *((float*)from + i));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(byte* from, nint i) => Vector512.Load((float*)from + i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LoadTail<T>(byte* from, nint i, int count) where T : struct, ILanes<T> => LaneTails.LoadPartial<T>(ref *((float*)from + i), count);

    public static void Widen(byte* from, int count, float* to) => new ReadOnlySpan<float>(from, count).CopyTo(new Span<float>(to, count));
}

/// <summary>bfloat16 elements.</summary>
internal readonly unsafe struct BFloat16Codes : IWeightCodes
{
    public static int Bytes => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<T>(byte* from, nint i) where T : struct, ILanes<T> => T.LoadBFloat16(ref *((ushort*)from + i));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(byte* from, nint i) => BFloat16Spans.Widen16(ref *((ushort*)from + i));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LoadTail<T>(byte* from, nint i, int count) where T : struct, ILanes<T> =>
        LaneTails.LoadPartialBFloat16<T>(ref *((ushort*)from + i), count);

    public static void Widen(byte* from, int count, float* to) =>
        BFloat16Spans.Widen(new ReadOnlySpan<BFloat16>(from, count), new Span<float>(to, count));
}
