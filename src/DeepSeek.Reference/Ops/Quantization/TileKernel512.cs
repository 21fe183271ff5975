using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using DeepSeek.Reference.Numerics;
using static DeepSeek.Reference.Numerics.Inlining;

namespace DeepSeek.Reference.Ops;

/// <summary>
/// The loops of <see cref="TileKernel{L, W, E, C}"/> to E4M3 on 512-bit registers, thirty-two elements a step: what is the same for two registers is done once, on
/// halves of words. Bound by instructions otherwise, a quantiser of bfloat16 comes near the memory's pace so.
/// </summary>
/// <remarks>Bfloat16 elements stay in their order: the even ones are the lower halves of words, moved up, and the odd ones the upper halves, where they are.</remarks>
internal static class TileKernel512
{
    /// <summary>Elements of a step.</summary>
    public const int Step = 32;

    private const uint LeastField = 121u << 23;
    private const uint Up = 20u << 23;

    /// <summary>Raises sixteen running maxima by the magnitudes of whole steps, as <see cref="TileKernel{L, W, E, C}"/> does.</summary>
    [MethodImpl(Always)]
    public static Vector512<uint> Greatest(ref ushort x, nint count, Vector512<uint> running)
    {
        Vector512<ushort> magnitude = Vector512.Create((ushort)0x7FFF), halves = default;
        for (nint k = 0; k <= count - Step; k += Step)
            halves = Vector512.Max(halves, Vector512.LoadUnsafe(ref x, (nuint)k) & magnitude);
        Vector512<uint> words = halves.AsUInt32();
        return Vector512.Max(running, Vector512.Max(words << 16, words & Vector512.Create(0xFFFF0000)));
    }

    /// <summary>The codes of tiles beside each other, of whole steps, each with a factor and a residue of its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tiles<E>(ref E x, int tiles, int width, ref float factors, ref float residues, bool divides, nint ahead, ref byte codes) where E : unmanaged
    {
        // Two loops, so that neither asks at each step.
        if (divides)
            EachTile(ref x, tiles, width, ref factors, ref residues, true, ahead, ref codes);
        else
            EachTile(ref x, tiles, width, ref factors, ref residues, false, ahead, ref codes);
    }

    [MethodImpl(Always)]
    private static void EachTile<E>(ref E x, int tiles, int width, ref float factors, ref float residues, bool divides, nint ahead, ref byte codes) where E : unmanaged
    {
        for (int n = 0; n < tiles; n++)
        {
            ref E run = ref Unsafe.Add(ref x, (nint)n * width);
            ref byte to = ref Unsafe.Add(ref codes, (nint)n * width);
            if (typeof(E) == typeof(float))
                Codes(ref Unsafe.As<E, float>(ref run), width, Unsafe.Add(ref factors, n), Unsafe.Add(ref residues, n), divides, ahead, ref to);
            else
                Codes(ref Unsafe.As<E, ushort>(ref run), width, Unsafe.Add(ref factors, n), Unsafe.Add(ref residues, n), divides, ahead, ref to);
        }
    }

