using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DeepSeek.Reference.Numerics;

/// <summary>Conversions of whole spans between binary32 and bfloat16, bit-equal to <see cref="BFloat16"/>'s element by element.</summary>
public static class BFloat16Spans
{
    /// <summary>y_i = x_i exactly.</summary>
    /// <exception cref="ShapeException">y is shorter than x.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ReadOnlySpan<BFloat16> x, Span<float> y)
    {
        if (y.Length < x.Length)
            throw new ShapeException($"{x.Length} bfloat16 values do not fit {y.Length} floats");
        ref ushort from = ref Unsafe.As<BFloat16, ushort>(ref MemoryMarshal.GetReference(x));
        ref float to = ref MemoryMarshal.GetReference(y);
        int i = 0;
        if (Isa.Has512)
        {
            for (; i <= x.Length - 16; i += 16)
                Widen16(ref Unsafe.Add(ref from, i)).StoreUnsafe(ref to, (nuint)i);
        }

        if (Isa.Has256)
        {
            for (; i <= x.Length - 8; i += 8)
            {
                Vector128<ushort> codes = Vector128.LoadUnsafe(ref from, (nuint)i);
                (Vector256.WidenLower(codes.ToVector256Unsafe()) << 16).AsSingle().StoreUnsafe(ref to, (nuint)i);
            }
        }

        for (; i < x.Length; i++)
            y[i] = x[i].ToSingle();
    }

    /// <summary>y_i = bfloat16(x_i): nearest, ties to even, NaN made quiet.</summary>
    /// <exception cref="ShapeException">y is shorter than x.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Round(ReadOnlySpan<float> x, Span<BFloat16> y)
    {
        if (y.Length < x.Length)
            throw new ShapeException($"{x.Length} floats do not fit {y.Length} bfloat16 values");
        ref float from = ref MemoryMarshal.GetReference(x);
        ref ushort to = ref Unsafe.As<BFloat16, ushort>(ref MemoryMarshal.GetReference(y));
        int i = 0;
        if (Isa.Has512)
        {
            for (; i <= x.Length - 32; i += 32)
            {
                Vector512<uint> lower = RoundToUpperHalf(Vector512.LoadUnsafe(ref from, (nuint)i)) >> 16;
                Vector512<uint> upper = RoundToUpperHalf(Vector512.LoadUnsafe(ref from, (nuint)i + 16)) >> 16;
                Vector512.Narrow(lower, upper).StoreUnsafe(ref to, (nuint)i);
            }
        }

        if (Isa.Has256)
        {
            for (; i <= x.Length - 16; i += 16)
            {
                Vector256<uint> lower = RoundToUpperHalf(Vector256.LoadUnsafe(ref from, (nuint)i)) >> 16;
                Vector256<uint> upper = RoundToUpperHalf(Vector256.LoadUnsafe(ref from, (nuint)i + 8)) >> 16;
                Vector256.Narrow(lower, upper).StoreUnsafe(ref to, (nuint)i);
            }
        }

        for (; i < x.Length; i++)
            y[i] = BFloat16.Round(x[i]);
    }

    /// <summary>x_i = the binary32 of bfloat16(x_i), in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RoundInPlace(Span<float> x)
    {
        ref float p = ref MemoryMarshal.GetReference(x);
        int i = 0;
        if (Isa.Has512)
        {
            for (; i <= x.Length - 16; i += 16)
                RoundToUpperHalf(Vector512.LoadUnsafe(ref p, (nuint)i)).AsSingle().StoreUnsafe(ref p, (nuint)i);
        }

        if (Isa.Has256)
        {
            for (; i <= x.Length - 8; i += 8)
                RoundToUpperHalf(Vector256.LoadUnsafe(ref p, (nuint)i)).AsSingle().StoreUnsafe(ref p, (nuint)i);
        }

        for (; i < x.Length; i++)
            x[i] = BFloat16.RoundToFloat(x[i]);
    }

    /// <summary>Sixteen bfloat16 codes as binary32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Widen16(ref ushort from) =>
        (Vector512.WidenLower(Vector256.LoadUnsafe(ref from).ToVector512Unsafe()) << 16).AsSingle();

    /// <summary>The bits of bfloat16(x) in the upper half of each word, the lower half zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<uint> RoundToUpperHalf(Vector512<float> x)
    {
        Vector512<uint> u = x.AsUInt32();
        Vector512<uint> rounded = u + Vector512.Create(0x7FFFu) + ((u >> 16) & Vector512.Create(1u));
        Vector512<uint> quiet = u | Vector512.Create(0x00400000u);
        return Vector512.ConditionalSelect(Vector512.Equals(x, x).AsUInt32(), rounded, quiet) & Vector512.Create(0xFFFF0000u);
    }

    /// <inheritdoc cref="RoundToUpperHalf(Vector512{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> RoundToUpperHalf(Vector256<float> x)
    {
        Vector256<uint> u = x.AsUInt32();
        Vector256<uint> rounded = u + Vector256.Create(0x7FFFu) + ((u >> 16) & Vector256.Create(1u));
        Vector256<uint> quiet = u | Vector256.Create(0x00400000u);
        return Vector256.ConditionalSelect(Vector256.Equals(x, x).AsUInt32(), rounded, quiet) & Vector256.Create(0xFFFF0000u);
    }
}
