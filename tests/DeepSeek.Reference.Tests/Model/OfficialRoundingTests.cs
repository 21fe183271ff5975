using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

/// <summary>
/// The rounding points of DeepSeek's own bfloat16 code. With sums that no order decides, every logit of the official run must come out, bit for bit;
/// under Lanes16 one sum in the naive run falls on the other side of a rounding, at token 16, and nothing before it differs.
/// </summary>
public class OfficialRoundingTests
{
    private static (int Equal, int FirstDifference) Compare(AttentionMode mode, Accumulation accumulation, string tensor)
    {
        string directory = Golden.Path("oracles", "bf16");
        using SafetensorsFile oracle = SafetensorsFile.Open(System.IO.Path.Combine(directory, "oracle.safetensors"));
        int[] ids = [.. oracle.Get("input_ids").AsReadOnlySpan<long>().ToArray().Select(id => (int)id)];
        NumericContract contract = NumericContract.DeepSeekInference with { Attention = mode, Accumulation = accumulation };
        using DeepSeekModel model = DeepSeekModel.Load(directory, contract, new SimdBackend(1));
        ReadOnlySpan<ushort> actual = model.Forward([ids]).AsReadOnlySpan<ushort>();
        ReadOnlySpan<ushort> expected = oracle.Get(tensor).AsReadOnlySpan<ushort>();
        int equal = 0;
        int first = -1;
        for (int i = 0; i < expected.Length; i++)
        {
            if (expected[i] == actual[i])
                equal++;
            else if (first < 0)
                first = i;
        }

        return (equal, first);
    }

    [Theory]
    [InlineData(AttentionMode.Absorbed, "logits")]
    [InlineData(AttentionMode.Naive, "logits_naive")]
    public void Every_logit_of_the_official_bfloat16_run_comes_out_under_exact_sums(AttentionMode mode, string tensor) =>
        Assert.Equal((2304, -1), Compare(mode, Accumulation.Exact, tensor));

    [Fact]
    public void Every_absorbed_logit_comes_out_under_the_canonical_order() =>
        Assert.Equal((2304, -1), Compare(AttentionMode.Absorbed, Accumulation.Lanes16, "logits"));

    [Fact]
    public void Every_naive_logit_before_token_16_comes_out_under_the_canonical_order() =>
        Assert.True(Compare(AttentionMode.Naive, Accumulation.Lanes16, "logits_naive").FirstDifference >= 16 * 96);
}
