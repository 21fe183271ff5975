using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>What attention is: rules N6, N7 and N10 on data small enough to see.</summary>
public class AttentionTests
{
    private static readonly IBackend[] backends = [new ScalarBackend(), new SimdBackend(2)];

    private static AttentionAttributes Plain(int firstPosition, float scale = 1f) => new(scale, firstPosition, AttentionRounding.None, 0, Accumulation.Lanes16);

    [Fact]
    public void Rule_N10_two_keys_by_hand()
    {
        // x = (2·1, 2·3)·0.5 = (1, 3); m = 3; e = (exp(-2), 1) = (3E0A9555, 1); s = 3F9152AB; p = e / s = (3DF420A9, 3F617BEA).
        // y = 1·p0 + 4·p1 = 40691CEF; log(s) = 3E01F96D, lse = 3 + log(s) = 40481F97.
        foreach (IBackend backend in backends)
        {
            var y = new Tensor(DType.F32, 1, 1, 1);
            var lse = new Tensor(DType.F32, 1, 1);
            backend.Attention(Tensor.From([2f], 1, 1, 1), Tensor.From([1f, 3f], 2, 1, 1), Tensor.From([1f, 4f], 2, 1, 1), Plain(1, 0.5f), y, lse);
            Assert.Equal([0x40691CEFu], y.Bits());
            Assert.Equal([0x40481F97u], lse.Bits());
        }
    }

    [Property(MaxTest = 60)]
    public void Rule_N10_a_prompt_at_once_in_chunks_and_token_by_token_gives_the_same_bits(int seed)
    {
        var data = new AttentionCase(seed);
        (int S, int H, int T, int Hk, int D, int Dv, _) = data.Shape;
        int seen = Math.Min(T, S);
        AttentionAttributes attributes = data.Attributes with { FirstPosition = 0 };
        foreach (IBackend backend in backends)
        {
            var once = new Tensor(data.OutputType, seen, H, Dv);
            backend.Attention(data.Q.Rows(0, seen), data.Keys.Rows(0, seen), data.OwnValues?.Rows(0, seen), attributes, once);
            foreach (int chunk in new[] { 1, 2, 7, 16 })
            {
                var pieces = new Tensor(data.OutputType, seen, H, Dv);
                for (int t = 0; t < seen; t += chunk)
                {
                    int count = Math.Min(chunk, seen - t);
                    backend.Attention(
                        data.Q.Rows(t, count), data.Keys.Rows(0, t + count), data.OwnValues?.Rows(0, t + count),
                        attributes with { FirstPosition = t }, pieces.Rows(t, count));
                }

                Assert.Equal(once.Bits(), pieces.Bits());
            }
        }
    }

