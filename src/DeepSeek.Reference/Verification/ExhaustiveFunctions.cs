using System.Diagnostics;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification;

/// <summary>What a run over a range of encodings found.</summary>
/// <param name="Function">The function's name.</param>
/// <param name="Tested">Arguments tested.</param>
/// <param name="Wrong">Arguments whose result was not the correctly rounded one.</param>
/// <param name="BySpecial">Decided by the table of special values: NaN, infinities, zeros, constant ranges, outside the domain.</param>
/// <param name="ByFilter">Decided by a binary64 value and its margin.</param>
/// <param name="BySeries">Decided by the first terms of the series at a tiny argument.</param>
/// <param name="ByIntegers">Decided in fixed point of at least 320 bits.</param>
/// <param name="FirstWrong">The first wrong arguments by encoding, at most 64.</param>
/// <param name="Elapsed">Wall time.</param>
public sealed record ExhaustiveResult(
    string Function, ulong Tested, ulong Wrong, ulong BySpecial, ulong ByFilter, ulong BySeries, ulong ByIntegers,
    IReadOnlyList<WrongResult> FirstWrong, TimeSpan Elapsed);

/// <summary>An argument and two results, as binary32 encodings.</summary>
/// <param name="Argument">x.</param>
/// <param name="Got">The result of the library.</param>
/// <param name="Want">The correctly rounded result.</param>
public readonly record struct WrongResult(uint Argument, uint Got, uint Want);

/// <summary>
/// Judges the element functions of rule N5 against an oracle that shares nothing with them: all 2^32 arguments of a
/// function take a minute or so.
/// </summary>
/// <remarks>
/// The oracle decides the float nearest to the exact value in the first of these stages that can:
/// <list type="number">
/// <item>special values, from a table;</item>
/// <item>a filter: y from <see cref="Math"/>'s binary64 functions. Where y (1 ± 2^-44) round to the same float, so does
/// the exact value: platforms differ in the last bits of those functions, not in the ninth from last;</item>
/// <item>the first terms of the series, for |x| &lt; 2^-26;</item>
/// <item>Taylor series in integers of at least 320 bits, whose enclosure must round to one float.</item>
/// </list>
/// </remarks>
public static class ExhaustiveFunctions
{
    private const int Chunk = 1 << 16;
    private const int MostWrong = 64;

    private delegate void SpanFunction(ReadOnlySpan<float> x, Span<float> y);

    /// <summary>The functions by name.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["exp", "exp2", "expm1", "log", "log2", "log1p", "sin", "cos", "tanh", "sigmoid", "silu", "rsqrt"];

    /// <summary>Tests the encodings first, first + 1, ..., first + count - 1 (modulo 2^32) through the span form.</summary>
    /// <param name="function">One of <see cref="Names"/>.</param>
    /// <param name="first">The first argument's encoding.</param>
    /// <param name="count">How many; 2^32 for all.</param>
    /// <param name="threads">How many threads; the result does not depend on it.</param>
    /// <param name="progress">Told now and then how many arguments are tested.</param>
    /// <exception cref="ContractException">No function has that name.</exception>
    public static ExhaustiveResult Run(string function, uint first, ulong count, int threads, IProgress<ulong>? progress = null)
    {
        SpanFunction map = Map(function);
        long start = Stopwatch.GetTimestamp();
        ulong chunks = (count + Chunk - 1) / Chunk, next = 0, done = 0;
        var total = new Tally();
        var gate = new Lock();

        void Work()
        {
            float[] x = new float[Chunk], y = new float[Chunk];
            var oracle = new FunctionOracle(function);
            var tally = new Tally();
            for (ulong chunk; (chunk = Interlocked.Increment(ref next) - 1) < chunks;)
            {
                int length = (int)Math.Min(Chunk, count - chunk * Chunk);
                Test(map, oracle, unchecked(first + (uint)(chunk * Chunk)), x.AsSpan(0, length), y.AsSpan(0, length), tally);
                ulong now = Interlocked.Add(ref done, (ulong)length);
                if (chunk % 1024 == 1023)
                    progress?.Report(now);
            }
            lock (gate)
                total.Add(tally);
        }

        Thread[] others = [.. Enumerable.Range(1, Math.Max(1, threads) - 1).Select(_ => new Thread(Work))];
        foreach (Thread other in others)
            other.Start();
        Work();
        foreach (Thread other in others)
            other.Join();

        WrongResult[] wrong = [.. total.FirstWrong.OrderBy(w => w.Argument).Take(MostWrong)];
        return new ExhaustiveResult(
            function, count, total.Wrong, total.Stage[0], total.Stage[1], total.Stage[2], total.Stage[3], wrong, Stopwatch.GetElapsedTime(start));
    }

    /// <summary>The correctly rounded result at one argument, by the oracle.</summary>
    /// <exception cref="ContractException">No function has that name.</exception>
    public static float Nearest(string function, float x) => new FunctionOracle(function).Nearest(x, out _);

    /// <summary>The library's result at one argument.</summary>
    /// <exception cref="ContractException">No function has that name.</exception>
    internal static float Evaluate(string function, float x)
    {
        float y = 0;
        Map(function)(new ReadOnlySpan<float>(in x), new Span<float>(ref y));
        return y;
    }

    internal static ContractException Unknown(string function) =>
        new($"No element function is named {function}: one of {string.Join(", ", Names)}.");

    private static void Test(SpanFunction map, FunctionOracle oracle, uint from, Span<float> x, Span<float> y, Tally tally)
    {
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(x);
        for (int i = 0; i < bits.Length; i++)
            bits[i] = unchecked(from + (uint)i);
        map(x, y);
        for (int i = 0; i < x.Length; i++)
        {
            uint want = BitConverter.SingleToUInt32Bits(oracle.Nearest(x[i], out OracleStage stage));
            tally.Stage[(int)stage]++;
            uint got = BitConverter.SingleToUInt32Bits(y[i]);
            if (got == want)
                continue;
            tally.Wrong++;
            if (tally.FirstWrong.Count < 1 << 16)
                tally.FirstWrong.Add(new WrongResult(bits[i], got, want));
        }
    }

    private static SpanFunction Map(string function) => function switch
    {
        "exp" => Correct.Exp,
        "exp2" => Correct.Exp2,
        "expm1" => Correct.Expm1,
        "log" => Correct.Log,
        "log2" => Correct.Log2,
        "log1p" => Correct.Log1p,
        "sin" => Correct.Sin,
        "cos" => Correct.Cos,
        "tanh" => Correct.Tanh,
        "sigmoid" => Correct.Sigmoid,
        "silu" => Correct.SiLU,
        "rsqrt" => Correct.ReciprocalSqrt,
        _ => throw Unknown(function),
    };

    private sealed class Tally
    {
        public readonly ulong[] Stage = new ulong[4];
        public readonly List<WrongResult> FirstWrong = [];
        public ulong Wrong;

        public void Add(Tally other)
        {
            Wrong += other.Wrong;
            FirstWrong.AddRange(other.FirstWrong);
            for (int i = 0; i < Stage.Length; i++)
                Stage[i] += other.Stage[i];
        }
    }
}
