using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

/// <summary>Sixteen lanes from elements of either format: float, or ushort for bfloat16 codes. The JIT compiles one branch for each.</summary>
internal static class LaneElements
{
    /// <summary>Sixteen values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<T, E>(ref E from) where T : struct, ILanes<T> where E : unmanaged =>
        typeof(E) == typeof(float) ? T.Load(ref Unsafe.As<E, float>(ref from)) : T.LoadBFloat16(ref Unsafe.As<E, ushort>(ref from));

    /// <summary>The first <paramref name="count"/> values, the other lanes +0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LoadPartial<T, E>(ref E from, int count) where T : struct, ILanes<T> where E : unmanaged =>
        typeof(E) == typeof(float)
            ? LaneTails.LoadPartial<T>(ref Unsafe.As<E, float>(ref from), count)
            : LaneTails.LoadPartialBFloat16<T>(ref Unsafe.As<E, ushort>(ref from), count);
}
