using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>C = A Kᵀ where both are contiguous along the sum: queries against keys, or activations against a weight's rows.</summary>
/// <remarks>
/// <code>
/// C_{m,n} = Lanes16_d A_{m,d} K_{n,d}
/// </code>
/// Many rows: sixty-four keys at a time are turned into a panel [D, 64] (bfloat16 widened on the way), which <see cref="ResidueProduct"/> multiplies; the turn
/// costs about as much as four rows do. Few rows: plain dot products, sixteen lanes along d, one pass over the keys.
/// </remarks>
internal static class KeyProduct
{
    /// <summary>Keys a panel.</summary>
    public const int Block = 64;

    /// <summary>Below this many rows the turn does not pay.</summary>
    public const int FewRows = 4;

    private const int Chunk = 64;

    /// <summary>Floats of scratch for <see cref="Turn"/> and <see cref="Multiply"/>, which take it in turns.</summary>
    public static int ScratchFloats(int M, int D) => Math.Max(Block * Chunk, ResidueProduct.ScratchFloats(M, D));

    /// <summary>The panel of up to 64 keys, to be read by <see cref="Multiply"/>; keys past the count are +0.</summary>
    public static void Turn<E>(ref E keys, nint stride, int count, int D, ref float panel, ref float scratch) where E : unmanaged
    {
        for (int d = 0; d < D; d += Chunk)
        {
            int width = Math.Min(Chunk, D - d);
            if (typeof(E) == typeof(float))
            {
                TurnChunk(ref Unsafe.As<E, float>(ref Unsafe.Add(ref keys, d)), stride, count, width, ref Unsafe.Add(ref panel, d * Block));
                continue;
            }

            for (int n = 0; n < count; n++)
            {
                ref BFloat16 key = ref Unsafe.As<E, BFloat16>(ref Unsafe.Add(ref keys, n * stride + d));
                BFloat16Spans.Widen(MemoryMarshal.CreateReadOnlySpan(ref key, width), MemoryMarshal.CreateSpan(ref Unsafe.Add(ref scratch, n * Chunk), width));
            }

            TurnChunk(ref scratch, Chunk, count, width, ref Unsafe.Add(ref panel, d * Block));
        }
    }

    /// <summary>C [M, N] from rows of A and the first N keys of a panel; a panel of some channels begins at their first row.</summary>
    public static void Multiply<T>(ref float a, nint aStride, int M, ref float panel, int D, int N, ref float c, nint cStride, ref float scratch)
        where T : struct, ILanes<T> =>
        ResidueProduct.Multiply<T, float>(ref a, aStride, M, ref panel, Block, Block, D, N, ref c, cStride, ref scratch);

    /// <summary>Dot products of M rows with N keys where they lie.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dots<T, E>(ref float a, nint aStride, int M, ref E keys, nint stride, int N, int D, ref float c, nint cStride)
        where T : struct, ILanes<T> where E : unmanaged
    {
        for (int n = 0; n < N; n++)
        {
            ref E key = ref Unsafe.Add(ref keys, n * stride);
            for (int m = 0; m < M; m++)
                Unsafe.Add(ref c, m * cStride + n) = Dot<T, E>(ref Unsafe.Add(ref a, m * aStride), ref key, D);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Dot<T, E>(ref float a, ref E key, int D) where T : struct, ILanes<T> where E : unmanaged
    {
        T sum = T.Zero;
        int d = 0;
        for (; d <= D - 16; d += 16)
            sum = T.Fma(T.Load(ref Unsafe.Add(ref a, d)), LaneElements.Load<T, E>(ref Unsafe.Add(ref key, d)), sum);
        if (d < D)
        {
            T tail = LaneTails.LoadPartial<T>(ref Unsafe.Add(ref a, d), D - d);
            sum = T.Fma(tail, LaneElements.LoadPartial<T, E>(ref Unsafe.Add(ref key, d), D - d), sum);
        }

        return T.Fold(sum);
    }

    /// <summary>panel[d][n] = keys[n][d].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TurnChunk(ref float keys, nint stride, int count, int D, ref float panel)
    {
        int d = 0;
        for (; d <= D - 4; d += 4)
        {
            int n = 0;
            for (; n <= count - 4; n += 4)
                Turn4(ref Unsafe.Add(ref keys, n * stride + d), stride, ref Unsafe.Add(ref panel, d * Block + n));
            for (int i = 0; i < 4; i++)
                TurnOne(ref Unsafe.Add(ref keys, d + i), stride, n, count, ref Unsafe.Add(ref panel, (d + i) * Block));
        }

        for (; d < D; d++)
            TurnOne(ref Unsafe.Add(ref keys, d), stride, 0, count, ref Unsafe.Add(ref panel, d * Block));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TurnOne(ref float keys, nint stride, int from, int count, ref float row)
    {
        for (int n = from; n < count; n++)
            Unsafe.Add(ref row, n) = Unsafe.Add(ref keys, n * stride);
        for (int n = count; n < Block; n++)
            Unsafe.Add(ref row, n) = 0f;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn4(ref float keys, nint stride, ref float panel)
    {
        Vector128<float> a = Vector128.LoadUnsafe(ref keys), b = Vector128.LoadUnsafe(ref Unsafe.Add(ref keys, stride));
        Vector128<float> c = Vector128.LoadUnsafe(ref Unsafe.Add(ref keys, 2 * stride)), d = Vector128.LoadUnsafe(ref Unsafe.Add(ref keys, 3 * stride));
        Vector128<double> abLower = ZipLower(a, b).AsDouble(), abUpper = ZipUpper(a, b).AsDouble();
        Vector128<double> cdLower = ZipLower(c, d).AsDouble(), cdUpper = ZipUpper(c, d).AsDouble();
        ZipLower(abLower, cdLower).AsSingle().StoreUnsafe(ref panel);
        ZipUpper(abLower, cdLower).AsSingle().StoreUnsafe(ref panel, Block);
        ZipLower(abUpper, cdUpper).AsSingle().StoreUnsafe(ref panel, 2 * Block);
        ZipUpper(abUpper, cdUpper).AsSingle().StoreUnsafe(ref panel, 3 * Block);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLower(Vector128<float> x, Vector128<float> y) => Sse.IsSupported ? Sse.UnpackLow(x, y) : AdvSimd.Arm64.ZipLow(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipUpper(Vector128<float> x, Vector128<float> y) => Sse.IsSupported ? Sse.UnpackHigh(x, y) : AdvSimd.Arm64.ZipHigh(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> ZipLower(Vector128<double> x, Vector128<double> y) => Sse2.IsSupported ? Sse2.UnpackLow(x, y) : AdvSimd.Arm64.ZipLow(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> ZipUpper(Vector128<double> x, Vector128<double> y) => Sse2.IsSupported ? Sse2.UnpackHigh(x, y) : AdvSimd.Arm64.ZipHigh(x, y);
}
