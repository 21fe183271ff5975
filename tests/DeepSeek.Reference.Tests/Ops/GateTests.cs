using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

public class GateTests
{
    private static readonly GateAttributes V3 =
        new(ScoringFunction.Sigmoid, 8, 4, GroupScore.TopTwoSum, GroupMask.NegativeInfinity, true, 0f, 2.5f, GateRounding.None);

    /// <summary>The example of docs/spec/moe.md 2.</summary>
    [Fact]
    public void The_hand_worked_gate()
    {
        float[] logits = [0.5f, -1, 2, 0.25f, -0.5f, 1.5f, 1, -2];
        float[] bias = [0.1f, 0.9f, -0.3f, 0.4f, 0.2f, -0.1f, 0, 1.2f];
        (float[] s, int[] idx, float[] w) = Run(logits, bias, 3, V3 with { Groups = 4, KeptGroups = 2 });
        double[] sigma = [.622459331, .268941421, .880797078, .562176501, .377540669, .817574476, .731058579, .119202922];
        for (int i = 0; i < 8; i++)
            Assert.Equal(sigma[i], s[i], 1e-7);
        Assert.Equal([7, 1, 6], idx);
        double[] weights = [.266267447, .600743208, 1.632989345];
        for (int k = 0; k < 3; k++)
            Assert.Equal(weights[k], w[k], 3e-7);
    }

    [Property(MaxTest = 200)]
    public bool At_most_the_kept_groups_are_chosen_from(int seed)
    {
        var random = new Random(seed);
        int kept = 1 + random.Next(8);
        (_, int[] idx, _) = Run(Coarse(random, 64), Coarse(random, 64), 8, V3 with { KeptGroups = kept });
        return idx.Select(i => i / 8).Distinct().Count() <= kept && idx.Distinct().Count() == 8;
    }

    [Property(MaxTest = 200)]
    public bool An_exactly_representable_shift_of_the_bias_changes_nothing(int seed)
    {
        // Scores in bfloat16 and bias and shift in 64ths: every sum is exact.
        var random = new Random(seed);
        float[] logits = Coarse(random, 64);
        float[] bias = Coarse(random, 64);
        float shift = random.Next(-8, 9);
        GateAttributes attributes = V3 with { Rounding = GateRounding.EveryStep };
        (float[] s, _, _) = Run(logits, bias, 8, attributes);
        if (s.Zip(bias, (a, b) => (double)(a + b + shift) != (double)a + b + shift).Any(inexact => inexact))
            return true;
        return Equal(Run(logits, bias, 8, attributes), Run(logits, [.. bias.Select(b => b + shift)], 8, attributes));
    }

    [Property(MaxTest = 300)]
    public bool Rule_N9_the_choice_is_that_of_a_stable_sort(int seed)
    {
        var random = new Random(seed);
        int groups = 1 + random.Next(6), size = 1 + random.Next(7), kept = 1 + random.Next(groups), E = groups * size;
        int K = random.Next(kept * size + 1);
        var attributes = V3 with
        {
            Groups = groups,
            KeptGroups = kept,
            Scoring = random.Next(2) == 0 ? ScoringFunction.Sigmoid : ScoringFunction.Softmax,
            GroupScore = random.Next(2) == 0 ? GroupScore.TopTwoSum : GroupScore.Max,
            Mask = random.Next(2) == 0 ? GroupMask.Zero : GroupMask.NegativeInfinity,
        };
        float[] logits = Coarse(random, E), bias = Coarse(random, E);
        (float[] s, int[] idx, _) = Run(logits, bias, K, attributes);

        float[] c = [.. s.Zip(bias, (a, b) => a + b)];
        float Score(int g)
        {
            float[] sorted = [.. c.Skip(g * size).Take(size).OrderDescending()];
            return attributes.GroupScore == GroupScore.Max || size == 1 ? sorted[0] : sorted[0] + sorted[1];
        }

        HashSet<int> open = [.. Enumerable.Range(0, groups).OrderByDescending(Score).Take(kept)];
        IEnumerable<int> candidates = attributes.Mask == GroupMask.Zero ? Enumerable.Range(0, E) : Enumerable.Range(0, E).Where(i => open.Contains(i / size));
        int[] expected = [.. candidates.OrderByDescending(i => open.Contains(i / size) ? c[i] : 0f).Take(K)];
        return expected.SequenceEqual(idx);
    }

