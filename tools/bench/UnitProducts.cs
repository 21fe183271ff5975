using System.Globalization;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Bench;

/// <summary>Products by emulated matrix units, in multiply-adds a second, each beside the definition of a few of its outputs.</summary>
internal static class UnitProducts
{
    private static readonly (int T, int N, int K)[] Shapes = [(128, 256, 7168), (64, 512, 2048), (16, 576, 7168), (1, 2048, 7168)];

    public static void Run(double seconds, int threads)
    {
        Console.WriteLine($"{Isa.Name}, {threads} thread(s)");
        var backend = new SimdBackend(threads);
        foreach ((int T, int N, int K) in Shapes)
        {
            Tensor x = RandomTensors.Make(DType.BF16, T, K);
            Tensor w = RandomTensors.Make(DType.BF16, N, K);
            var y = new Tensor(DType.F32, T, N);
            foreach (TensorCore unit in new[] { TensorCore.HopperWgmmaBF16F32, TensorCore.AmpereMmaBF16F32 })
            {
                var run = new Measured(unit.Name, (double)T * N * K, () => backend.Linear(x, w, Accumulation.TensorCore(unit), y));
                Measured.Interleave(seconds, run);
                Line(unit.Name, T, N, K, run);
            }
        }

        Tensor fewRows = RandomTensors.Make(DType.BF16, 2, 7168);
        Tensor fewColumns = RandomTensors.Make(DType.BF16, 4, 7168);
        var few = new Tensor(DType.F32, 2, 4);
        var definition = new Measured("definition", 2.0 * 4 * 7168, () => new ScalarBackend().Linear(fewRows, fewColumns, Accumulation.TensorCore(TensorCore.HopperWgmmaBF16F32), few));
        Measured.Interleave(seconds, definition);
        Line("definition", 2, 4, 7168, definition);
    }

    private static void Line(string name, int T, int N, int K, Measured run) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name} {T}x{N}x{K}: {run.Best / 1e9:F3} GMAC/s (median {run.Median / 1e9:F3})"));
}
