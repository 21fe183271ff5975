using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

public class DenseOperationTests
{
    private const float Inf = float.PositiveInfinity;

    [Theory]
    [InlineData(new float[] { 1, float.NaN, 2 }, float.NaN)]
    [InlineData(new float[] { 1, Inf, 2 }, float.NaN)]
    [InlineData(new float[] { -Inf, -Inf, -Inf }, 0f)]
    public void Rule_N10_rows_without_a_finite_maximum(float[] x, float expected)
    {
        float[] p = new float[3], l = new float[3];
        Softmax.Define(x, 3, p);
        LogSoftmax.Define(x, 3, l);
        Assert.All(p, v => Assert.Equal(BitConverter.SingleToUInt32Bits(expected), BitConverter.SingleToUInt32Bits(v)));
        Assert.All(l, v => Assert.Equal(expected == 0f ? -Inf : float.NaN, v));
    }

    [Fact]
    public void Rule_N10_a_row_of_no_values_is_no_values() => Softmax.Define([], 0, []);

    [Fact]
    public void Rule_N10_the_bits_of_a_small_row()
    {
        float[] p = new float[4], l = new float[4];
        Softmax.Define([0, 0, 0, -Inf], 4, p);
        LogSoftmax.Define([5, 5, -Inf, -Inf], 4, l);
        Assert.Equal([0x3EAAAAAB, 0x3EAAAAAB, 0x3EAAAAAB, 0u], p.Select(BitConverter.SingleToUInt32Bits));
        Assert.Equal([0xBF317218, 0xBF317218, 0xFF800000, 0xFF800000], l.Select(BitConverter.SingleToUInt32Bits));
    }

    [Property(MaxTest = 100)]
    public bool Rule_N10_softmax_is_one_exp_one_sum_and_one_quotient(int seed)
    {
        var random = new Random(seed);
        float[] x = [.. Enumerable.Range(0, 1 + random.Next(50)).Select(_ => random.NextSingle() * 30)];
        float[] p = new float[x.Length];
        Softmax.Define(x, x.Length, p);
        var s = new Lanes16();
        for (int k = 0; k < x.Length; k++)
            s.Add(k, Correct.Exp(x[k] - x.Max()));
        return p.Zip(x, (a, b) => a == Correct.Exp(b - x.Max()) / s.Fold()).All(same => same);
    }

    [Fact]
    public void SwiGlu_rounds_silu_to_bfloat16_when_asked()
    {
        float[] y = new float[1];
        SwiGlu.Define([1f], [1f], SwiGluRounding.None, y);
        Assert.Equal(0x3F3B26A8u, BitConverter.SingleToUInt32Bits(y[0]));
        SwiGlu.Define([1f], [1f], SwiGluRounding.AfterSilu, y);
        Assert.Equal(0x3F3B0000u, BitConverter.SingleToUInt32Bits(y[0]));
    }

    [Fact]
    public void RmsNorm_of_zeros_is_zeros_with_their_signs()
    {
        float[] y = new float[2];
        RmsNorm.Define([0f, -0f], [1f, 1f], 1e-6f, RmsNormRounding.None, y);
        Assert.Equal([0x00000000, 0x80000000], y.Select(BitConverter.SingleToUInt32Bits));
    }

    [Fact]
    public void Rule_N13_layouts_pair_and_place_channels()
    {
        float[] x = [9, 1, 2, 3, 4];
        float[] f = [1.5f, 0.25f];
        (float c0, float s0) = (Correct.Cos(3f), Correct.Sin(3f));
        (float c1, float s1) = (Correct.Cos(0.5f), Correct.Sin(0.5f));
        static float[] Pair(float a, float b, float c, float s) => [a * c - b * s, a * s + b * c];
        float[] p = Pair(1, 2, c0, s0), q = Pair(3, 4, c1, s1), r = Pair(1, 3, c0, s0), t = Pair(2, 4, c1, s1);

        float[] Run(RopeLayout layout)
        {
            float[] y = new float[5];
            Rope.Define(x, 1, 5, [2], f, new RopeAttributes(layout, RopeRotation.Separate), y);
            return y;
        }

        Assert.Equal([9, p[0], p[1], q[0], q[1]], Run(RopeLayout.Interleaved));
        Assert.Equal([9, p[0], q[0], p[1], q[1]], Run(RopeLayout.InterleavedToHalf));
        Assert.Equal([9, r[0], t[0], r[1], t[1]], Run(RopeLayout.Half));
    }

