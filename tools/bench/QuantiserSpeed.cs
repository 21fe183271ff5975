using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Bench;

/// <summary>Quantisers over tensors larger than the caches: bytes read and written per second, as a share of what a copy reaches in the same run.</summary>
internal static class QuantiserSpeed
{
    private const int Columns = 7168;
    private const int CopyBytes = 1 << 27;

    private static readonly QuantizeAttributes ActQuant = new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32);

    public static int Run(double seconds, int threads)
    {
        var backend = new SimdBackend(threads);
        var source = new Tensor(DType.U8, CopyBytes);
        var target = new Tensor(DType.U8, CopyBytes);
        source.AsSpan<byte>().Fill(1);
        Measured[] copies =
        [
            new("copy, the runtime's", 2.0 * CopyBytes, () => source.AsBytes().CopyTo(target.AsSpan<byte>())),
            new("copy, stores past the caches", 2.0 * CopyBytes, () => Stream(source, target)),
        ];

        var kernels = new List<Measured>(copies);
        foreach (DType type in new[] { DType.F32, DType.BF16 })
        {
            int rows = type == DType.F32 ? 4096 : 8192;
            Tensor x = RandomTensors.Make(type, rows, Columns);
            var codes = new Tensor(DType.F8_E4M3, rows, Columns);
            foreach ((string name, QuantizeAttributes attributes) in new[]
            {
                ("rows of 1x128", ActQuant),
                ("rows of 1x128, UE8M0", ActQuant with { ScaleFormat = ScaleFormat.UE8M0 }),
                ("blocks of 128x128", ActQuant with { Tile = QuantizationTile.Block128x128 }),
                ("columns of 128x1", ActQuant with { Tile = QuantizationTile.Column128x1 }),
                ("channels", ActQuant with { Tile = QuantizationTile.PerChannel }),
                ("the tensor", ActQuant with { Tile = QuantizationTile.PerTensor }),
            })
            {
                var scales = new Tensor(DType.F32, ScaleShape(attributes.Tile, rows));
                backend.Quantize(x, attributes, codes, scales);
                kernels.Add(new($"quantise {type.Name()}, {name}", x.ByteCount + codes.ByteCount + scales.ByteCount, () => backend.Quantize(x, attributes, codes, scales)));
                if (attributes.Tile is QuantizationTile.Row1x128 or QuantizationTile.Block128x128 && attributes.ScaleFormat == ScaleFormat.F32)
                {
                    var y = new Tensor(type, rows, Columns);
                    kernels.Add(new($"dequantise to {type.Name()}, {name}", y.ByteCount + codes.ByteCount + scales.ByteCount, () => backend.Dequantize(codes, scales, attributes.Tile, y)));
                }
            }
        }

        Measured.Interleave(seconds, [.. kernels]);
        double peak = copies.Max(copy => copy.Best);
        foreach (Measured kernel in kernels)
            SideBySide.Line(kernel.Name, $"{kernel.Best / 1e9:F1} GB/s (median {kernel.Median / 1e9:F1})", $"{kernel.Best / peak:F2} of the copy bandwidth", Aim(kernel.Name));
        return 0;
    }

    private static string Aim(string name) => name.StartsWith("quantise", StringComparison.Ordinal) && (name.EndsWith("1x128", StringComparison.Ordinal) || name.EndsWith("128x128", StringComparison.Ordinal)) ? "aim: >= 0.7" : "";

    private static long[] ScaleShape(QuantizationTile tile, int rows) => tile switch
    {
        QuantizationTile.Row1x128 => [rows, Columns / 128],
        QuantizationTile.Column128x1 => [rows / 128, Columns],
        QuantizationTile.Block128x128 => [rows / 128, Columns / 128],
        QuantizationTile.PerTensor => [1],
        _ => [rows],
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Stream(Tensor source, Tensor target)
    {
        fixed (byte* from = source.AsBytes(), to = target.AsSpan<byte>())
        {
            for (nint i = 0; i < CopyBytes; i += 64)
                Vector512.Load(from + i).StoreAlignedNonTemporal(to + i);
        }
    }
}
