using DeepSeek.Reference;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Bench;
using DeepSeek.Reference.Ops;

unsafe
{
    var backend = new SimdBackend(1);
    if (OpenBlas.IsPresent) OpenBlas.SetThreads(1);
    Tensor Random(DType t, params long[] shape)
    {
        var x = new Tensor(DType.F32, shape);
        var r = new Random(1);
        foreach (ref float v in x.AsSpan<float>()) v = (float)(r.NextDouble() - 0.5);
        if (t == DType.F32) return x;
        var y = new Tensor(t, shape);
        DeepSeek.Reference.Numerics.BFloat16Spans.Round(x.AsReadOnlySpan<float>(), y.AsSpan<BFloat16>());
        return y;
    }
    foreach ((int m, int n, int k) in new[] { (512, 512, 512), (1024, 1024, 1024), (512, 1024, 128), (256, 512, 7168), (64, 256, 1024), (16, 256, 1024), (512,2048,1024) })
    {
        var x = Random(DType.F32, m, k); var w = Random(DType.F32, n, k); var wb = Random(DType.BF16, n, k); var y = new Tensor(DType.F32, m, n);
        double work = 2.0 * m * n * k;
        var ours = new Measured("ours", work, () => backend.Linear(x, w, Accumulation.Lanes16, y));
        var oursB = new Measured("ours bf16", work, () => backend.Linear(x, wb, Accumulation.Lanes16, y));
        var blas = new Measured("openblas", work, () => { fixed (float* a = x.AsSpan<float>(), b = w.AsSpan<float>(), c = y.AsSpan<float>()) OpenBlas.MultiplyTransposed(m, n, k, a, b, c); });
        var fma = new Measured("fma", Peaks.FmaWork, Peaks.Fma);
        Measured.Interleave(1.5, ours, oursB, blas, fma);
        Console.WriteLine($"{m}x{n}x{k}: ours {ours.Best / 1e9:F0} bf16 {oursB.Best / 1e9:F0} blas {blas.Best / 1e9:F0} ratio {ours.Best / blas.Best:F2} peak {fma.Best / 1e9:F0}");
    }
    foreach ((int n, int k) in new[] { (4096, 4096), (7168, 2048) })
    {
        var ws = Enumerable.Range(0, 4).Select(_ => Random(DType.F32, n, k)).ToArray(); var wbs = ws.Select(w => { var b = new Tensor(DType.BF16, n, k); DeepSeek.Reference.Numerics.BFloat16Spans.Round(w.AsReadOnlySpan<float>(), b.AsSpan<BFloat16>()); return b; }).ToArray();
        var x = Random(DType.F32, 1, k); var y = new Tensor(DType.F32, 1, n);
        int i = 0, j = 0;
        var f = new Measured("gemv f32", 4.0 * n * k, () => backend.Linear(x, ws[i++ & 3], Accumulation.Lanes16, y));
        var b = new Measured("gemv bf16", 2.0 * n * k, () => backend.Linear(x, wbs[j++ & 3], Accumulation.Lanes16, y));
        var reads = Peaks.Reads();
        Measured.Interleave(3, [f, b, .. reads]);
        Console.WriteLine($"gemv {n}x{k}: f32 {f.Best / 1e9:F1} bf16 {b.Best / 1e9:F1} GB/s; " + string.Join(", ", reads.Select(r => $"{r.Name} {r.Best / 1e9:F1}")));
    }
}
