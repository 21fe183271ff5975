using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Bench;

/// <summary>y = x Wᵀ with F32 and BF16 weights, beside OpenBLAS's sgemm, libtorch's mm and the fma peak.</summary>
internal static class MatrixProducts
{
    private static readonly (int M, int N, int K, string Target)[] Shapes =
    [
        (1024, 1024, 1024, "aim: >= 0.85 of OpenBLAS, > 1.7 of libtorch"),
        (512, 512, 512, ""),
        (256, 512, 7168, "aim: >= 0.75 of OpenBLAS (K = 7168)"),
        (512, 1024, 128, "reported (K = 128)"),
        (128, 1024, 1024, ""),
        (16, 256, 1024, ""),
    ];

    public static unsafe void Run(double seconds, int threads, string? libtorch)
    {
        var backend = new SimdBackend(threads);
        using LibTorch? torch = LibTorch.TryOpen(libtorch, threads);
        foreach ((int M, int N, int K, string target) in Shapes)
        {
            Tensor x = RandomTensors.Make(DType.F32, M, K);
            Tensor w = RandomTensors.Make(DType.F32, N, K);
            Tensor narrow = RandomTensors.Narrow(w);
            var y = new Tensor(DType.F32, M, N);
            double work = 2.0 * M * N * K;
            var ours = new Measured("ours", work, () => backend.Linear(x, w, Accumulation.Lanes16, y));
            var oursNarrow = new Measured("ours, BF16 weights", work, () => backend.Linear(x, narrow, Accumulation.Lanes16, y));
            var fma = new Measured("fma", Peaks.FmaWork, Peaks.Fma);
            var all = new List<Measured> { ours, oursNarrow, fma };
            Measured? blas = null;
            if (OpenBlas.IsPresent)
            {
                blas = new Measured("OpenBLAS", work, () =>
                {
                    fixed (float* a = x.AsSpan<float>(), b = w.AsSpan<float>(), c = y.AsSpan<float>())
                        OpenBlas.MultiplyTransposed(M, N, K, a, b, c);
                });
                all.Add(blas);
            }

            Measured? mm = torch?.MultiplyTransposed(x, w, y, work);
            if (mm is not null)
                all.Add(mm);

            Measured.Interleave(seconds, [.. all]);
            SideBySide.RaiseFma(Math.Max(fma.Best, Math.Max(ours.Best, oursNarrow.Best)));
            foreach (Measured m in new[] { ours, oursNarrow })
            {
                string ratio = $"{m.Best / SideBySide.FmaPeak:F2} of the fma peak";
                if (blas is not null)
                    ratio += $", {m.Best / blas.Best:F2} of OpenBLAS";
                if (mm is not null)
                    ratio += $", {m.Best / mm.Best:F2} of libtorch";
                SideBySide.Line($"linear {M}x{N}x{K}, {m.Name}", $"{m.Best / 1e9:F0} GFLOP/s (median {m.Median / 1e9:F0})", ratio, target);
            }
        }
    }
}
