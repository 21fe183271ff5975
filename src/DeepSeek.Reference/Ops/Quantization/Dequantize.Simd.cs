using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.Ops;

public static partial class Dequantize
{
    /// <summary>The same bits as Define for row t, each value rounded once more where y is bfloat16. Needs <see cref="Isa.Any"/>.</summary>
    /// <typeparam name="C">byte for E4M3, ushort for E5M6.</typeparam>
    /// <typeparam name="Y">float, or ushort for bfloat16 codes.</typeparam>
    /// <param name="codes">The first code of all.</param>
    /// <param name="scales">The first scale of all.</param>
    /// <param name="t">Which row.</param>
    /// <param name="K">The columns.</param>
    /// <param name="grid">The tiles.</param>
    /// <param name="y">The first value of all.</param>
    internal static void SimdRow<C, Y>(ref C codes, ref float scales, int t, int K, TileGrid grid, ref Y y) where C : unmanaged where Y : unmanaged
    {
        if (Isa.Has512)
            Row<Lanes512, Words512, C, Y>(ref codes, ref scales, t, K, grid, ref y);
        else if (Isa.Has256)
            Row<Lanes256, Words256, C, Y>(ref codes, ref scales, t, K, grid, ref y);
        else
            Row<Lanes128, Words128, C, Y>(ref codes, ref scales, t, K, grid, ref y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Row<L, W, C, Y>(ref C codes, ref float scales, int t, int K, TileGrid grid, ref Y y)
        where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where C : unmanaged where Y : unmanaged
    {
        ref C from = ref Unsafe.Add(ref codes, (nint)t * K);
        ref Y to = ref Unsafe.Add(ref y, (nint)t * K);
        ref float s = ref Unsafe.Add(ref scales, (nint)(t / grid.Height) * grid.Across);
        if (grid.Width == 1 && grid.Height != 1)
        {
            ByColumn<L, W, C, Y>(ref from, K, ref s, ref to);
            return;
        }

        // Counted in tiles: beside the longest row there is, k would step past what an int holds.
        for (int j = 0; j < grid.Across; j++)
        {
            int k = j * grid.Width;
            Run<L, W, C, Y>(ref Unsafe.Add(ref from, k), Math.Min(grid.Width, K - k), Unsafe.Add(ref s, j), ref Unsafe.Add(ref to, k));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<L, W, C, Y>(ref C codes, nint count, float scale, ref Y y)
        where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where C : unmanaged where Y : unmanaged
    {
        L s = L.Broadcast(scale);
        nint k = typeof(L) == typeof(Lanes512) && typeof(C) == typeof(byte) && typeof(Y) == typeof(ushort) && Dequantize512.Takes(scale)
            ? Dequantize512.Run(ref Unsafe.As<C, byte>(ref codes), count, scale, ref Unsafe.As<Y, ushort>(ref y))
            : 0;
        for (; k <= count - 16; k += 16)
            Store<L, W, Y>(Decode<L, W, C>(ref Unsafe.Add(ref codes, k)) * s, ref Unsafe.Add(ref y, k));
        for (; k < count; k++)
            Unsafe.Add(ref y, k) = Value<C, Y>(Unsafe.Add(ref codes, k), scale);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ByColumn<L, W, C, Y>(ref C codes, nint count, ref float scales, ref Y y)
        where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where C : unmanaged where Y : unmanaged
    {
        nint k = 0;
        for (; k <= count - 16; k += 16)
            Store<L, W, Y>(Decode<L, W, C>(ref Unsafe.Add(ref codes, k)) * L.Load(ref Unsafe.Add(ref scales, k)), ref Unsafe.Add(ref y, k));
        for (; k < count; k++)
            Unsafe.Add(ref y, k) = Value<C, Y>(Unsafe.Add(ref codes, k), Unsafe.Add(ref scales, k));
    }

    /// <summary>Sixteen codes as values.</summary>
    /// <remarks>
    /// The magnitude's bits, moved and with the exponent's bias changed, are the value's. Below the smallest normal number n they would lack the
    /// leading zero's exponent, so that such a code is read as 1.f · n, and n is subtracted. All ones in the exponent become binary32's.
    /// </remarks>
    [MethodImpl(Always)]
    private static L Decode<L, W, C>(ref C codes) where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where C : unmanaged
    {
        bool e4m3 = typeof(C) == typeof(byte);
        int dropped = e4m3 ? 20 : 17;
        uint magnitude = e4m3 ? 0x7Fu : 0x7FFu, firstNormal = e4m3 ? 0x08u : 0x40u, lastFinite = e4m3 ? 0x7Eu : 0x7BFu, rebias = e4m3 ? 120u : 112u;
        W code = e4m3 ? W.LoadBytes(ref Unsafe.As<C, byte>(ref codes)) : W.LoadHalves(ref Unsafe.As<C, ushort>(ref codes));
        W u = code & W.Broadcast(magnitude);
        W tiny = W.Greater(W.Broadcast(firstNormal), u);
        W bits = (u << dropped) + W.Broadcast(rebias << 23) + (tiny & W.Broadcast(1u << 23));
        L value = W.Lanes(bits) - W.Lanes(tiny & W.Broadcast((rebias + 1) << 23));
        W special = W.Greater(u, W.Broadcast(lastFinite)) & W.Broadcast(0x7F800000);
        W sign = (code << (e4m3 ? 24 : 20)) & W.Broadcast(0x80000000);
        return W.Lanes(W.Of(value) | special | sign);
    }

    [MethodImpl(Always)]
    private static void Store<L, W, Y>(L value, ref Y y) where L : struct, ILanes<L> where W : struct, IWordLanes<W, L> where Y : unmanaged
    {
        if (typeof(Y) == typeof(float))
        {
            L.Store(value, ref Unsafe.As<Y, float>(ref y));
            return;
        }

        W u = W.Of(value);
        W nan = W.Greater(u & W.Broadcast(0x7FFFFFFF), W.Broadcast(0x7F800000));
        W up = W.Broadcast(0x7FFF) + ((u >> 16) & W.Broadcast(1));
        // A NaN gets its quiet bit instead of a rounding, which could carry into the sign.
        W rounded = u + W.Without(up, nan) | (nan & W.Broadcast(0x400000));
        W.StoreHalves(rounded >> 16, ref Unsafe.As<Y, ushort>(ref y));
    }

    /// <summary>One element as the definition has it.</summary>
    private static Y Value<C, Y>(C code, float scale) where C : unmanaged where Y : unmanaged
    {
        float value = (typeof(C) == typeof(byte) ? Unsafe.As<C, Float8E4M3>(ref code).ToSingle() : Unsafe.As<C, FloatE5M6>(ref code).ToSingle()) * scale;
        ushort half = BFloat16.Round(value).Bits;
        return typeof(Y) == typeof(float) ? Unsafe.As<float, Y>(ref value) : Unsafe.As<ushort, Y>(ref half);
    }
}
