using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>Backward definitions against exact fractions with a rounding wherever rule N24 has one. Functions (exp, σ, silu) are the library's, which have witnesses of their own.</summary>
public class BackwardWitnessTests
{
    [Property(MaxTest = 40)]
    public void Rule_N16_N24_dgrad_and_wgrad(int seed)
    {
        var draw = new Draw(seed);
        int T = 1 + draw.Int(40), N = 1 + draw.Int(20), K = 1 + draw.Int(2);
        float[] dy = Floats(draw.Values(T, N)), x = Floats(draw.Values(T, K)), w = Floats(draw.Values(N, K)), held = Floats(draw.Values(N, K));
        float[] dx = new float[T * K], dW = [.. held];
        Linear.DefineDgrad(dy, w, N, K, Accumulation.Lanes16, dx);
        Linear.DefineWgrad(dy, x, N, K, Accumulation.Lanes16, dW);
        for (int i = 0; i < dx.Length; i++)
            Assert.Equal(Lanes(Row(dy, i / K, N), Column(w, i % K, K)), dx[i]);
        for (int i = 0; i < dW.Length; i++)
            Assert.Equal(Sum(held[i], Lanes(Column(dy, i / K, N), Column(x, i % K, K))), dW[i]);
    }

    [Property(MaxTest = 40)]
    public void Rule_N16_N24_rms_norm(int seed)
    {
        var draw = new Draw(seed);
        int T = 1 + draw.Int(18), n = 1 + draw.Int(20);
        float[] dy = Floats(draw.Values(T, n)), x = Floats(draw.Values(T, n)), w = Floats(draw.Values(n)), held = Floats(draw.Values(n));
        float[] dx = new float[T * n], dw = [.. held], normalised = new float[T * n];
        RmsNorm.DefineBackward(dy, x, w, 1e-6f, dx, dw);
        for (int t = 0; t < T; t++)
        {
            float[] xt = Row(x, t, n);
            float v = Quotient(Lanes(xt, xt), n);
            float r = Rational.InverseRoot(Rational.Of(Sum(v, 1e-6f))).ToFloat();
            float[] hat = [.. xt.Select(a => Product(a, r))];
            float[] g = [.. Row(dy, t, n).Zip(w, Product)];
            float c = Quotient(Lanes(g, hat), n);
            for (int k = 0; k < n; k++)
                Assert.Equal(Product(r, Fma(hat[k], -c, g[k])), dx[t * n + k]);
            hat.CopyTo(normalised.AsSpan(t * n));
        }

        for (int k = 0; k < n; k++)
            Assert.Equal(Sum(held[k], Lanes(Column(dy, k, n), Column(normalised, k, n))), dw[k]);
    }

    [Property(MaxTest = 40)]
    public void Rule_N24_swiglu_and_cross_entropy(int seed)
    {
        var draw = new Draw(seed);
        float[] dy = Floats(draw.Values(9)), a = Floats(draw.Values(9)), b = Floats(draw.Values(9)), da = new float[9], db = new float[9];
        SwiGlu.DefineBackward(dy, a, b, da, db);
        for (int i = 0; i < 9; i++)
        {
            Assert.Equal(Product(dy[i], Correct.SiLU(a[i])), db[i]);
            Assert.Equal(Product(Product(dy[i], b[i]), Product(Correct.Sigmoid(a[i]), Fma(a[i], Correct.Sigmoid(-a[i]), 1f))), da[i]);
        }

        float[] loss = new float[1], statistics = new float[2], dl = new float[9];
        int target = draw.Int(8);
        CrossEntropy.Define(a, 9, [target], loss, statistics);
        CrossEntropy.DefineGradient(a, 9, 0, [target], statistics, 0.3f, dl);
        float m = a.Max(), s = Lanes([.. a.Select(v => Correct.Exp(Sum(v, -m)))], [.. a.Select(_ => 1f)]);
        Assert.Equal((m, s), (statistics[0], statistics[1]));
        Assert.Equal(Sum(Correct.Log(s), -Sum(a[target], -m)), loss[0]);
        for (int k = 0; k < 9; k++)
            Assert.Equal(Product(Sum(Quotient(Correct.Exp(Sum(a[k], -m)), s), k == target ? -1f : 0f), 0.3f), dl[k]);
    }

