using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Bench;

/// <summary>Causal attention over the latent cache (absorbed) and over keys of every head (naive): prefill and one decoded token.</summary>
internal static class AttentionSpeed
{
    public static void Run(double seconds, int threads)
    {
        var backend = new SimdBackend(threads);
        foreach ((string name, int S, int T, int H, int Hk, int D, int Dv) in new[]
        {
            ("absorbed prefill 512", 512, 512, 16, 1, 160, 128),
            ("absorbed decode at 4096", 1, 4096, 16, 1, 160, 128),
            ("absorbed decode at 4096, V3's heads", 1, 4096, 128, 1, 576, 512),
            ("naive prefill 512", 512, 512, 16, 16, 96, 64),
        })
        {
            Tensor q = RandomTensors.Make(DType.F32, S, H, D);
            Tensor keys = RandomTensors.Make(DType.F32, T, Hk, D);
            Tensor? values = Hk == 1 ? null : RandomTensors.Make(DType.F32, T, Hk, Dv);
            var y = new Tensor(DType.F32, S, H, Dv);
            var attributes = new AttentionAttributes(0.1f, T - S, AttentionRounding.None, 0, Accumulation.Lanes16);
            double pairs = S == 1 ? T : (double)S * (S + 1) / 2;
            var ours = new Measured("ours", 2.0 * pairs * H * (D + Dv), () => backend.Attention(q, keys, values, attributes, y));
            var fma = new Measured("fma", Peaks.FmaWork, Peaks.Fma);
            Measured.Interleave(seconds, ours, fma);
            SideBySide.RaiseFma(fma.Best);
            SideBySide.Line($"attention, {name}", $"{ours.Best / 1e9:F0} GFLOP/s", $"{ours.Best / SideBySide.FmaPeak:F2} of the fma peak (visible pairs counted)", "reported");
        }
    }
}
