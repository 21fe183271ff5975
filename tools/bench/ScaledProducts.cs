using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Bench;

/// <summary>Block-scaled FP8 products under each preset: multiply-adds a second, on the instruction set in use.</summary>
internal static class ScaledProducts
{
    private static readonly (int T, int N, int K)[] Shapes = [(64, 256, 1024), (64, 64, 7168), (256, 128, 512), (4, 256, 2048), (1, 576, 2048)];

    public static int Run(double seconds, int threads)
    {
        var backend = new SimdBackend(threads);
        Console.WriteLine($"{Isa.Name}, {threads} thread(s); best and median, GMAC/s");
        foreach ((int T, int N, int K) in Shapes)
        {
            var random = new Random(1);
            Tensor x = Codes(random, T, K), w = Codes(random, N, K), sx = Ones(T, (K + 127) / 128), sw = Ones((N + 127) / 128, (K + 127) / 128);
            var y = new Tensor(DType.F32, T, N);
            var kernels = new List<Measured>();
            foreach (ScaledProduct product in Products)
            {
                // Without a twin a product takes seconds: a corner of it says as much.
                bool twin = ScaledLinear.HasTwin(product);
                int rows = twin ? T : 1, columns = twin ? N : 32;
                int B = product.ScalesOf(K);
                Tensor scales = product.ScalesOf(K) == sx.Shape[1] ? sx : Ones(T, B), weightScales = product.ScalesOf(K) == sx.Shape[1] ? sw : Ones((N + 127) / 128, B);
                Tensor xr = x.Rows(0, rows), wr = w.Rows(0, columns), sxr = scales.Rows(0, rows), swr = weightScales.Rows(0, (columns + 127) / 128);
                var yr = new Tensor(DType.F32, rows, columns);
                kernels.Add(new Measured(product.Name, (double)rows * columns * K, () => backend.ScaledLinear(xr, sxr, wr, swr, product, null, yr)));
            }

            kernels.Add(new Measured("lanes16 in blocks", (double)T * N * K, () => backend.ScaledLinear(x, sx, w, sw, Lanes, null, y)));
            Measured.Interleave(seconds, [.. kernels]);
            foreach (Measured kernel in kernels)
                Console.WriteLine($"{T} x {N} x {K}  {kernel.Name,-26} {kernel.Best / 1e9,7:F3} {kernel.Median / 1e9,7:F3}");
        }

        return 0;
    }

    /// <summary>The presets, and products by units that no preset has.</summary>
    private static IEnumerable<ScaledProduct> Products =>
    [
        .. ScaledProduct.Presets,
        ScaledProduct.HopperWithoutPromotion with { Name = "blackwell-tcgen05", Block = Accumulation.TensorCore(TensorCore.BlackwellTcgen05E4M3F32) },
        ScaledProduct.DeepGemmSm90 with { Name = "ada-mma", Block = Accumulation.TensorCore(TensorCore.AdaMmaE4M3F32) },
    ];

    private static ScaledProduct Lanes { get; } = ScaledProduct.TorchReexpression with { Name = "lanes16", Block = Accumulation.Lanes16 };

    /// <summary>What quantised normal values look like: every exponent up to the largest.</summary>
    private static Tensor Codes(Random random, int rows, int columns)
    {
        var tensor = new Tensor(DType.F8_E4M3, rows, columns);
        foreach (ref Float8E4M3 code in tensor.AsSpan<Float8E4M3>())
        {
            double u = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            code = Float8E4M3.FromSingle((float)(u * 120), Fp8Overflow.Saturate);
        }

        return tensor;
    }

    private static Tensor Ones(int rows, int columns)
    {
        var tensor = new Tensor(DType.F32, rows, columns);
        tensor.AsSpan<float>().Fill(1f);
        return tensor;
    }
}
