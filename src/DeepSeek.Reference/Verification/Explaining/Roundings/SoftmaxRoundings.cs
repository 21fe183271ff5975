using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>The ways to round softmax and its logarithm: exponential, order of the sum, quotient.</summary>
internal static class SoftmaxRoundings
{
    /// <summary>log2(e) in binary32.</summary>
    private const float Log2E = 1.44269504f;

    private static IReadOnlyList<(string Words, Func<float, float, float> Of)> Exponentials { get; } =
    [
        ("exp(x - m)", (x, m) => Correct.Exp(x - m)),
        ("exp2((x - m) log2e)", (x, m) => Correct.Exp2((x - m) * Log2E)),
        ("exp2(fma(x, log2e, -m log2e))", (x, m) => Correct.Exp2(MathF.FusedMultiplyAdd(x, Log2E, -(m * Log2E)))),
        ("exp2(x log2e - m log2e)", (x, m) => Correct.Exp2(x * Log2E - m * Log2E)),
    ];

    private static IReadOnlyList<(string Words, Func<float, float, float> Of)> Quotients { get; } =
    [
        ("e / s", (e, s) => e / s),
        ("e * (1/s)", (e, s) => e * (1f / s)),
        ("bf16(e) / s", (e, s) => BFloat16.RoundToFloat(e) / s),
    ];

    private static IReadOnlyList<(string Words, Func<float, float, float, float> Of)> Logarithms { get; } =
    [
        ("(x - m) - log s", (x, m, s) => x - m - Correct.Log(s)),
        ("x - (m + log s)", (x, m, s) => x - (m + Correct.Log(s))),
        ("log(exp(x - m) / s)", (x, m, s) => Correct.Log(Correct.Exp(x - m) / s)),
    ];

    /// <summary>All combinations.</summary>
    public static IEnumerable<RoundingVariant> Of(OperationCall call) => call is SoftmaxCall
        ? from quotient in Quotients
          from sum in PlainSums.All
          from exponential in Exponentials
          select Variant(exponential, sum, quotient.Words, (x, m, s) => quotient.Of(exponential.Of(x, m), s))
        : from logarithm in Logarithms
          from sum in PlainSums.All
          from exponential in Exponentials
          select Variant(exponential, sum, logarithm.Words, logarithm.Of);

    private static RoundingVariant Variant(
        (string Words, Func<float, float, float> Of) exponential, (string Words, Func<float[], float[], float> Sum) sum, string last, Func<float, float, float, float> of) => new(
        [("exponential", exponential.Words), ("sum", $"summed by {sum.Words}"), ("result", last)],
        c => new AlteredCall(c, (inner, _) =>
        {
            float[] x = Values.Of(inner["x"]);
            int n = (int)inner["x"].Shape[^1];
            float[] y = new float[x.Length];
            float[] ones = [.. Enumerable.Repeat(1f, n)];
            for (int t = 0; n > 0 && t < x.Length; t += n)
            {
                float[] row = x[t..(t + n)];
                float m = row.Max();
                float s = sum.Sum([.. row.Select(v => exponential.Of(v, m))], ones);
                for (int i = 0; i < n; i++)
                    y[t + i] = of(row[i], m, s);
            }

            Values.Store(y, inner["y"]);
        }));
}