    [Property(MaxTest = 30)]
    public void Rule_N24_attention(int seed)
    {
        var draw = new Draw(seed);
        int T = 1 + draw.Int(20), D = 1 + draw.Int(3), Dv = 1 + draw.Int(3);
        float[] q = Floats(draw.Values(T, D)), k = Floats(draw.Values(T, D)), v = Floats(draw.Values(T, Dv)), dy = Floats(draw.Values(T, Dv));
        float[] y = new float[T * Dv], lse = new float[T], dq = new float[T * D], dk = new float[T * D], dv = new float[T * Dv];
        var shape = new AttentionShape(T, 1, T, 1, D, Dv, SharesKeys: false);
        var attributes = new AttentionAttributes(0.3f, 0, AttentionRounding.None, 0, Accumulation.Lanes16);
        Attention.Define(q, k, v, shape, attributes, DType.F32, y, lse);
        Attention.DefineBackward(q, k, v, y, lse, dy, shape, attributes, dq, dk, dv);
        float[] p = new float[T * T], t = new float[T * T];
        for (int i = 0; i < T; i++)
        {
            float delta = Lanes(Row(dy, i, Dv), Row(y, i, Dv));
            for (int j = 0; j <= i; j++)
            {
                p[i * T + j] = Correct.Exp(Sum(Product(Lanes(Row(q, i, D), Row(k, j, D)), 0.3f), -lse[i]));
                t[i * T + j] = Product(Product(p[i * T + j], Sum(Lanes(Row(dy, i, Dv), Row(v, j, Dv)), -delta)), 0.3f);
            }
        }

        // A masked pair is +0 here, which a sum of rule N6 does not see.
        for (int i = 0; i < T * D; i++)
        {
            Assert.Equal(Lanes(Row(t, i / D, T), Column(k, i % D, D)), dq[i]);
            Assert.Equal(Lanes(Column(t, i / D, T), Column(q, i % D, D)), dk[i]);
        }

        for (int i = 0; i < T * Dv; i++)
            Assert.Equal(Lanes(Column(p, i / Dv, T), Column(dy, i % Dv, Dv)), dv[i]);
    }

    [Property(MaxTest = 40)]
    public void Rule_N24_gate_and_combination(int seed)
    {
        var draw = new Draw(seed);
        int E = 3 + draw.Int(20), K = 1 + draw.Int(2), d = 1 + draw.Int(20);
        float[] l = Floats(draw.Values(E)), s = [.. l.Select(Correct.Sigmoid)], dw = Floats(draw.Values(K)), dl = new float[E];
        Tensor choice = draw.Choice(1, E, K);
        int[] idx = choice.AsReadOnlySpan<int>().ToArray();
        var attributes = new GateAttributes(ScoringFunction.Sigmoid, 1, 1, GroupScore.Max, GroupMask.NegativeInfinity, true, 0f, 2.5f, GateRounding.None);
        Gate.DefineBackward(l, s, idx, E, K, attributes, dw, [], dl);
        float sum = idx.Aggregate(0f, (a, e) => Sum(a, s[e]));
        float mean = Enumerable.Range(0, K).Aggregate(0f, (a, j) => Fma(dw[j], Quotient(s[idx[j]], sum), a));
        for (int e = 0; e < E; e++)
        {
            int slot = Array.IndexOf(idx, e);
            float ds = slot < 0 ? 0f : Quotient(Product(Sum(dw[slot], -mean), 2.5f), sum);
            Assert.Equal(Product(ds, Product(s[e], Correct.Sigmoid(-l[e]))), dl[e]);
        }

        var plan = new ExpertPlan(idx, K, E);
        float[] dy = Floats(draw.Values(d)), o = Floats(draw.Values(K, d)), w = Floats(draw.Values(K)), dO = new float[K * d], dGates = new float[K];
        Combine.DefineBackward(dy, o, d, plan, w, dO, dGates);
        for (int slot = 0; slot < K; slot++)
        {
            int r = plan.RowOf[slot];
            Assert.Equal(Lanes(dy, Row(o, r, d)), dGates[slot]);
            Assert.Equal(dy.Select(g => Product(w[slot], g)), Row(dO, r, d));
        }
    }

    /// <summary>Rule N6 in exact fractions.</summary>
    private static float Lanes(float[] a, float[] b)
    {
        float[] lane = new float[16];
        for (int k = 0; k < a.Length; k++)
            lane[k % 16] = Fma(a[k], b[k], lane[k % 16]);
        for (int h = 8; h >= 1; h /= 2)
        {
            for (int j = 0; j < h; j++)
                lane[j] = Sum(lane[j], lane[j + h]);
        }

        return lane[0];
    }

    private static float Fma(float a, float b, float c) => (Rational.Of(a) * Rational.Of(b) + Rational.Of(c)).ToFloat();

    private static float Sum(float a, float b) => (Rational.Of(a) + Rational.Of(b)).ToFloat();

    private static float Product(float a, float b) => (Rational.Of(a) * Rational.Of(b)).ToFloat();

    private static float Quotient(float a, float b) => (Rational.Of(a) / Rational.Of(b)).ToFloat();

    private static float[] Row(float[] x, int t, int n) => x[(t * n)..((t + 1) * n)];

    private static float[] Column(float[] x, int k, int n) => [.. Enumerable.Range(0, x.Length / n).Select(t => x[t * n + k])];

    private static float[] Floats(Tensor t) => t.AsReadOnlySpan<float>().ToArray();
}
