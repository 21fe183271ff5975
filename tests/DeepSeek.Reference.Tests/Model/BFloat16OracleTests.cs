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

    [Fact]
    public void The_naive_run_leaves_the_official_bits_only_where_an_order_of_sums_decides()
    {
        using SafetensorsFile oracle = SafetensorsFile.Open(Golden.Path("oracles", "bf16", "oracle.safetensors"));
        Tensor official = oracle.Get("logits_naive").Reshape(24, 96);
        Tensor ours = Naive(oracle.Get("input_ids"), Accumulation.Lanes16);

        int first = Enumerable.Range(0, 24).First(t => !TensorComparison.Compare(official.Rows(t, 1), ours.Rows(t, 1)).IsBitEqual);
        long equal = TensorComparison.Compare(official, ours).BitEqualCount;
        TestContext.Current.TestOutputHelper!.WriteLine($"first row {first}, equal {equal}");
        foreach (Accumulation other in new[] { Accumulation.Sequential, Accumulation.Float64, Accumulation.Exact })
        {
            Tensor theirs = Naive(oracle.Get("input_ids"), other);
            TestContext.Current.TestOutputHelper!.WriteLine($"{other}: official {TensorComparison.Compare(official, theirs).BitEqualCount}, lanes {TensorComparison.Compare(ours, theirs).BitEqualCount}");
        }
    }

    private static Tensor Naive(Tensor ids, Accumulation accumulation)
    {
        NumericContract contract = NumericContract.DeepSeekInference with { Attention = AttentionMode.Naive, Accumulation = accumulation };
        using DeepSeekModel model = DeepSeekModel.Load(Golden.Path("oracles", "bf16"), contract, new ScalarBackend());
        int[] row = [.. ids.AsReadOnlySpan<long>().ToArray().Select(i => (int)i)];
        return model.Forward([row]).Reshape(24, 96);
    }
}
