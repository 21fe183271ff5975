using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DeepSeek.Reference.Bench;

/// <summary>What the machine can do in this very run: fma per second and bytes read per second on one core.</summary>
internal static unsafe class Peaks
{
    private const nuint BufferBytes = 1u << 30;

    /// <summary>Flops of one call of <see cref="Fma"/>.</summary>
    public const double FmaWork = 2.0 * 16 * 16 * 200_000;

    private static readonly byte* Buffer = Allocate();

    /// <summary>Sixteen independent chains of 512-bit fma (256-bit where that is what there is).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Fma()
    {
        if (!Vector512.IsHardwareAccelerated)
            throw new PlatformNotSupportedException("the bench measures AVX-512 machines");
        Vector512<float> a = Vector512.Create(0.9999999f), b = Vector512.Create(1e-9f);
        Vector512<float> s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a, sa = a, sb = a, sc = a, sd = a, se = a, sf = a;
        for (int i = 0; i < 200_000; i++)
        {
            s0 = Vector512.FusedMultiplyAdd(s0, a, b);
            s1 = Vector512.FusedMultiplyAdd(s1, a, b);
            s2 = Vector512.FusedMultiplyAdd(s2, a, b);
            s3 = Vector512.FusedMultiplyAdd(s3, a, b);
            s4 = Vector512.FusedMultiplyAdd(s4, a, b);
            s5 = Vector512.FusedMultiplyAdd(s5, a, b);
            s6 = Vector512.FusedMultiplyAdd(s6, a, b);
            s7 = Vector512.FusedMultiplyAdd(s7, a, b);
            s8 = Vector512.FusedMultiplyAdd(s8, a, b);
            s9 = Vector512.FusedMultiplyAdd(s9, a, b);
            sa = Vector512.FusedMultiplyAdd(sa, a, b);
            sb = Vector512.FusedMultiplyAdd(sb, a, b);
            sc = Vector512.FusedMultiplyAdd(sc, a, b);
            sd = Vector512.FusedMultiplyAdd(sd, a, b);
            se = Vector512.FusedMultiplyAdd(se, a, b);
            sf = Vector512.FusedMultiplyAdd(sf, a, b);
        }

        Sink.Value = Vector512.Sum(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + sa + sb + sc + sd + se + sf);
    }

    /// <summary>Read kernels over 1 GiB: one, two, four and eight streams, with and without prefetch.</summary>
    public static Measured[] Reads() =>
    [
        new("read, 1 stream", BufferBytes, () => Read(1, prefetch: 0)),
        new("read, 2 streams", BufferBytes, () => Read(2, prefetch: 0)),
        new("read, 4 streams", BufferBytes, () => Read(4, prefetch: 0)),
        new("read, 8 streams", BufferBytes, () => Read(8, prefetch: 0)),
        new("read, 1 stream, prefetch", BufferBytes, () => Read(1, prefetch: 4096)),
        new("read, 4 streams, prefetch", BufferBytes, () => Read(4, prefetch: 2048)),
    ];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Read(int streams, int prefetch)
    {
        nuint part = BufferBytes / (nuint)streams;
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        // Each stream is read a page at a time in turn, four registers a step.
        for (nuint offset = 0; offset < part; offset += 1024)
        {
            for (int s = 0; s < streams; s++)
            {
                byte* p = Buffer + (nuint)s * part + offset;
                for (int i = 0; i < 1024; i += 256)
                {
                    if (prefetch != 0)
                    {
                        Sse.Prefetch0(p + i + prefetch);
                        Sse.Prefetch0(p + i + prefetch + 64);
                        Sse.Prefetch0(p + i + prefetch + 128);
                        Sse.Prefetch0(p + i + prefetch + 192);
                    }

                    s0 += Vector512.Load((float*)(p + i));
                    s1 += Vector512.Load((float*)(p + i + 64));
                    s2 += Vector512.Load((float*)(p + i + 128));
                    s3 += Vector512.Load((float*)(p + i + 192));
                }
            }
        }

        Sink.Value = Vector512.Sum(s0 + s1 + s2 + s3);
    }

    private static byte* Allocate()
    {
        byte* p = (byte*)NativeMemory.AlignedAlloc(BufferBytes + 8192, 4096);
        new Span<byte>(p, int.MaxValue).Slice(0, (int)BufferBytes + 8192).Clear();
        return p;
    }

    /// <summary>Where the kernels leave their sums. A class without initialisers: a check for them after the loop would spill every register inside it.</summary>
    private static class Sink
    {
        public static float Value;
    }
}
