using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification.Bisection;

public class ExpertChoiceTests
{
    private static readonly GateAttributes Plain = new(ScoringFunction.Sigmoid, 1, 1, GroupScore.TopTwoSum, GroupMask.NegativeInfinity, true, 0, 2.5f, GateRounding.None);
    private static readonly GateAttributes Grouped = Plain with { Groups = 2, KeptGroups = 1 };

    private static (Verdict Verdict, string Note, long Explained) Judge(GateAttributes rule, float[] scores, int[] chosen, double tolerance = 0, float[]? bias = null, bool anyOrder = false)
    {
        Tensor s = Tensor.From(scores, 1, scores.Length);
        Tensor? b = bias is null ? null : Tensor.From(bias, bias.Length);
        var expected = new Tensor(DType.I32, 1, chosen.Length);
        ExpertChoice.Choose(s, b, rule, expected);
        return ExpertChoice.Judge(s, b, rule, expected, Tensor.From(chosen, 1, chosen.Length), tolerance, anyOrder);
    }

    [Fact]
    public void The_contracts_choice_is_bits() => Assert.Equal(Verdict.Bits, Judge(Plain, [0.1f, 0.9f, 0.5f, 0.4f], [1, 2]).Verdict);

    [Fact]
    public void A_swap_is_explained_within_twice_the_tolerance_of_a_score_and_no_further()
    {
        Assert.Equal((Verdict.Noise, 1L), Judge(Plain, [0.1f, 0.9f, 0.5f, 0.4f], [1, 3], 0.0501) is var (v, _, n) ? (v, n) : default);
        (Verdict verdict, string note, _) = Judge(Plain, [0.1f, 0.9f, 0.5f, 0.4f], [1, 3], 0.0499);
        Assert.Equal(Verdict.Fail, verdict);
        Assert.Contains("expert 2 beats expert 3 by 0.1", note, StringComparison.Ordinal);
    }

    [Fact]
    public void The_bias_decides_the_choice() => Assert.Equal(Verdict.Fail, Judge(Plain, [0.5f, 0.6f, 0.1f], [1], bias: [0.3f, 0, 0]).Verdict);

    [Fact]
    public void Another_order_of_the_same_experts_fails_unless_the_dump_promises_none()
    {
        Assert.Equal(Verdict.Fail, Judge(Plain, [0.1f, 0.9f, 0.5f], [2, 1]).Verdict);
        Assert.Equal(Verdict.Noise, Judge(Plain, [0.1f, 0.9f, 0.5f], [2, 1], anyOrder: true).Verdict);
        Assert.Equal(Verdict.Noise, Judge(Plain, [0.1f, 0.9f, 0.5f], [2, 1], 0.21).Verdict);
    }

    [Fact]
    public void An_expert_of_a_dropped_group_is_wrong_unless_the_groups_are_near()
    {
        // Groups {0, 1} and {2, 3} score 1.3 and 1.25.
        Assert.Equal(Verdict.Fail, Judge(Grouped, [0.9f, 0.4f, 0.7f, 0.55f], [2, 3], 0.01).Verdict);
        Assert.Equal(Verdict.Noise, Judge(Grouped, [0.9f, 0.4f, 0.7f, 0.55f], [2, 3], 0.013).Verdict);
    }

    [Fact]
    public void A_masked_expert_stands_at_zero_where_the_contract_says_so()
    {
        // Kept group {0, 1}: 0.5 and, biased, -0.2; the masked ones stand at 0.
        float[] scores = [0.5f, 0.1f, 0.05f, 0.04f], bias = [0, -0.3f, 0, 0];
        GateAttributes max = Grouped with { GroupScore = GroupScore.Max };
        Assert.Equal(Verdict.Bits, Judge(max with { Mask = GroupMask.Zero }, scores, [0, 2], bias: bias).Verdict);
        Assert.Equal(Verdict.Fail, Judge(max, scores, [0, 2], bias: bias).Verdict);
        Assert.Equal(Verdict.Fail, Judge(max with { Mask = GroupMask.Zero }, scores, [0, 1], bias: bias).Verdict);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    [InlineData(1)]
    public void What_is_no_choice_fails(int second) => Assert.Equal(Verdict.Fail, Judge(Plain, [0.1f, 0.9f, 0.5f], [1, second], 1).Verdict);
}