    [Fact]
    public void Rule_N9_ties_go_to_the_lower_index()
    {
        (_, int[] idx, float[] w) = Run(new float[64], null, 8, V3);
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], idx);
        Assert.All(w, v => Assert.Equal(0.3125f, v));
    }

    [Fact]
    public void A_zero_mask_lets_a_masked_expert_beat_a_negative_one_and_an_infinite_mask_does_not()
    {
        // Group 0 is kept; its second expert's biased score is negative.
        float[] bias = [1, -3, -2, -2];
        GateAttributes attributes = V3 with { Groups = 2, KeptGroups = 1, GroupScore = GroupScore.Max };
        Assert.Equal([0, 1], Run(new float[4], bias, 2, attributes).Indices);
        Assert.Equal([0, 2], Run(new float[4], bias, 2, attributes with { Mask = GroupMask.Zero }).Indices);
    }

    [Fact]
    public void Weights_come_from_unbiased_scores()
    {
        float[] logits = [0, 0, 1, 1];
        (float[] s, int[] idx, float[] w) = Run(logits, [9, 0, 0, 0], 2, V3 with { Groups = 1, KeptGroups = 1, Normalize = false, Scale = 1f });
        Assert.Equal([0, 2], idx);
        Assert.Equal([s[0], s[2]], w);
    }

    [Fact]
    public void Every_step_of_the_demo_is_a_bfloat16()
    {
        (float[] s, _, float[] w) = Run(Coarse(new Random(1), 64), null, 8, V3 with { Rounding = GateRounding.EveryStep });
        Assert.All(s.Concat(w), v => Assert.Equal(0u, BitConverter.SingleToUInt32Bits(v) & 0xFFFF));
    }

    /// <summary>The demo's softmax is binary32 whatever the logits are. Rounded to bfloat16, the first two scores would be one number, and expert 0 would be chosen.</summary>
    [Fact]
    public void Of_softmax_scores_the_demo_rounds_the_weight_alone()
    {
        (float[] s, int[] idx, float[] w) = Run([0, 1f / 512, -20, -20], null, 1, V3 with { Scoring = ScoringFunction.Softmax, Groups = 1, KeptGroups = 1, Normalize = false, Scale = 3f, Rounding = GateRounding.EveryStep });
        Assert.Equal([1], idx);
        Assert.Equal(0.50048828f, s[1], 1e-7f);
        Assert.Equal(1.5f, w[0]); // 1.50146 in bfloat16; 3 times the rounded score would be the same
        (s, idx, w) = Run([0, 0.75f, -1, 2], null, 2, V3 with { Scoring = ScoringFunction.Softmax, Groups = 1, KeptGroups = 1, Normalize = true, Scale = 2.5f, Rounding = GateRounding.EveryStep });
        Assert.Equal([3, 1], idx);
        Assert.Equal([BFloat16.RoundToFloat(s[3] / (s[3] + s[1]) * 2.5f), BFloat16.RoundToFloat(s[1] / (s[3] + s[1]) * 2.5f)], w);
        Assert.NotEqual(0u, BitConverter.SingleToUInt32Bits(s[3]) & 0xFFFF);
    }

    [Fact]
    public void More_experts_than_may_be_chosen_are_refused()
    {
        Assert.Throws<ShapeException>(() => Run(new float[64], null, 33, V3));
        Assert.Throws<ShapeException>(() => Run(new float[60], null, 8, V3));
        Assert.Throws<ShapeException>(() => Run(new float[64], null, 8, V3 with { KeptGroups = 9 }));
    }

    [Fact]
    public void Rule_N3_a_NaN_is_an_error_even_in_a_group_that_would_be_dropped()
    {
        float[] logits = new float[128];
        logits[127] = float.NaN;
        var error = Assert.Throws<NotANumberException>(() => Gate.Define(logits, default, 64, 8, V3, new float[128], new int[16], new float[16]));
        Assert.Contains("token row 1 ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rule_N9_argmax_and_top_k_take_the_lower_of_equals_and_refuse_NaN()
    {
        float[] x = [-0f, 3, 0f, 3, float.NegativeInfinity];
        int[] three = new int[3], all = new int[5];
        TopK.Choose(x, three);
        TopK.Choose(x, all);
        Assert.Equal([1, 3, 0], three);
        Assert.Equal([1, 3, 0, 2, 4], all);
        Assert.Equal(1, TopK.ArgMax(x));
        Assert.Throws<NotANumberException>(() => TopK.ArgMax([1, float.NaN]));
        Assert.Throws<NotANumberException>(() => TopK.Choose([1, 2, float.NaN], new int[1]));
        Assert.Throws<ShapeException>(() => TopK.ArgMax([]));
        Assert.Throws<ShapeException>(() => TopK.Choose([1], new int[2]));
    }

    private static (float[] Scores, int[] Indices, float[] Weights) Run(float[] logits, float[]? bias, int K, GateAttributes attributes)
    {
        float[] s = new float[logits.Length], w = new float[K];
        int[] idx = new int[K];
        Gate.Define(logits, bias, logits.Length, K, attributes, s, idx, w);
        return (s, idx, w);
    }

    private static bool Equal((float[] S, int[] I, float[] W) a, (float[] S, int[] I, float[] W) b) =>
        a.S.SequenceEqual(b.S) && a.I.SequenceEqual(b.I) && a.W.SequenceEqual(b.W);

    /// <summary>Multiples of 1/64 with few distinct values: ties are common.</summary>
    private static float[] Coarse(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(-20, 21) / 64f)];
}
