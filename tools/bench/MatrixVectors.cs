using DeepSeek.Reference.Backends;
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
            foreach (DType dtype in new[] { DType.F32, DType.BF16 })
            {
                Tensor[] weights = [.. Enumerable.Range(0, dtype == DType.F32 ? Copies : 2 * Copies).Select(_ => RandomTensors.Make(dtype, N, K))];
                int next = 0;
                kernels.Add(new Measured(
                    $"matrix-vector {N}x{K} {dtype.Name()}",
                    (double)N * K * dtype.Bits() / 8,
                    () => backend.Linear(x, weights[next++ % weights.Length], Accumulation.Lanes16, y)));
            }
        }

        Measured.Interleave(4 * seconds, [.. kernels]);
        SideBySide.RaiseRead(kernels.Max(kernel => kernel.Best));
        foreach (Measured kernel in kernels)
        {
            SideBySide.Line(
                kernel.Name, $"{kernel.Best / 1e9:F1} GB/s (median {kernel.Median / 1e9:F1})", $"{kernel.Best / SideBySide.ReadPeak:F2} of the read bandwidth",
                kernel.Name.StartsWith("matrix", StringComparison.Ordinal) ? "aim: >= 0.9" : "");
        }
    }
}
