using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>The ways to round attention's gradients: how its five products are summed, and what is rounded to bfloat16 between them, as kernels whose products take bfloat16 do.</summary>
internal static class AttentionGradientRoundings
{
    // Multiply-adds of one variant; there are hundreds, each by the definition's loops.
    private const long Most = 1 << 22;

    private static Accumulation[] Accumulations { get; } = [Accumulation.Lanes16, Accumulation.Sequential, Accumulation.Exact, Accumulation.Float64];

    private const float Log2E = 1.44269504f;

    // Of a score before its scale, the scale, and the log-sum-exp.
    private static IReadOnlyList<(string Words, Func<float, float, float, float> Of)> Powers { get; } =
    [
        ("exp(s scale - lse)", (s, scale, lse) => Correct.Exp(s * scale - lse)),
        ("exp2(s scale log2e - lse log2e)", (s, scale, lse) => Correct.Exp2(s * scale * Log2E - lse * Log2E)),
        ("exp2(fma(s scale, log2e, -lse log2e))", (s, scale, lse) => Correct.Exp2(MathF.FusedMultiplyAdd(s * scale, Log2E, -(lse * Log2E)))),
        ("exp2(fma(s, scale log2e, -lse log2e))", (s, scale, lse) => Correct.Exp2(MathF.FusedMultiplyAdd(s, scale * Log2E, -(lse * Log2E)))),
    ];

    /// <summary>Whether all combinations can be computed in seconds.</summary>
    public static bool IsSmall(AttentionBackwardCall call) => call.Q.Shape[0] * call.Q.Shape[1] * call.Keys.Shape[0] * (3 * call.Q.Shape[2] + 2 * call.Values.Shape[2]) <= Most;

    /// <summary>All combinations.</summary>
    public static IEnumerable<RoundingVariant> All() =>
        from power in Powers
        from scaling in (string[])["scores' gradient times scale", "dq and dk times scale at the end"]
        from p in (string[])["", "P in bfloat16"]
        from ds in (string[])["", "dS in bfloat16"]
        from accumulation in Accumulations
        select new RoundingVariant(
            [
                ("accumulation", $"Accumulation.{accumulation}"), ("p", p.Length == 0 ? "P not rounded" : p), ("ds", ds.Length == 0 ? "dS not rounded" : ds), ("power", power.Words), ("scaling", scaling),
            ],
            call => new AlteredCall(call, (inner, _) => Compute((AttentionBackwardCall)inner, accumulation, power.Of, p.Length > 0, ds.Length > 0, scaling[0] == 'd')));

    private static void Compute(AttentionBackwardCall c, Accumulation sum, Func<float, float, float, float> power, bool narrowP, bool narrowDs, bool scaledLate)
    {
        (int S, int H, int D) = ((int)c.Q.Shape[0], (int)c.Q.Shape[1], (int)c.Q.Shape[2]);
        (int T, int Dv) = ((int)c.Keys.Shape[0], (int)c.Values.Shape[2]);
        float[] q = Values.Of(c.Q), keys = Values.Of(c.Keys), values = Values.Of(c.Values);
        float[] y = Values.Of(c.Y), lse = Values.Of(c.LogSumExp), dy = Values.Of(c.Dy);
        float[] dq = new float[q.Length], dKeys = new float[keys.Length], dValues = new float[values.Length];
        float scale = c.Attributes.Scale, early = scaledLate ? 1f : scale, late = scaledLate ? scale : 1f;
        for (int h = 0; h < H; h++)
        {
            float[][] p = new float[S][], ds = new float[S][];
            for (int i = 0; i < S; i++)
            {
                int n = Math.Clamp(c.Attributes.FirstPosition + i + 1, 0, T);
                int row = i * H + h;
                (p[i], ds[i]) = (new float[n], new float[n]);
                float[] dyi = Row(dy, row, Dv);
                float delta = Dot(dyi, Row(y, row, Dv));
                for (int j = 0; lse[row] != float.NegativeInfinity && j < n; j++)
                {
                    float weight = power(Dot(Row(q, row, D), Row(keys, j * H + h, D)), scale, lse[row]);
                    float ofScore = weight * (Dot(dyi, Row(values, j * H + h, Dv)) - delta) * early;
                    (p[i][j], ds[i][j]) = (narrowP ? BFloat16.RoundToFloat(weight) : weight, narrowDs ? BFloat16.RoundToFloat(ofScore) : ofScore);
                }

                for (int d = 0; d < D; d++)
                    dq[row * D + d] = Dot(ds[i], [.. Enumerable.Range(0, n).Select(j => keys[(j * H + h) * D + d])]) * late;
            }

            for (int j = 0; j < T; j++)
            {
                int[] seeing = [.. Enumerable.Range(0, S).Where(i => p[i].Length > j)];
                for (int d = 0; d < D; d++)
                    dKeys[(j * H + h) * D + d] = Dot([.. seeing.Select(i => ds[i][j])], [.. seeing.Select(i => q[(i * H + h) * D + d])]) * late;
                for (int v = 0; v < Dv; v++)
                    dValues[(j * H + h) * Dv + v] = Dot([.. seeing.Select(i => p[i][j])], [.. seeing.Select(i => dy[(i * H + h) * Dv + v])]);
            }
        }

        Values.Store(dq, c.Dq);
        Values.Store(dKeys, c.DKeys);
        Values.Store(dValues, c.DValues);

        float Dot(float[] a, float[] b) => DotProduct.Define(a, b, sum, DType.F32);

        static float[] Row(float[] all, int row, int length) => all[(row * length)..((row + 1) * length)];
    }
}
