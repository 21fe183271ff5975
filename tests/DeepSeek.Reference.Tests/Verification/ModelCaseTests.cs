using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification;

public sealed class ModelCaseTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("model-case").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void A_case_anywhere_is_judged_and_an_unknown_name_is_unjudged()
    {
        Write(oracle => oracle["my_tensor"] = Tensor.From([1f], 1));
        ModelCaseResult result = ModelCase.Run(directory, new SimdBackend(1));

        Assert.Equal(Verdict.Noise, result.Verdict);
        TensorVerdict mine = Assert.Single(result.Tensors, t => t.Name == "my_tensor");
        Assert.Equal((Verdict.Unjudged, TensorRole.Unknown), (mine.Verdict, mine.Role));
        Assert.All(result.Tensors.Where(t => t.Name is "logits_hf" or "logits_f64"), t => Assert.Equal(TensorRole.Information, t.Role));
    }

    [Theory]
    [InlineData("logits", 1.00002f)]
    [InlineData("layers.1.c_kv", 1.00002f)]
    [InlineData("logits", float.NaN)]
    public void A_tensor_that_is_off_fails_with_its_name(string name, float factor)
    {
        Write(oracle =>
        {
            foreach (ref float x in oracle[name].AsSpan<float>())
                x *= factor;
        });
        ModelCaseResult result = ModelCase.Run(directory, new SimdBackend(1));

        Assert.Equal(Verdict.Fail, result.Verdict);
        Assert.Equal(name, Assert.Single(result.Tensors, t => t.Verdict == Verdict.Fail).Name);
    }

    [Theory]
    [InlineData("grad.model.layers.1.mlp.gate.weight")]
    [InlineData("loss")]
    public void A_gradient_that_is_off_fails_with_its_name(string name)
    {
        Write(
            oracle =>
            {
                foreach (ref double x in oracle[name].AsSpan<double>())
                    x *= 1.00002;
            },
            "f64_grad");
        foreach (IBackend backend in new IBackend[] { new ScalarBackend(), new SimdBackend(1) })
        {
            ModelCaseResult result = ModelCase.Run(directory, backend);
            Assert.Equal(name, Assert.Single(result.Tensors, t => t.Verdict == Verdict.Fail).Name);
            Assert.Equal(47, result.Tensors.Count(t => t.Name == "loss" || t.Name.StartsWith("grad.", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void A_backend_without_a_backward_leaves_gradients_unjudged()
    {
        ModelCaseResult result = ModelCase.Run(Golden.Path("oracles", "f64_grad"), new ForwardAlone());
        Assert.All(result.Tensors.Where(t => t.Name.StartsWith("grad.", StringComparison.Ordinal)), t => Assert.Equal(Verdict.Unjudged, t.Verdict));
        Assert.Equal(Verdict.Noise, result.Verdict);
    }

    [Fact]
    public void Another_expert_fails_in_binary32()
    {
        Write(oracle => oracle["layers.1.topk_indices"].AsSpan<int>()[7] ^= 1);

        Assert.Equal(Verdict.Fail, ModelCase.Run(directory, new SimdBackend(1)).Verdict);
    }

    [Fact]
    public void A_case_file_sets_contract_and_limits()
    {
        Write(oracle => oracle.Remove("logits_f64"));
        File.WriteAllText(Path.Combine(directory, "case.json"), """{"contract": "ideal", "limit_logits": 1e-9}""");
        ModelCaseResult result = ModelCase.Run(directory, new ScalarBackend());

        Assert.Equal("Ideal", result.Contract);
        Assert.Equal(Verdict.Fail, Assert.Single(result.Tensors, t => t.Name == "logits").Verdict);
    }

    [Theory]
    [InlineData("""{"contracts": "ideal"}""", "contracts")]
    [InlineData("""{"contract": "dreams"}""", "dreams")]
    [InlineData("""{"limit_logits": "few"}""", "case.json: limit_logits is \"few\", not a number of 0 or more")]
    [InlineData("""{"limit_logits": -1}""", "limit_logits is -1, not a number of 0 or more")]
    [InlineData("""{"contract": {}}""", "contract is {}, not a text")]
    [InlineData("[]", "case.json: is no JSON object")]
    public void A_wrong_case_file_is_named(string json, string part)
    {
        Write(_ => { });
        File.WriteAllText(Path.Combine(directory, "case.json"), json);

        Assert.Contains(part, Assert.Throws<DataException>(() => ModelCase.Run(directory, new SimdBackend(1))).Message);
    }

    [Fact]
    public void An_oracle_without_its_input_is_named()
    {
        Write(oracle => oracle.Remove("input_ids"));

        Assert.Contains("input_ids", Assert.Throws<DataException>(() => ModelCase.Run(directory, new SimdBackend(1))).Message);
    }

    [Theory]
    [InlineData(1, "row 1 has 2 ids but row 0 has 3")]
    [InlineData(0, "an id after the padding -1")]
    public void Padding_in_input_ids_is_refused_not_shifted_into_the_next_row(int column, string part)
    {
        Write(oracle =>
        {
            long[] ids = [1, 2, 3, 4, 5, 6];
            ids[3 + (column == 1 ? 2 : 0)] = -1;
            var t = new Tensor(DType.I64, 2, 3);
            ids.CopyTo(t.AsSpan<long>());
            oracle["input_ids"] = t;
        });

        string message = Assert.Throws<DataException>(() => ModelCase.Run(directory, new SimdBackend(1))).Message;
        Assert.StartsWith(directory, message);
        Assert.Contains(part, message);
    }

    [Fact]
    public void Scores_of_another_shape_in_an_oracle_are_not_read_past_their_end()
    {
        Write(oracle =>
        {
            oracle["layers.1.router_scores"] = new Tensor(DType.BF16, 1, 4);
            oracle["layers.1.topk_indices"].AsSpan<int>()[0] ^= 1;
        }, "bf16");

        Assert.Equal(Verdict.Fail, ModelCase.Run(directory, new SimdBackend(1)).Verdict);
    }

    [Fact]
    public void Weights_of_experts_that_nobody_chose_fail_instead_of_matching_nothing()
    {
        Write(oracle =>
        {
            oracle["layers.1.topk_indices"].AsSpan<int>().Fill(-1);
            oracle["layers.1.topk_weights"].AsSpan<BFloat16>().Fill(BFloat16.One);
        }, "bf16");
        TensorVerdict weights = ModelCase.Run(directory, new SimdBackend(1)).Tensors.Single(t => t.Name == "layers.1.topk_weights");
        Assert.Equal(Verdict.Fail, weights.Verdict);
        Assert.Contains("no token chose an expert of the oracle's", weights.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void A_format_without_values_is_named()
    {
        Write(oracle => oracle["logits"] = new Tensor(DType.C64, oracle["logits"].Shape.Dimensions));

        Assert.Contains("'logits' is C64", Assert.Throws<DataException>(() => ModelCase.Run(directory, new SimdBackend(1))).Message);
    }

    [Fact]
    public void Scores_one_step_apart_are_noise_and_far_apart_are_clear()
    {
        double[] close = [0.5, 0.50390625, 0.9, 0.1];
        double[] far = [0.5, 0.7, 0.9, 0.1];

        Assert.False(RoutingMargin.Of(close, default, 2, 1, 1, GroupScore.TopTwoSum).SetIsClear);
        Assert.True(RoutingMargin.Of(far, default, 2, 1, 1, GroupScore.TopTwoSum).SetIsClear);
        Assert.True(RoutingMargin.Of(far, default, 2, 1, 1, GroupScore.TopTwoSum).OrderIsClear);
    }

    private void Write(Action<Dictionary<string, Tensor>> change, string name = "fp32_groups")
    {
        string source = Golden.Path("oracles", name);
        foreach (string file in new[] { "config.json", "model.safetensors" })
            File.Copy(Path.Combine(source, file), Path.Combine(directory, file), overwrite: true);
        using SafetensorsFile oracle = SafetensorsFile.Open(Path.Combine(source, ModelCase.OracleFile));
        Dictionary<string, Tensor> tensors = oracle.Entries.Keys.ToDictionary(n => n, n => oracle.Get(n).Clone());
        change(tensors);
        SafetensorsWriter.Write(Path.Combine(directory, ModelCase.OracleFile), tensors);
    }

    /// <summary>The operations of a forward pass, as most backends offer them.</summary>
    private sealed class ForwardAlone : CallBackend
    {
        private readonly SimdBackend inner = new(1);

        public override string Name => "forward";

        protected override void Invoke(OperationCall call) => call.Run(inner);
    }
}
