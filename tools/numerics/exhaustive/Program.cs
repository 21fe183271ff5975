using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Verification;

// exhaustive run FUNCTION|all [FIRST [COUNT]]     encodings in hex; all 2^32 unless said otherwise
// exhaustive speed [FUNCTION]                     ns an element, one thread, 4096 elements in L1, the path of this process
switch (args)
{
    case ["run", var function, .. var range]:
        uint first = range.Length > 0 ? uint.Parse(range[0], NumberStyles.HexNumber) : 0;
        ulong count = range.Length > 1 ? ulong.Parse(range[1], NumberStyles.HexNumber) : 1UL << 32;
        ulong wrong = 0;
        foreach (string name in function == "all" ? ExhaustiveFunctions.Names : [function])
            wrong += Exhaustive.Run(name, first, count);
        return wrong == 0 ? 0 : 1;
    case ["speed", .. var only]:
        Speed.Run(only.FirstOrDefault());
        return 0;
    default:
        Console.Error.WriteLine("exhaustive run FUNCTION|all [FIRST [COUNT]]  |  exhaustive speed [FUNCTION]");
        return 2;
}

internal static class Exhaustive
{
    public static ulong Run(string function, uint first, ulong count)
    {
        ExhaustiveResult r = ExhaustiveFunctions.Run(function, first, count, threads: 1);
        Console.WriteLine($"{r.Function} from {first:x8}: tested {r.Tested}, wrong {r.Wrong}; special {r.BySpecial}, filter {r.ByFilter}, series {r.BySeries}, integers {r.ByIntegers}; {r.Elapsed.TotalSeconds:F0} s");
        foreach (WrongResult w in r.FirstWrong)
            Console.WriteLine($"   {w.Argument:x8} got {w.Got:x8} want {w.Want:x8}");
        return r.Wrong;
    }
}

internal static class Speed
{
    private delegate void Map(ReadOnlySpan<float> x, Span<float> y);

    public static void Run(string? only)
    {
        (string Name, Map Map, float Low, float High)[] all =
        [
            ("exp", Correct.Exp, -20, 20), ("exp2", Correct.Exp2, -20, 20), ("expm1", Correct.Expm1, -20, 20),
            ("log", Correct.Log, 0.001f, 1000), ("log2", Correct.Log2, 0.001f, 1000), ("log1p", Correct.Log1p, 0.001f, 1000),
            ("sin", Correct.Sin, -1000, 1000), ("cos", Correct.Cos, -1000, 1000), ("tanh", Correct.Tanh, -10, 10),
            ("sigmoid", Correct.Sigmoid, -20, 20), ("silu", Correct.SiLU, -20, 20), ("rsqrt", Correct.ReciprocalSqrt, 0.001f, 1000),
        ];
        foreach (var f in all.Where(f => only is null || f.Name == only))
        {
            // Aligned to 64 bytes, and not a multiple of 4096 bytes apart: else a store seems to meet the next load.
            float[] memory = GC.AllocateUninitializedArray<float>(16384, pinned: true);
            int start64 = (int)((64 - Marshal.UnsafeAddrOfPinnedArrayElement(memory, 0) % 64) % 64 / sizeof(float));
            Span<float> x = memory.AsSpan(start64, 4096), y = memory.AsSpan(start64 + 4096 + 512, 4096);
            var random = new Random(1);
            for (int i = 0; i < x.Length; i++)
                x[i] = f.Low + (f.High - f.Low) * random.NextSingle();
            double best = double.MaxValue;
            for (int repeat = 0; repeat < 200; repeat++)
            {
                long start = Stopwatch.GetTimestamp();
                for (int i = 0; i < 10; i++)
                    f.Map(x, y);
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / (10.0 * x.Length));
            }
            Console.WriteLine($"{f.Name,-8} {best:F2}");
        }
    }
}