    [Property(MaxTest = 60)]
    public void Rule_N6_a_row_alone_equals_the_row_in_a_batch(int seed)
    {
        var data = new AttentionCase(seed);
        (int S, int H, _, _, _, int Dv, _) = data.Shape;
        var backend = new SimdBackend(1);
        var batch = new Tensor(data.OutputType, S, H, Dv);
        var alone = new Tensor(data.OutputType, S, H, Dv);
        backend.Attention(data.Q, data.Keys, data.OwnValues, data.Attributes, batch);
        for (int i = 0; i < S; i++)
            backend.Attention(data.Q.Rows(i, 1), data.Keys, data.OwnValues, data.Attributes with { FirstPosition = data.Attributes.FirstPosition + i }, alone.Rows(i, 1));
        Assert.Equal(batch.Bits(), alone.Bits());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(16)]
    public void Rule_N10_a_masked_key_has_no_effect_even_when_it_holds_NaN(int H)
    {
        const int S = 6, T = 9, D = 20;
        var random = new Random(H);
        Tensor q = Uniform(random, S, H, D), keys = Uniform(random, T, 1, D);
        foreach (float poison in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
        {
            foreach (IBackend backend in backends)
            {
                for (int i = 0; i < S; i++)
                {
                    // Query i sees keys 0..i+2; all behind them are poisoned, and queries after i may see what they like.
                    Tensor poisoned = keys.Clone();
                    poisoned.AsSpan<float>()[((i + 3) * D)..].Fill(poison);
                    var clean = new Tensor(DType.F32, S, H, D);
                    var dirty = new Tensor(DType.F32, S, H, D);
                    backend.Attention(q, keys, null, Plain(2), clean);
                    backend.Attention(q, poisoned, null, Plain(2), dirty);
                    Assert.Equal(clean.Rows(0, i + 1).Bits(), dirty.Rows(0, i + 1).Bits());
                }
            }
        }
    }

    [Fact]
    public void Rule_N10_without_a_visible_key_the_output_is_plus_zero_and_the_log_sum_exp_minus_infinity()
    {
        foreach (IBackend backend in backends)
        {
            Tensor y = Tensor.From([1f, 1f, 1f, 1f], 2, 1, 2);
            var lse = new Tensor(DType.F32, 2, 1);
            backend.Attention(Tensor.From([1f, 1f], 2, 1, 1), Tensor.From([float.NaN], 1, 1, 1), Tensor.From([float.NaN, float.NaN], 1, 1, 2), Plain(-2), y, lse);
            Assert.Equal([0u, 0u, 0u, 0u], y.Bits());
            Assert.Equal([0xFF800000u, 0xFF800000u], lse.Bits());
        }
    }

    [Fact]
    public void Rule_N10_scores_of_minus_infinity_alone_give_plus_zero_whatever_the_values_hold()
    {
        foreach (IBackend backend in backends)
        {
            Tensor y = Tensor.From([1f], 1, 1, 1);
            var lse = new Tensor(DType.F32, 1, 1);
            backend.Attention(Tensor.From([float.NegativeInfinity], 1, 1, 1), Tensor.From([1f, 2f], 2, 1, 1), Tensor.From([float.NaN, 1f], 2, 1, 1), Plain(1), y, lse);
            Assert.Equal([0u], y.Bits());
            Assert.Equal([0xFF800000u], lse.Bits());
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Rule_N10_a_NaN_score_or_a_maximum_of_infinity_makes_the_row_NaN(float score)
    {
        foreach (IBackend backend in backends)
        {
            var y = new Tensor(DType.F32, 1, 1, 1);
            var lse = new Tensor(DType.F32, 1, 1);
            backend.Attention(Tensor.From([1f], 1, 1, 1), Tensor.From([score, 2f], 2, 1, 1), Tensor.From([0f, 0f], 2, 1, 1), Plain(1), y, lse);
            Assert.Equal([0x7FC00000u], y.Bits());
            Assert.Equal([0x7FC00000u], lse.Bits());
        }
    }

    [Fact]
    public void Two_sums_of_a_score_are_each_rounded_to_bfloat16_then_added()
    {
        // 1 + 2^-8 rounds to 1 (tie to even) and 2^-8 stays: 1 + 2^-8 rounds to 1. In one sum 1 + 2^-7 is a bfloat16.
        var attributes = new AttentionAttributes(1f, 0, AttentionRounding.EveryStep, 1, Accumulation.Lanes16);
        Tensor q = Tensor.From([1f, 1f], 1, 1, 2), keys = Tensor.From([1f + 1f / 256, 1f / 256], 1, 1, 2);
        foreach (IBackend backend in backends)
        {
            var y = new Tensor(DType.F32, 1, 1, 2);
            var lse = new Tensor(DType.F32, 1, 1);
            backend.Attention(q, keys, null, attributes, y, lse);
            Assert.Equal(1f, lse.AsSpan<float>()[0]);
            backend.Attention(q, keys, null, attributes with { ScoreSplit = 0 }, y, lse);
            Assert.Equal(1f + 1f / 128, lse.AsSpan<float>()[0]);
        }
    }

    [Property(MaxTest = 40)]
    public void Canonical_attention_lies_within_its_error_bound_of_binary64(int seed)
    {
        var random = new Random(seed);
        int T = random.Next(1, 200), D = random.Next(1, 100), Dv = random.Next(1, D + 1);
        Tensor q = Uniform(random, 1, 1, D), keys = Uniform(random, T, 1, D);
        ReadOnlySpan<float> a = q.AsSpan<float>(), k = keys.AsSpan<float>();
        double[] x = new double[T];
        for (int j = 0; j < T; j++)
            for (int d = 0; d < D; d++)
                x[j] += (double)a[d] * k[j * D + d] * 0.25;
        double m = x.Max(), s = x.Sum(v => Math.Exp(v - m));

        // |q|, |k| ≤ 1/2. A score's chain has D/16 + 5 roundings of sums below D/4, then · 1/4 and - m: δ bounds its absolute error.
        // p inherits 2δ (numerator and denominator), exp, T/16 + 5 additions, the division; P·V adds T/16 + 5 more; Σ p |v| ≤ 1/2.
        const double u = 1.0 / (1 << 24);
        double delta = ((D / 16 + 6) * D / 4.0 + 2 * D) * 0.25 * u;
        double bound = 0.5 * (4 * delta + (2 * (T / 16 + 6) + 3) * u) * 1.01;
        foreach (IBackend backend in backends)
        {
            var y = new Tensor(DType.F32, 1, 1, Dv);
            backend.Attention(q, keys, null, Plain(T, 0.25f), y);
            for (int c = 0; c < Dv; c++)
            {
                double exact = 0;
                for (int j = 0; j < T; j++)
                    exact += Math.Exp(x[j] - m) / s * keys.AsSpan<float>()[j * D + c];
                Assert.InRange(Math.Abs(y.AsSpan<float>()[c] - exact), 0, bound);
            }
        }
    }

    [Fact]
    public void Tensors_that_do_not_fit_are_refused()
    {
        var attributes = Plain(0);
        Tensor q = new(DType.F32, 2, 4, 8), keys = new(DType.F32, 3, 1, 8), y = new(DType.F32, 2, 4, 8);
        foreach (IBackend backend in backends)
        {
            Assert.Throws<ShapeException>(() => backend.Attention(q, new(DType.F32, 3, 2, 8), null, attributes, y));
            Assert.Throws<ShapeException>(() => backend.Attention(q, new(DType.F32, 3, 1, 7), null, attributes, y));
            Assert.Throws<ShapeException>(() => backend.Attention(q, keys, null, attributes, new(DType.F32, 2, 4, 9)));
            Assert.Throws<ShapeException>(() => backend.Attention(q, keys, new(DType.F32, 3, 1, 7), attributes, y));
            Assert.Throws<ShapeException>(() => backend.Attention(q, keys, null, attributes with { ScoreSplit = 9 }, y));
            Assert.Throws<ShapeException>(() => backend.Attention(q, keys, null, attributes, y, new(DType.F32, 2, 3)));
            Assert.Throws<ShapeException>(() => backend.Attention(new(DType.I32, 2, 4, 8), keys, null, attributes, y));
        }
    }

    private static Tensor Uniform(Random random, params ReadOnlySpan<long> shape)
    {
        var t = new Tensor(DType.F32, shape);
        foreach (ref float x in t.AsSpan<float>())
            x = random.NextSingle() - 0.5f;
        return t;
    }
}
