using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>The definitions against exact fractions with a rounding wherever the rule has one.</summary>
public class WitnessTests
{
    [Fact]
    public void The_witness_itself_rounds_as_IEEE_does()
    {
        Assert.Equal(16777216f, new Rational(16777217, 1).ToFloat());
        Assert.Equal(0.1f, new Rational(1, 10).ToFloat());
        Assert.Equal(float.Epsilon, new Rational(3, Rational.Of(float.Epsilon).Denominator * 4).ToFloat());
        Assert.Equal(1f, Rational.Of(BitConverter.UInt32BitsToSingle(0x3F808000)).ToBFloat16());
    }

    [Property(MaxTest = 60)]
    public bool Rule_N6_Lanes16_is_sixteen_chains_and_one_fold(int seed)
    {
        float[] a = Values(seed, 1 + (seed & 63)), b = Values(~seed, a.Length);
        var sum = new Lanes16();
        for (int k = 0; k < a.Length; k++)
            sum.AddProduct(k, a[k], b[k]);
        return sum.Fold() == Lanes(a, b);
    }

    [Property(MaxTest = 60)]
    public bool Rule_N11_RmsNorm(int seed)
    {
        int n = 1 + (seed & 63);
        float[] x = Values(seed, n), w = Values(~seed, n);
        float v = (Rational.Of(Lanes(x, x)) / new Rational(n, 1)).ToFloat();
        float r = Rational.InverseRoot(Rational.Of((Rational.Of(v) + Rational.Of(1e-6f)).ToFloat())).ToFloat();

        float[] plain = new float[n], rounded = new float[n];
        RmsNorm.Define(x, w, 1e-6f, RmsNormRounding.None, plain);
        RmsNorm.Define(x, w, 1e-6f, RmsNormRounding.BeforeWeight, rounded);
        for (int k = 0; k < n; k++)
        {
            float normalised = Product(x[k], r);
            if (plain[k] != Product(normalised, w[k]) || rounded[k] != Product(Rational.Of(normalised).ToBFloat16(), w[k]))
                return false;
        }

        return true;
    }

    [Property(MaxTest = 60)]
    public bool Rule_N16_Combine_in_ascending_expert_id(int seed)
    {
        const int K = 5, E = 9;
        var random = new Random(seed);
        int[] experts = [.. Enumerable.Range(0, E).OrderBy(_ => random.Next()).Take(K)];
        experts[random.Next(K)] = -1;
        float[] w = Values(seed, K), z = Values(~seed, 1);
        var plan = new ExpertPlan(experts, K, E);
        float[] o = Values(seed ^ 99, plan.Rows);
        float[] y = new float[1];

        // Rows of one token are its experts in ascending order.
        int[] slots = [.. Enumerable.Range(0, K).Where(s => experts[s] >= 0).OrderBy(s => experts[s])];
        foreach (CombineRounding rounding in Enum.GetValues<CombineRounding>())
        {
            Combine.Define(o, 1, plan, w, z, rounding, y);
            float sum = 0f;
            for (int r = 0; r < slots.Length; r++)
            {
                Rational product = Rational.Of(w[slots[r]]) * Rational.Of(o[r]);
                sum = rounding switch
                {
                    CombineRounding.Fused => (product + Rational.Of(sum)).ToFloat(),
                    CombineRounding.EveryStep => Rational.Of(Sum(sum, Rational.Of(product.ToFloat()).ToBFloat16())).ToBFloat16(),
                    _ => Sum(sum, product.ToFloat()),
                };
            }

            if (rounding == CombineRounding.SeparateThenRound)
                sum = Rational.Of(sum).ToBFloat16();
            if (y[0] != Sum(sum, z[0]))
                return false;
        }

        return true;
    }

    [Property(MaxTest = 60)]
    public bool Rule_N16_Gate_weights_are_a_sequential_sum_in_slot_order(int seed)
    {
        const int E = 16, K = 6;
        float[] logits = Values(seed, E), s = new float[E], w = new float[K];
        int[] idx = new int[K];
        foreach (GateRounding rounding in Enum.GetValues<GateRounding>())
        {
            float R(Rational q) => rounding == GateRounding.None ? q.ToFloat() : Rational.Of(q.ToFloat()).ToBFloat16();
            var attributes = new GateAttributes(ScoringFunction.Sigmoid, 4, 2, GroupScore.TopTwoSum, GroupMask.NegativeInfinity, true, 1e-3f, 2.5f, rounding);
            Gate.Define(logits, default, E, K, attributes, s, idx, w);
            float sum = 0f;
            foreach (int i in idx)
                sum = Sum(sum, s[i]);
            sum = R(Rational.Of(R(Rational.Of(sum))) + Rational.Of(1e-3f));
            for (int k = 0; k < K; k++)
            {
                if (w[k] != R(Rational.Of(R(Rational.Of(s[idx[k]]) / Rational.Of(sum))) * Rational.Of(2.5f)))
                    return false;
            }
        }

        return true;
    }

    private static float Lanes(float[] a, float[] b)
    {
        float[] lane = new float[16];
        for (int k = 0; k < a.Length; k++)
            lane[k % 16] = (Rational.Of(a[k]) * Rational.Of(b[k]) + Rational.Of(lane[k % 16])).ToFloat();
        for (int h = 8; h >= 1; h /= 2)
        {
            for (int j = 0; j < h; j++)
                lane[j] = Sum(lane[j], lane[j + h]);
        }

        return lane[0];
    }

    private static float Sum(float a, float b) => (Rational.Of(a) + Rational.Of(b)).ToFloat();

    private static float Product(float a, float b) => (Rational.Of(a) * Rational.Of(b)).ToFloat();

    /// <summary>Values over forty binades, so that every sum rounds.</summary>
    private static float[] Values(int seed, int count)
    {
        var random = new Random(seed);
        float[] x = new float[count];
        for (int i = 0; i < count; i++)
            x[i] = (float)((random.NextDouble() * 2 - 1) * Math.ScaleB(1, random.Next(-30, 10)));
        return x;
    }
}
