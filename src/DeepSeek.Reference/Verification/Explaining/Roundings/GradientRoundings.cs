using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>The ways to round the gradients of SwiGLU and RMSNorm: forms of the slope and orders of its products; sums, means, roots and forms of dx.</summary>
internal static class GradientRoundings
{
    private delegate float Root(float mean, float epsilon);

    private delegate float Dx(float x, float r, float g, float c);

    private static IReadOnlyList<(string Words, Func<float, float> Of)> Sigmoids { get; } =
    [
        ("sigmoid correctly rounded", Correct.Sigmoid),
        ("1 / (1 + exp(-a))", a => 1f / (1f + Correct.Exp(-a))),
        ("1 / (1 + exp2(-a log2e))", a => 1f / (1f + Correct.Exp2(-a * 1.44269504f))),
        ("1/2 + 1/2 tanh(a/2)", a => MathF.FusedMultiplyAdd(0.5f, Correct.Tanh(0.5f * a), 0.5f)),
    ];

    private static IReadOnlyList<(string Words, Func<float, float, float, float> Of)> Slopes { get; } =
    [
        ("s * fma(a, s(-a), 1)", (a, s, t) => s * MathF.FusedMultiplyAdd(a, t, 1f)),
        ("s * fma(a, 1-s, 1)", (a, s, _) => s * MathF.FusedMultiplyAdd(a, 1f - s, 1f)),
        ("s * (1 + a*(1-s))", (a, s, _) => s * (1f + a * (1f - s))),
        ("s + a*s*(1-s)", (a, s, _) => s + a * s * (1f - s)),
        ("s + a*(s*(1-s))", (a, s, _) => s + a * (s * (1f - s))),
        ("fma(a*s, 1-s, s)", (a, s, _) => MathF.FusedMultiplyAdd(a * s, 1f - s, s)),
    ];

    private static IReadOnlyList<(string Words, Func<float, float, float, float> Of)> Orders { get; } =
    [
        ("(dy*b)*slope", (dy, b, slope) => dy * b * slope),
        ("dy*(b*slope)", (dy, b, slope) => dy * (b * slope)),
        ("(dy*slope)*b", (dy, b, slope) => dy * slope * b),
    ];

    private static IReadOnlyList<(string Words, Root Of)> Roots { get; } =
    [
        ("r = rsqrt(v + eps) correctly rounded", (v, e) => Correct.ReciprocalSqrt(v + e)),
        ("r = 1 / sqrt(v + eps), two roundings", (v, e) => 1f / MathF.Sqrt(v + e)),
    ];

    private static IReadOnlyList<(string Words, Dx Of)> Forms { get; } =
    [
        ("r * fma(x*r, -c, g)", (x, r, g, c) => r * MathF.FusedMultiplyAdd(x * r, -c, g)),
        ("r * (g - (x*r)*c)", (x, r, g, c) => r * (g - x * r * c)),
        ("r*g - (x*r)*(r*c)", (x, r, g, c) => r * g - x * r * (r * c)),
        ("fma(r, g, -(x*r)*(r*c))", (x, r, g, c) => MathF.FusedMultiplyAdd(r, g, -(x * r * (r * c)))),
    ];

    /// <summary>Named sums of the weights' gradients of groups, whose many outputs are no case of the lattice.</summary>
    public static IEnumerable<RoundingVariant> Sums() =>
        ((Accumulation[])[Accumulation.Lanes16, Accumulation.Sequential, Accumulation.Exact, Accumulation.Float64]).Select(accumulation => new RoundingVariant(
            [("accumulation", $"Accumulation.{accumulation}")], call => call is GroupedLinearWgradCall c ? c with { Accumulation = accumulation } : call));

    /// <summary>SwiGLU's gradients.</summary>
    public static IEnumerable<RoundingVariant> SwiGlu() =>
        from order in Orders
        from slope in Slopes
        from sigmoid in Sigmoids
        from silu in (string[])["silu correctly rounded", "a * sigmoid"]
        select new RoundingVariant([("sigmoid", sigmoid.Words), ("slope", slope.Words), ("order", order.Words), ("silu", silu)], call => new AlteredCall(call, (inner, _) =>
        {
            var c = (SwiGluBackwardCall)inner;
            float[] dy = Values.Of(c.Dy), a = Values.Of(c.Gate), b = Values.Of(c.Up);
            float[] da = new float[a.Length], db = new float[a.Length];
            for (int i = 0; i < a.Length; i++)
            {
                float s = sigmoid.Of(a[i]);
                da[i] = order.Of(dy[i], b[i], slope.Of(a[i], s, sigmoid.Of(-a[i])));
                db[i] = dy[i] * (silu == "a * sigmoid" ? a[i] * s : Correct.SiLU(a[i]));
            }

            Values.Store(da, c.DGate);
            Values.Store(db, c.DUp);
        }));

    /// <summary>RMSNorm's gradients: sums along the row and over the positions each in its order.</summary>
    public static IEnumerable<RoundingVariant> RmsNorm() =>
        from form in Forms
        from root in Roots
        from mean in (string[])["sum / n", "sum * (1/n)"]
        from positions in PlainSums.All.Where(s => s.Words is "sixteen lanes" or "exact sum" or "one chain of fma" or "one chain, products rounded" or "pairwise tree")
        from sum in PlainSums.All
        select new RoundingVariant(
            [("sum", $"rows summed by {sum.Words}"), ("positions", $"positions summed by {positions.Words}"), ("mean", mean), ("root", root.Words), ("form", form.Words)],
            call => new AlteredCall(call, (inner, _) => Compute((RmsNormBackwardCall)inner, sum.Sum, positions.Sum, mean, root.Of, form.Of)));

    private static void Compute(RmsNormBackwardCall call, Func<float[], float[], float> sum, Func<float[], float[], float> overPositions, string mean, Root root, Dx form)
    {
        float[] dy = Values.Of(call.Dy), x = Values.Of(call.X), w = Values.Of(call.Weight), dw = Values.Of(call.C);
        int n = w.Length, T = n == 0 ? 0 : x.Length / n;
        float[] dx = new float[x.Length], normalised = new float[x.Length];
        for (int t = 0; t < T; t++)
        {
            float[] row = x[(t * n)..((t + 1) * n)], g = new float[n], hat = new float[n];
            float r = root(Mean(sum(row, row)), call.Epsilon);
            for (int k = 0; k < n; k++)
                (g[k], hat[k]) = (dy[t * n + k] * w[k], row[k] * r);
            float c = Mean(sum(g, hat));
            for (int k = 0; k < n; k++)
                dx[t * n + k] = form(row[k], r, g[k], c);
            hat.CopyTo(normalised, t * n);
        }

        float[] a = new float[T], b = new float[T];
        for (int k = 0; T > 0 && k < n; k++)
        {
            for (int t = 0; t < T; t++)
                (a[t], b[t]) = (dy[t * n + k], normalised[t * n + k]);
            dw[k] += overPositions(a, b);
        }

        Values.Store(dx, call.Dx);
        Values.Store(dw, call.DWeight);

        float Mean(float s) => mean == "sum / n" ? s / n : s * (1f / n);
    }
}
