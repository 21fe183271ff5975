using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification;

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
        return ExhaustiveRun.Over(function, first, count, threads, progress, () =>
        {
            float[] x = new float[ExhaustiveRun.Chunk], y = new float[ExhaustiveRun.Chunk];
            var oracle = new FunctionOracle(function);
            return (from, length, tally) => Test(map, oracle, from, x.AsSpan(0, length), y.AsSpan(0, length), tally);
        });
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

    private static void Test(SpanFunction map, FunctionOracle oracle, uint from, Span<float> x, Span<float> y, ExhaustiveTally tally)
    {
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(x);
        for (int i = 0; i < bits.Length; i++)
            bits[i] = unchecked(from + (uint)i);
        map(x, y);
        for (int i = 0; i < x.Length; i++)
        {
            uint want = BitConverter.SingleToUInt32Bits(oracle.Nearest(x[i], out OracleStage stage));
            tally.Stage[(int)stage]++;
            tally.Compare(bits[i], BitConverter.SingleToUInt32Bits(y[i]), want);
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
}
