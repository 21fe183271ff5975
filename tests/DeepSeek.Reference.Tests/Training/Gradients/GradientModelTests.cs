using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Tests.Model;
using DeepSeek.Reference.Tests.Ops;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>What holds of gradients of whole models bit by bit, and what is refused.</summary>
public class GradientModelTests
{
    private static readonly DeepSeekConfig Mtp = SyntheticModel.V3 with { NumNextnPredictLayers = 2 };
    private static readonly LossOptions Everything = new() { MtpWeight = 0.3, BalanceWeight = 0.01 };
    private static readonly int[][] Batch = [.. Enumerable.Range(0, 8).Select(b => SyntheticModel.Ids(3 + 2 * b, b))];

    [Fact]
    public void Rule_N16_any_split_of_a_batch_at_sequence_boundaries_gives_the_same_bits()
    {
        GradientModel model = Make(Mtp, new SimdBackend(2));
        uint[][] expected = Bits(model.Gradients(Batch, Everything));
        foreach (int size in new[] { 1, 2, 3, 4 })
        {
            GradientSet parts = model.NewGradients(BatchTotals.Of(Batch), Everything);
            foreach (int[][] part in Batch.Chunk(size))
                model.Accumulate(part, parts);
            Assert.Equal(expected, Bits(parts));
        }
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(-1, 5)]
    [InlineData(3, 2)]
    public void Totals_that_no_batch_has_are_refused(long sequences, long targets) =>
        Assert.Contains("no batch has", Assert.Throws<ContractException>(() => Make(Mtp, new SimdBackend(1)).NewGradients(new BatchTotals(sequences, targets))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("v3")]
    [InlineData("v2")]
    [InlineData("mtp")]
    public void Rule_N1_N8_backends_and_threads_agree_in_every_bit(string name)
    {
        (DeepSeekConfig config, LossOptions options) = name switch
        {
            "v2" => (SyntheticModel.V2, new LossOptions { BalanceWeight = 0.01, Balance = BalanceChoice.LargestScores }),
            "mtp" => (Mtp, Everything),
            _ => (SyntheticModel.V3, new LossOptions()),
        };
        uint[][] expected = Bits(Make(config, new ScalarBackend()).Gradients(Batch[..4], options));
        foreach (int threads in new[] { 1, 2, 7 })
            Assert.Equal(expected, Bits(Make(config, new SimdBackend(threads)).Gradients(Batch[..4], options)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Rule_N24_the_head_in_blocks_gives_the_bits_of_the_whole(bool ofUnit)
    {
        TrainingPrecision precision = ofUnit ? TrainingPrecision.BF16 with { BFloat16Sums = Accumulation.TensorCore(TensorCore.HopperWgmmaBF16F32) } : TrainingPrecision.Fp32;
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(Mtp);
        var model = new GradientModel(Mtp, weights.GetValueOrDefault, new SimdBackend(1), precision: precision);
        var blocks = new GradientModel(Mtp, weights.GetValueOrDefault, new SimdBackend(1), null, "weights", wholeLogits: 150, place: null, precision);
        Assert.Equal(Bits(model.Gradients(Batch, Everything)), Bits(blocks.Gradients(Batch, Everything)));
    }

    [Fact]
    public void The_loss_is_that_of_the_forward_passs_logits()
    {
        NumericContract naive = NumericContract.Canonical with { Attention = AttentionMode.Naive };
        using DeepSeekModel forward = SyntheticModel.Make(SyntheticModel.V3, naive, new SimdBackend(1));
        int[] ids = Batch[^1];
        Tensor logits = forward.Forward([ids]).Reshape(ids.Length, 50).Rows(0, ids.Length - 1);
        Tensor losses = new(DType.F32, ids.Length - 1), statistics = new(DType.F32, ids.Length - 1, 2);
        new SimdBackend(1).CrossEntropy(logits, Tensor.From(ids.AsSpan(1), ids.Length - 1), losses, statistics);
        var sum = new Lanes16();
        for (int t = 0; t < ids.Length - 1; t++)
            sum.Add(t, losses.AsReadOnlySpan<float>()[t]);
        Assert.Equal(sum.Fold() / (ids.Length - 1), Make(SyntheticModel.V3, new SimdBackend(1)).Gradients([ids]).Losses.Total);
    }

    [Fact]
    public void A_set_that_is_reset_begins_again()
    {
        GradientModel model = Make(SyntheticModel.V3, new SimdBackend(1));
        GradientSet used = model.Gradients(Batch);
        used.Reset(BatchTotals.Of(Batch[..2]));
        model.Accumulate(Batch[..2], used);
        Assert.Equal(Bits(model.Gradients(Batch[..2])), Bits(used));
    }

    [Fact]
    public void Only_parameters_of_the_loss_have_gradients()
    {
        GradientSet main = Make(Mtp, new SimdBackend(1)).Gradients(Batch[..1]);
        Assert.DoesNotContain(main.Names, name => name.Contains("bias", StringComparison.Ordinal) || name.Contains("layers.3", StringComparison.Ordinal));
        GradientSet all = Make(Mtp, new SimdBackend(1)).Gradients(Batch[..1], Everything);
        Assert.Contains("model.layers.3.eh_proj.weight", all.Names);
        Assert.Contains("model.layers.4.shared_head.head.weight", all.Names);
        Assert.False(all.TryGet("model.layers.1.mlp.gate.e_score_correction_bias", out _));
        Assert.Throws<ContractException>(() => main["model.layers.3.eh_proj.weight"]);
    }

    [Fact]
    public void Modules_without_copies_add_to_the_shared_embedding_and_head()
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(Mtp);
        foreach (string copy in weights.Keys.Where(k => k.Contains("layers", StringComparison.Ordinal) && (k.Contains("embed_tokens", StringComparison.Ordinal) || k.Contains("shared_head.head", StringComparison.Ordinal))).ToArray())
            weights.Remove(copy);
        var model = new GradientModel(Mtp, weights.GetValueOrDefault, new SimdBackend(1));
        GradientSet main = model.Gradients(Batch[4..5]), both = model.Gradients(Batch[4..5], new LossOptions { MtpWeight = 0.3 });
        Assert.DoesNotContain("model.layers.3.embed_tokens.weight", both.Names);
        Assert.NotEqual(main["lm_head.weight"].Bits(), both["lm_head.weight"].Bits());
        Assert.NotEqual(main["model.embed_tokens.weight"].Bits(), both["model.embed_tokens.weight"].Bits());
    }

    [Fact]
    public void What_cannot_be_trained_is_refused()
    {
        GradientModel model = Make(SyntheticModel.V3, new SimdBackend(1));
        Assert.Contains("nothing to predict", Assert.Throws<DataException>(() => model.Gradients([[1], [2]])).Message, StringComparison.Ordinal);
        Assert.Contains("row 1, position 2: id 50", Assert.Throws<DataException>(() => model.Gradients([[1, 2], [1, 2, 50]])).Message, StringComparison.Ordinal);
        Assert.Contains("max_position_embeddings", Assert.Throws<DataException>(() => model.Gradients([new int[202]])).Message, StringComparison.Ordinal);
        Assert.Contains("no MTP module", Assert.Throws<ContractException>(() => model.Gradients(Batch, Everything)).Message, StringComparison.Ordinal);
        Assert.Throws<ContractException>(() => model.Gradients(Batch, new LossOptions { BalanceWeight = -1 }));
        foreach (NumericContract rounds in new[] { NumericContract.DeepSeekInference, NumericContract.HopperFp8, NumericContract.HuggingFace })
            Assert.Contains("rounds to bfloat16", Assert.Throws<ContractException>(() => Make(SyntheticModel.V3, new SimdBackend(1), rounds)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rule_N7_sums_in_binary64_stand_nearby()
    {
        GradientSet lanes = Make(SyntheticModel.V3, new SimdBackend(1)).Gradients(Batch[..2]);
        GradientSet ideal = Make(SyntheticModel.V3, new SimdBackend(1), NumericContract.Ideal).Gradients(Batch[..2]);
        foreach (string name in lanes.Names)
        {
            double difference = 0, norm = 0;
            foreach ((float a, float b) in lanes[name].AsReadOnlySpan<float>().ToArray().Zip(ideal[name].AsReadOnlySpan<float>().ToArray()))
                (difference, norm) = (difference + ((double)a - b) * ((double)a - b), norm + (double)b * b);
            Assert.True(difference <= 1e-10 * norm, $"{name}: {Math.Sqrt(difference)} of {Math.Sqrt(norm)}");
        }
    }

    private static GradientModel Make(DeepSeekConfig config, IBackwardBackend backend, NumericContract? contract = null) =>
        new(config, SyntheticModel.Weights(config).GetValueOrDefault, backend, contract);

    private static uint[][] Bits(GradientSet gradients) =>
    [
        Tensor.From([gradients.Losses.Main, gradients.Losses.Mtp, gradients.Losses.Balance], 3).Bits(),
        .. gradients.Names.Select(name => gradients[name].Bits()),
    ];
}
