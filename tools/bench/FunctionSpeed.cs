using System.Diagnostics;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Bench;

/// <summary>Every correctly rounded function over 4,096 elements in the first-level cache: nanoseconds an element on this instruction set.</summary>
internal static class FunctionSpeed
{
    private const int Count = 4096;

    // Input and output not a multiple of 4096 bytes apart: else a store seems to meet the next load.
    private const int Gap = 512;

    private delegate void Map(ReadOnlySpan<float> x, Span<float> y);

    public static int Run()
    {
        (string Name, Map Map, float Low, float High)[] all =
        [
            ("exp", Correct.Exp, -20, 20), ("exp2", Correct.Exp2, -20, 20), ("expm1", Correct.Expm1, -20, 20),
            ("log", Correct.Log, 0.001f, 1000), ("log2", Correct.Log2, 0.001f, 1000), ("log1p", Correct.Log1p, 0.001f, 1000),
            ("sin", Correct.Sin, -1000, 1000), ("cos", Correct.Cos, -1000, 1000), ("tanh", Correct.Tanh, -10, 10),
            ("sigmoid", Correct.Sigmoid, -20, 20), ("silu", Correct.SiLU, -20, 20), ("rsqrt", Correct.ReciprocalSqrt, 0.001f, 1000),
        ];
        Span<float> memory = new Tensor(DType.F32, 2 * Count + Gap).AsSpan<float>();
        Tensor spread = RandomTensors.Make(DType.F32, Count);
        foreach ((string name, Map map, float low, float high) in all)
        {
            Span<float> x = memory[..Count];
            Span<float> y = memory[(Count + Gap)..];
            for (int i = 0; i < Count; i++)
                x[i] = low + (high - low) * (spread.AsReadOnlySpan<float>()[i] + 0.5f);
            double best = double.PositiveInfinity;
            for (int repeat = 0; repeat < 400; repeat++)
            {
                long start = Stopwatch.GetTimestamp();
                for (int i = 0; i < 10; i++)
                    map(x, y);
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / (10.0 * Count));
            }

            Console.WriteLine($"{name,-8} {best:F2} ns/element");
        }

        return 0;
    }
}
