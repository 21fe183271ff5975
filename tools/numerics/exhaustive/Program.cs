using System.Diagnostics;
using DeepSeek.Reference.Numerics;

if (args is ["speed", ..])
{
    Speed.Run(args.Length > 1 ? args[1] : "");
    return 0;
}
return 1;

internal static class Speed
{
    private delegate void Map(ReadOnlySpan<float> x, Span<float> y);

    public static void Run(string only)
    {
        Time<ExpFunction>("exp", -20, 20, only);
        Time<Exp2Function>("exp2", -20, 20, only);
        Time<Expm1Function>("expm1", -20, 20, only);
        Time<LogFunction>("log", 0.001f, 1000, only);
        Time<Log2Function>("log2", 0.001f, 1000, only);
        Time<Log1pFunction>("log1p", 0.001f, 1000, only);
        Time<SinFunction>("sin", -1000, 1000, only);
        Time<CosFunction>("cos", -1000, 1000, only);
        Time<TanhFunction>("tanh", -10, 10, only);
        Time<SigmoidFunction>("sigmoid", -20, 20, only);
        Time<SiLUFunction>("silu", -20, 20, only);
        Time<ReciprocalSqrtFunction>("rsqrt", 0.001f, 1000, only);
    }

    private static void Time<T>(string name, float low, float high, string only) where T : struct, IElementFunction
    {
        if (only.Length > 0 && only != name)
            return;
        var x = new float[4096];
        var y = new float[4096];
        var random = new Random(1);
        for (int i = 0; i < x.Length; i++)
            x[i] = low + (high - low) * random.NextSingle();
        Console.WriteLine($"{name,-8} 512: {Best(ElementMap<T>.Span512, x, y):F2}  256: {Best(ElementMap<T>.Span256, x, y):F2}  scalar: {Best(ElementMap<T>.SpanScalar, x, y):F2} ns/element");
    }

    private static double Best(Map map, float[] x, float[] y)
    {
        double best = double.MaxValue;
        for (int repeat = 0; repeat < 60; repeat++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < 20; i++)
                map(x, y);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / (20.0 * x.Length));
        }
        return best;
    }
}