    /// <summary>The codes of bfloat16 tiles beside each other, of whole steps, whose maxima are all at least <see cref="BFloat16Steps.LeastAmax"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tiles(
        ref ushort x, int tiles, int width, BFloat16Steps steps, ref uint amax, ref float factors, ref float residues, bool divides, nint ahead, ref byte codes)
    {
        for (int n = 0; n < tiles; n++)
        {
            uint a = Unsafe.Add(ref amax, n);
            ref ushort rises = ref steps.RisesOf(a);
            int offset = steps.OffsetOf(a);
            for (int k = 0; k < width; k += TileGrid.Side)
            {
                ref ushort run = ref Unsafe.Add(ref x, (nint)n * width + k);
                ref byte to = ref Unsafe.Add(ref codes, (nint)n * width + k);
                int count = Math.Min(TileGrid.Side, width - k);
                // A call among the steps would send their registers to memory and back.
                if (StepCodes(ref run, count, ref rises, offset, ahead, ref to) < BFloat16Steps.LeastNormal(offset) - 1)
                    AnyCodes(ref run, count, Unsafe.Add(ref factors, n), Unsafe.Add(ref residues, n), divides, ref to);
            }
        }
    }

    /// <summary>Codes of whole steps that are right where they are of zeros and normal numbers; the least |x| that is not zero, less one.</summary>
    [MethodImpl(Always)]
    private static int StepCodes(ref ushort x, int count, ref ushort rises, int offset, nint ahead, ref byte codes)
    {
        Vector512<ushort> magnitude = Vector512.Create((ushort)0x7FFF), rise = Vector512.LoadUnsafe(ref rises), below = Vector512.Create((ushort)offset);
        Vector512<ushort> least = Vector512<ushort>.AllBitsSet;
        for (nint k = 0; k < count; k += Step)
        {
            Prefetch(ref Unsafe.As<ushort, byte>(ref Unsafe.Add(ref x, k)), ahead);
            Vector512<ushort> v = Vector512.LoadUnsafe(ref x, (nuint)k), u = v & magnitude;
            // Zero less one is the greatest of all; its code comes out as zero.
            least = Vector512.Min(least, u - Vector512<ushort>.One);
            Vector512<ushort> code = Avx512BW.SubtractSaturate((u + Avx512BW.PermuteVar32x16(rise, v >>> 2)) >>> 4, below);
            Avx512BW.ConvertToVector256Byte(code | ((v >>> 8) & Vector512.Create((ushort)0x80))).StoreUnsafe(ref codes, (nuint)k);
        }

        Vector256<ushort> half = Vector256.Min(least.GetLower(), least.GetUpper());
        return Sse41.MinHorizontal(Vector128.Min(half.GetLower(), half.GetUpper())).ToScalar();
    }

    /// <summary>Codes of whole steps, among which there may be some below the normal numbers.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void AnyCodes(ref ushort x, int count, float factor, float residue, bool divides, ref byte codes) => Codes(ref x, count, factor, residue, divides, 0, ref codes);

    /// <summary>The codes of whole steps of bfloat16 elements; the count of elements done. Memory some bytes further on is called for.</summary>
    [MethodImpl(Always)]
    public static nint Codes(ref ushort x, nint count, float factor, float residue, bool divides, nint ahead, ref byte codes)
    {
        Vector512<float> f = Vector512.Create(factor), r = Vector512.Create(residue);
        Vector512<ushort> magnitude = Vector512.Create((ushort)0x7FFF), interleaved = Interleaved;
        nint k = 0;
        for (; k <= count - Step; k += Step)
        {
            Prefetch(ref Unsafe.As<ushort, byte>(ref Unsafe.Add(ref x, k)), ahead);
            Vector512<ushort> v = Vector512.LoadUnsafe(ref x, (nuint)k);
            Vector512<uint> words = (v & magnitude).AsUInt32();
            Vector512<uint> even = Fields((words << 16).AsSingle(), f, r, divides);
            Vector512<uint> odd = Fields((words & Vector512.Create(0xFFFF0000)).AsSingle(), f, r, divides);
            Vector512<ushort> both = Avx512BW.PermuteVar32x16x2(even.AsUInt16(), interleaved, odd.AsUInt16());
            Store(both, v >>> 8, ref Unsafe.Add(ref codes, k));
        }

        return k;
    }

    /// <summary>The codes of whole steps of binary32 elements; the count of elements done. Memory some bytes further on is called for.</summary>
    [MethodImpl(Always)]
    public static nint Codes(ref float x, nint count, float factor, float residue, bool divides, nint ahead, ref byte codes)
    {
        Vector512<float> f = Vector512.Create(factor), r = Vector512.Create(residue);
        Vector512<uint> magnitude = Vector512.Create(0x7FFFFFFFu);
        Vector512<ushort> lowerHalves = Vector512.CreateSequence<ushort>(0, 2), upperHalves = Vector512.CreateSequence<ushort>(1, 2);
        nint k = 0;
        for (; k <= count - Step; k += Step)
        {
            Prefetch(ref Unsafe.As<float, byte>(ref Unsafe.Add(ref x, k)), ahead);
            Prefetch(ref Unsafe.As<float, byte>(ref Unsafe.Add(ref x, k)), ahead + 64);
            Vector512<uint> u = Vector512.LoadUnsafe(ref x, (nuint)k).AsUInt32(), v = Vector512.LoadUnsafe(ref x, (nuint)k + 16).AsUInt32();
            Vector512<uint> first = Fields((u & magnitude).AsSingle(), f, r, divides);
            Vector512<uint> second = Fields((v & magnitude).AsSingle(), f, r, divides);
            Vector512<ushort> both = Avx512BW.PermuteVar32x16x2(first.AsUInt16(), lowerHalves, second.AsUInt16());
            Vector512<ushort> signs = Avx512BW.PermuteVar32x16x2(u.AsUInt16(), upperHalves, v.AsUInt16());
            Store(both, signs >>> 8, ref Unsafe.Add(ref codes, k));
        }

        return k;
    }

    /// <summary>The lower half of a word of the first register, then that of the same word of the second.</summary>
    private static Vector512<ushort> Interleaved
    {
        [MethodImpl(Always)]
        get
        {
            // Words 0, 1, ...: the index 2i below, and 32 + 2i above it.
            Vector512<uint> below = Vector512.CreateSequence<uint>(0, 2);
            return (below | ((below + Vector512.Create(32u)) << 16)).AsUInt16();
        }
    }

    /// <summary>A hint, which may point past the end.</summary>
    [MethodImpl(Always)]
    private static unsafe void Prefetch(ref byte from, nint ahead) => Sse.Prefetch0((byte*)Unsafe.AsPointer(ref from) + ahead);

    /// <summary>In each word's lower half the code of the quotient of an x that is not negative, plus eight times the least exponent's field; above it anything.</summary>
    [MethodImpl(Always)]
    private static Vector512<uint> Fields(Vector512<float> x, Vector512<float> factor, Vector512<float> residue, bool divides)
    {
        Vector512<float> y = divides ? Vector512.FusedMultiplyAdd(x, factor, x * residue) : x * factor;
        Vector512<uint> e = Vector512.Max(y.AsUInt32(), Vector512.Create(LeastField)) & Vector512.Create(0x7F800000u);
        Vector512<uint> sum = (y + (e + Vector512.Create(Up)).AsSingle()).AsUInt32();
        // The sum's lower half is the rounded fraction alone: the anchor's bits are all above it.
        return sum + (e >>> 20);
    }

    [MethodImpl(Always)]
    private static void Store(Vector512<ushort> fields, Vector512<ushort> signs, ref byte codes)
    {
        Vector512<ushort> code = fields - Vector512.Create((ushort)(LeastField >> 20));
        Avx512BW.ConvertToVector256Byte(code | (signs & Vector512.Create((ushort)0x80))).StoreUnsafe(ref codes);
    }
}
