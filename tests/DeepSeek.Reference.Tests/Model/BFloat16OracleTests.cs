using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

/// <summary>The rounding points of DeepSeekInference, against the official code's own bits.</summary>
public class BFloat16OracleTests
{
    [Fact]
    public void Every_element_of_the_absorbed_run_has_the_official_bits()
    {
        ModelCaseResult result = ModelCase.Run(Golden.Path("oracles", "bf16"), new SimdBackend(1));
        TensorVerdict[] judged = [.. result.Tensors.Where(t => t.Role == TensorRole.Judged && t.Name != "logits_naive")];

        Assert.Equal(23, judged.Length);
        Assert.All(judged, t => Assert.Equal(t.Count, t.BitEqualCount));
    }

    /// <summary>
    /// DeepSeek-V2's gate. Softmax scores are binary32 in a bfloat16 model, and another exp moves their last bit; what is chosen by them and computed with them has the
    /// official bits. Rounded to bfloat16 they take another expert at one token.
    /// </summary>
    [Fact]
    public void Behind_binary32_softmax_scores_every_element_of_both_runs_has_the_official_bits()
    {
        ModelCaseResult result = ModelCase.Run(Golden.Path("oracles", "bf16_softmax"), new SimdBackend(1));
        ILookup<bool, TensorVerdict> judged = result.Tensors.Where(t => t.Role == TensorRole.Judged).ToLookup(t => t.Name.EndsWith(".router_scores", StringComparison.Ordinal));

        Assert.Equal(22, judged[false].Count());
        Assert.All(judged[false], t => Assert.Equal(t.Count, t.BitEqualCount));
        Assert.Equal(2, judged[true].Count());
        Assert.All(judged[true], t => Assert.True(t.RelativeL2 < 1e-6, $"{t.Name}: {t.RelativeL2}"));
    }

    [Theory]
    [InlineData(AccumulationKind.Exact)]
    [InlineData(AccumulationKind.Float64)]
    [InlineData(AccumulationKind.Sequential)]
    public void Every_naive_logit_has_the_official_bits_under_other_orders_of_sums(AccumulationKind kind)
    {
        using SafetensorsFile oracle = SafetensorsFile.Open(Golden.Path("oracles", "bf16", "oracle.safetensors"));
        Tensor official = oracle.Get("logits_naive").Reshape(24, 96);

        Assert.True(TensorComparison.Compare(official, Naive(oracle.Get("input_ids"), new Accumulation(kind))).IsBitEqual);
    }

    [Fact]
    public void Lanes16_rounds_one_sum_of_the_naive_run_to_the_other_side_in_row_16()
    {
        using SafetensorsFile oracle = SafetensorsFile.Open(Golden.Path("oracles", "bf16", "oracle.safetensors"));
        Tensor official = oracle.Get("logits_naive").Reshape(24, 96);
        Tensor ours = Naive(oracle.Get("input_ids"), Accumulation.Lanes16);

        Assert.True(TensorComparison.Compare(official.Rows(0, 16), ours.Rows(0, 16)).IsBitEqual);
        Assert.Equal(1703, TensorComparison.Compare(official, ours).BitEqualCount);
    }

    private static Tensor Naive(Tensor ids, Accumulation accumulation)
    {
        NumericContract contract = NumericContract.DeepSeekInference with { Attention = AttentionMode.Naive, Accumulation = accumulation };
        using DeepSeekModel model = DeepSeekModel.Load(Golden.Path("oracles", "bf16"), contract, new ScalarBackend());
        int[] row = [.. ids.AsReadOnlySpan<long>().ToArray().Select(i => (int)i)];
        return model.Forward([row]).Reshape(24, 96);
    }
}
