using System.Diagnostics;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Verification;

if (args is ["speed", ..])
{
    Speed.Run(args.Length > 1 ? args[1] : "");
    return 0;
}
if (args is ["csv", var folder]) { Csv.Run(folder); return 0; }
if (args is ["run", var function, .. var range])
{
    uint first = range.Length > 0 ? Convert.ToUInt32(range[0], 16) : 0;
    ulong count = range.Length > 1 ? Convert.ToUInt64(range[1], 16) : 1UL << 32;
    Exhaustive.Run(function, first, count);
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

internal static class Csv
{
    public static void Run(string folder)
    {
        Check<ExpFunction>(folder, "expf"); Check<Exp2Function>(folder, "exp2f"); Check<Expm1Function>(folder, "expm1f");
        Check<LogFunction>(folder, "logf"); Check<Log2Function>(folder, "log2f"); Check<Log1pFunction>(folder, "log1pf");
        Check<SinFunction>(folder, "sinf"); Check<CosFunction>(folder, "cosf"); Check<TanhFunction>(folder, "tanhf"); Check<ReciprocalSqrtFunction>(folder, "rsqrtf");
    }
    private static void Check<T>(string folder, string name) where T : struct, IElementFunction
    {
        int bad = 0, rows = 0;
        var y = new float[1];
        foreach (string line in File.ReadLines(Path.Combine(folder, name + ".csv")).Skip(1))
        {
            string[] c = line.Split(',');
            float x = BitConverter.UInt32BitsToSingle(Convert.ToUInt32(c[0], 16));
            uint want = Convert.ToUInt32(c[1], 16), got = BitConverter.SingleToUInt32Bits(ElementMap<T>.Scalar(x));
            ElementMap<T>.Span512([x], y);
            uint got5 = BitConverter.SingleToUInt32Bits(y[0]);
            rows++;
            bool nan = (want & 0x7FFFFFFF) > 0x7F800000;
            if (nan ? got != 0x7FC00000 || got5 != got : got != want || got5 != want)
                if (bad++ < 8) Console.WriteLine($"{name} {line} got {got:x8} {got5:x8}");
        }
        Console.WriteLine($"{name}: {rows} rows, {bad} bad");
    }
}

internal static class Exhaustive
{
    public static void Run(string function, uint first, ulong count)
    {
        ExhaustiveResult r = ExhaustiveFunctions.Run(function, first, count, threads: 1);
        Console.WriteLine($"{r.Function} from {first:x8}: tested {r.Tested}, wrong {r.Wrong}; special {r.BySpecial}, filter {r.ByFilter}, series {r.BySeries}, integers {r.ByIntegers}; {r.Elapsed.TotalSeconds:F0} s");
        foreach (WrongResult w in r.FirstWrong)
            Console.WriteLine($"   {w.Argument:x8} got {w.Got:x8} want {w.Want:x8}");
    }
}
