using System.Runtime.CompilerServices;

namespace DeepSeek.Reference;

/// <summary>Looks for NaN and infinities among a tensor's elements, where they lie.</summary>
internal static class NonFinite
{
    /// <summary>Index of the first NaN and of the first infinity among <paramref name="count"/> elements from <paramref name="start"/> on; -1 where there is none. Stops at a NaN.</summary>
    public static (long NaN, long Infinity) First(Tensor t, long start, long count) => t.DType switch
    {
        DType.F32 => Scan<uint>(t, start, count, 0x7FFF_FFFF, 0x7F80_0000),
        DType.BF16 => Scan<ushort>(t, start, count, 0x7FFF, 0x7F80),
        DType.F16 => Scan<ushort>(t, start, count, 0x7FFF, 0x7C00),
        DType.F64 => Scan<ulong>(t, start, count, 0x7FFF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000),
        DType.F8_E5M2 => Scan<byte>(t, start, count, 0x7F, 0x7C),
        DType.F8_E4M3 => (Scan<byte>(t, start, count, 0x7F, 0x7F).Infinity, -1),
        DType.F8_E8M0 => (Scan<byte>(t, start, count, 0xFF, 0xFF).Infinity, -1),
        _ => (-1, -1),
    };

    /// <summary>The same over all elements.</summary>
    public static (long NaN, long Infinity) First(Tensor t) => First(t, 0, t.ElementCount);

    private static (long NaN, long Infinity) Scan<T>(Tensor t, long start, long count, ulong mask, ulong infinity) where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        T magnitude = T.CreateTruncating(mask), limit = T.CreateTruncating(infinity);
        ref T origin = ref Unsafe.As<byte, T>(ref t.ByteOrigin);
        long first = -1;
        for (long i = start; i < start + count; i++)
        {
            T code = Unsafe.Add(ref origin, (nint)i) & magnitude;
            if (code < limit)
                continue;
            if (code > limit)
                return (i, first);
            if (first < 0)
                first = i;
        }

        return (-1, first);
    }
}
