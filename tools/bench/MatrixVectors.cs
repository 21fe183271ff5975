using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Bench;

/// <summary>One row against a weight larger than the caches: bytes of weight per second, as a share of the read bandwidth.</summary>
internal static class MatrixVectors
{
    // Together larger than any cache, so that each run streams its weight from memory.
    private const int Copies = 6;

    public static void Run(double seconds, int threads)
    {
        var backend = new SimdBackend(threads);
        Measured[] reads = Peaks.Reads();
        var kernels = new List<Measured>(reads);
        foreach ((int N, int K) in new[] { (4096, 4096), (7168, 2048) })
        {
            Tensor x = RandomTensors.Make(DType.F32, 1, K);
            var y = new Tensor(DType.F32, 1, N);
            int next = 0;
            foreach (DType dtype in new[] { DType.F32, DType.BF16 })
            {
                Tensor[] weights = [.. Enumerable.Range(0, dtype == DType.F32 ? Copies : 2 * Copies).Select(_ => RandomTensors.Make(dtype, N, K))];
                kernels.Add(new Measured(
                    $"matrix-vector {N}x{K} {dtype.Name()}",
                    (double)N * K * dtype.Bits() / 8,
                    () => backend.Linear(x, weights[next++ % weights.Length], Accumulation.Lanes16, y)));
            }

            // As many codes a second as BF16's bytes allow would be half of the read bandwidth.
            Tensor[] codes = [.. Enumerable.Range(0, 4 * Copies).Select(_ => new Tensor(DType.F8_E4M3, N, K))];
            var scales = new Tensor(DType.F32, N / 128, K / 128);
            backend.Quantize(RandomTensors.Make(DType.F32, N, K), new QuantizeAttributes(QuantizationTile.Block128x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32), codes[0], scales);
            foreach (Tensor copy in codes.Skip(1))
                codes[0].AsReadOnlySpan<Float8E4M3>().CopyTo(copy.AsSpan<Float8E4M3>());
            IDequantizedProducts decoder = backend;
            kernels.Add(new Measured($"matrix-vector {N}x{K} F8_E4M3", (double)N * K, () =>
            {
                if (!decoder.TryDequantizedLinear(x, codes[next++ % codes.Length], scales, Accumulation.Lanes16, y))
                    throw new InvalidOperationException("FP8 weights are not decoded here");
            }));
        }

        Measured.Interleave(4 * seconds, [.. kernels]);
        SideBySide.RaiseRead(kernels.Max(kernel => kernel.Best));
        foreach (Measured kernel in kernels)
        {
            SideBySide.Line(
                kernel.Name, $"{kernel.Best / 1e9:F1} GB/s (median {kernel.Median / 1e9:F1})", $"{kernel.Best / SideBySide.ReadPeak:F2} of the read bandwidth",
                !kernel.Name.StartsWith("matrix", StringComparison.Ordinal) ? "" : kernel.Name.EndsWith("F8_E4M3", StringComparison.Ordinal) ? "reported" : "aim: >= 0.9");
        }
    }
}
