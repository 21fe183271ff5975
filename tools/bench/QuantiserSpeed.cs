using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Bench;

/// <summary>Quantisers over tensors larger than the caches: bytes read and written per second, as a share of what a copy reaches in the same run.</summary>
/// <remarks>A timed call takes the next 128 rows, a few megabytes: short enough to find a moment in which a busy machine does nothing else, and out of the caches by the time it comes again.</remarks>
internal static class QuantiserSpeed
{
    private const int Columns = 7168;
    private const int Slab = 128;
    private const int Slabs = 32;

    private static readonly QuantizeAttributes ActQuant = new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32);

    public static int Run(double seconds, int threads)
    {
        var backend = new SimdBackend(threads);
        var copies = new List<Measured>();
        var kernels = new List<Measured>();
        foreach (DType type in new[] { DType.F32, DType.BF16 })
        {
            Tensor x = RandomTensors.Make(type, Slabs * Slab, Columns), y = new(type, x.Shape), codes = new(DType.F8_E4M3, x.Shape);
            long bytes = x.ByteCount / Slabs, elements = x.ElementCount / Slabs;
            if (type == DType.F32)
            {
                copies.Add(Each("copy", 2 * bytes, i => Slice(x, i).AsBytes().CopyTo(Bytes(Slice(y, i)))));
                copies.Add(Each("copy past the caches", 2 * bytes, i => Stream(Slice(x, i).AsBytes(), Bytes(Slice(y, i)))));
            }

            foreach ((string name, QuantizeAttributes attributes) in new[]
            {
                ("rows of 1x128", ActQuant),
                ("rows of 1x128, by the reciprocal", ActQuant with { Arithmetic = QuantizerArithmetic.DeepGemm }),
                ("rows of 1x128, UE8M0", ActQuant with { ScaleFormat = ScaleFormat.UE8M0 }),
                ("blocks of 128x128", ActQuant with { Tile = QuantizationTile.Block128x128 }),
                ("columns of 128x1", ActQuant with { Tile = QuantizationTile.Column128x1 }),
                ("channels", ActQuant with { Tile = QuantizationTile.PerChannel }),
            })
            {
                var scales = new Tensor(DType.F32, ScaleShape(attributes.Tile));
                long scaleBytes = scales.ByteCount;
                kernels.Add(Each($"quantise {type.Name()}, {name}", bytes + elements + scaleBytes, i => backend.Quantize(Slice(x, i), attributes, Slice(codes, i), scales)));
                if (attributes == ActQuant || attributes.Tile == QuantizationTile.Block128x128)
                    kernels.Add(Each($"dequantise to {type.Name()}, {name}", bytes + elements + scaleBytes, i => backend.Dequantize(Slice(codes, i), scales, attributes.Tile, Slice(y, i))));
            }
        }

        Measured.Interleave(seconds, [.. copies, .. kernels]);
        double copy = copies[0].Best;
        foreach (Measured kernel in copies.Concat(kernels))
            SideBySide.Line(kernel.Name, $"{kernel.Best / 1e9:F1} GB/s (median {kernel.Median / 1e9:F1})", $"{kernel.Best / copy:F2} of the copy bandwidth", Aim(kernel.Name));
        return 0;
    }

    private static string Aim(string name) =>
        name.StartsWith("quantise", StringComparison.Ordinal) && (name.EndsWith(" 1x128", StringComparison.Ordinal) || name.EndsWith("128x128", StringComparison.Ordinal)) ? "aim: >= 0.7" : "";

    /// <summary>A kernel that takes slab after slab.</summary>
    private static Measured Each(string name, double work, Action<int> run)
    {
        int next = 0;
        return new Measured(name, work, () => run(next++ % Slabs));
    }

    private static Tensor Slice(Tensor t, int i) => t.Rows((long)i * Slab, Slab);

    private static Span<byte> Bytes(Tensor t) => t.DType == DType.F32 ? MemoryMarshal.AsBytes(t.AsSpan<float>()) : MemoryMarshal.AsBytes(t.AsSpan<ushort>());

    private static long[] ScaleShape(QuantizationTile tile) => tile switch
    {
        QuantizationTile.Row1x128 => [Slab, Columns / 128],
        QuantizationTile.Column128x1 => [Slab / 128, Columns],
        QuantizationTile.Block128x128 => [Slab / 128, Columns / 128],
        _ => [Slab],
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Stream(ReadOnlySpan<byte> source, Span<byte> target)
    {
        fixed (byte* from = source, to = target)
        {
            for (nint i = 0; i < source.Length; i += 64)
                Vector512.Load(from + i).StoreAlignedNonTemporal(to + i);
        }
    }
}