    [Property(MaxTest = 100)]
    public bool Rule_N13_rotations_round_where_they_say(float a, float b, ushort position)
    {
        if (!float.IsFinite(a) || !float.IsFinite(b))
            return true;
        float phi = position * 0.37f;
        float c = Correct.Cos(phi), s = Correct.Sin(phi);
        float B(float v) => BFloat16.RoundToFloat(v);
        float[] Run(RopeRotation rotation, float magnitude)
        {
            float[] y = new float[2];
            Rope.Define([a, b], 1, 2, [position], [0.37f], new RopeAttributes(RopeLayout.Interleaved, rotation, magnitude), y);
            return y;
        }

        float[] fused = [MathF.FusedMultiplyAdd(a, c, -(b * s)), MathF.FusedMultiplyAdd(a, s, b * c)];
        float[] every = [B(B(a * B(c)) - B(b * B(s))), B(B(a * B(s)) + B(b * B(c)))];
        float[] doubled = [a * (c * 2) - b * (s * 2), a * (s * 2) + b * (c * 2)];
        return Run(RopeRotation.Fused, 1).SequenceEqual(fused)
            && Run(RopeRotation.EveryStep, 1).SequenceEqual(every)
            && Run(RopeRotation.Separate, 2).SequenceEqual(doubled);
    }

    [Fact]
    public void MtpInput_puts_the_halves_in_the_order_asked_for()
    {
        float[] y = new float[8];
        MtpInput.Define([1, 2, 3, 4], [5, 6, 7, 8], 2, MtpConcat.EmbeddingFirst, y);
        Assert.Equal([1, 2, 5, 6, 3, 4, 7, 8], y);
        MtpInput.Define([1, 2, 3, 4], [5, 6, 7, 8], 2, MtpConcat.HiddenFirst, y);
        Assert.Equal([5, 6, 1, 2, 7, 8, 3, 4], y);
    }

    [Fact]
    public void Rule_N16_a_token_without_experts_combines_to_zero_or_to_the_shared_output()
    {
        var plan = new ExpertPlan([-1, -1], 2, 4);
        float[] y = [7f];
        Combine.Define([], 1, plan, [1, 1], default, CombineRounding.Fused, y);
        Assert.Equal(0u, BitConverter.SingleToUInt32Bits(y[0]));
        Combine.Define([], 1, plan, [1, 1], [3f], CombineRounding.EveryStep, y);
        Assert.Equal(3f, y[0]);
    }

    [Fact]
    public void Dispatch_gathers_rows_by_expert_then_token()
    {
        var plan = new ExpertPlan([2, 0, 0, -1, 2, 1], 2, 3);
        float[] y = new float[5];
        Dispatch.Define([10, 20, 30], 1, plan, y);
        Assert.Equal([10, 20, 30, 10, 30], y);
    }

    [Fact]
    public void Sizes_that_do_not_fit_are_refused()
    {
        Assert.Throws<ShapeException>(() => RmsNorm.Define(new float[5], new float[2], 0f, RmsNormRounding.None, new float[5]));
        Assert.Throws<ShapeException>(() => SwiGlu.Define(new float[2], new float[3], SwiGluRounding.None, new float[2]));
        Assert.Throws<ShapeException>(() => Rope.Define(new float[4], 1, 4, [0], new float[3], default, new float[4]));
        Assert.Throws<ShapeException>(() => Softmax.Define(new float[4], 3, new float[4]));
        Assert.Throws<ShapeException>(() => Embedding.Define(new float[4], 2, [2], new float[2]));
    }
}
