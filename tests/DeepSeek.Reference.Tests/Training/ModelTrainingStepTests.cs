using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

public sealed class ModelTrainingStepTests : IDisposable
{
    private const string Text = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was the epoch of belief.";

    private readonly string folder = Directory.CreateTempSubdirectory("dsref-step-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>
    /// golden/oracles/f64_grad: three steps of torch.optim.AdamW in binary64 on one batch, learning rate 0.001, decay on all parameters. A norm's weight of 1 is rounded to
    /// 6e-8, twice and in the oracle once more: 1e-4 of a change of 0.001 at most. Where a gradient is hardly more than its own rounding error, a step's direction is not determined
    /// in binary32, so a parameter's change is compared as a whole: such elements are few, and add less than as much again.
    /// </summary>
    [Fact]
    public void Three_steps_follow_torchs()
    {
        DeepSeekConfig config = DeepSeekConfig.Load(Golden.Path("oracles", "f64_grad", "config.json"));
        using TensorFile before = Read("model"), oracle = Read("oracle"), after = Read("adamw");
        var weights = before.Tensors.ToDictionary(t => t.Key, t => t.Value.Clone(), StringComparer.Ordinal);
        Dictionary<string, (float[] M, float[] V)> moments = weights.ToDictionary(w => w.Key, w => (new float[w.Value.ElementCount], new float[w.Value.ElementCount]));
        var batch = new TrainingBatch(2, 11);
        ReadOnlySpan<long> ids = oracle.Get("input_ids").AsReadOnlySpan<long>();
        for (int row = 0; row < 2; row++)
            batch.Fill(row, Array.ConvertAll(ids.Slice(row * 12, 12).ToArray(), id => (int)id), 12);

        var model = new ModelTrainingStep(config, new SimdBackend(1));
        double[] losses = oracle.Get("adamw.losses").AsReadOnlySpan<double>().ToArray();
        for (int step = 1; step <= 4; step++)
        {
            StepGradients found = model.Compute(batch, weights, default);
            // Four units in the last place of a binary32 between 4 and 8.
            Assert.Equal(losses[step - 1], found.Loss, 2e-6);
            if (step == 4)
                break;
            foreach ((string name, Tensor g) in found.Gradients)
                AdamW.Define(weights[name].AsSpan<float>(), g.AsReadOnlySpan<float>(), moments[name].M, moments[name].V, new AdamWStep(new AdamWOptions(), step, 1e-3));
            if (step is 1 or 3)
                Compare(step, before, after, weights);
        }
    }

    /// <summary>Every kind of parameter at once: experts, groups, an MTP module, bfloat16 files. The loss falls, loads are counted for each layer, and the result is a model that runs.</summary>
    [Fact]
    public void A_small_model_learns_and_runs()
    {
        byte[] json = Config(mtp: 1, "bfloat16");
        DeepSeekConfig config = DeepSeekConfig.Parse(json, "config.json");
        var model = new ModelTrainingStep(config, new SimdBackend(1));
        Assert.Equal(2, model.Parameters.Count(p => p.Kind == ParameterKind.BalanceBias));
        Trainer run = Make(model, json, DType.BF16, "run", steps: 20);
        var reports = new List<StepReport>();
        run.Run(reports.Add);
        Assert.True(reports[^1].Loss < 0.8 * reports[0].Loss, $"{reports[0].Loss} to {reports[^1].Loss}");
        Assert.Equal(["balance_loss", "main_loss", "mtp_loss"], reports[0].Figures.Keys.Order(StringComparer.Ordinal));
        Assert.NotNull(reports[0].MaxVio);
        Assert.NotEqual(new float[4], run.Weights["model.layers.1.mlp.gate.e_score_correction_bias"].AsReadOnlySpan<float>().ToArray());

        string published = run.Publish("model");
        using Checkpoint checkpoint = Checkpoint.Open(published);
        ParameterTable.Validate(checkpoint, config);
        using var loaded = DeepSeekModel.Load(published, NumericContract.Canonical, new SimdBackend(1));
        Assert.True(loaded.HasMtp);
    }

    /// <summary>Threads, the backend, and an end in between change no bit.</summary>
    [Fact]
    public void Backends_threads_and_a_resume_agree_in_every_bit()
    {
        byte[] json = Config(mtp: 0, "float32");
        DeepSeekConfig config = DeepSeekConfig.Parse(json, "config.json");
        Trainer scalar = Make(new ModelTrainingStep(config, new ScalarBackend()), json, DType.F32, "scalar", steps: 4);
        scalar.Run();
        Make(new ModelTrainingStep(config, new SimdBackend(3)), json, DType.F32, "simd", steps: 2).Run();
        Trainer simd = Make(new ModelTrainingStep(config, new SimdBackend(2)), json, DType.F32, "simd", steps: 4);
        Assert.True(simd.Resume());
        simd.Run();
        foreach (string file in (string[])["model.safetensors", "optimizer.safetensors", "trainer.json"])
            Assert.Equal(File.ReadAllBytes(Path.Combine(folder, "scalar", "step-000000004", file)), File.ReadAllBytes(Path.Combine(folder, "simd", "step-000000004", file)));
    }

    /// <summary>A row shorter than the window has the loss and gradients that it has without pad.</summary>
    [Fact]
    public void Pad_takes_no_part()
    {
        byte[] json = Config(mtp: 0, "float32");
        DeepSeekConfig config = DeepSeekConfig.Parse(json, "config.json");
        Trainer begun = Make(new ModelTrainingStep(config, new SimdBackend(1)), json, DType.F32, "none", steps: 1);
        StepGradients Of(int length)
        {
            var batch = new TrainingBatch(1, length);
            int[] window = new int[length + 1];
            new int[] { 0, 70, 71, 72, 1 }.CopyTo(window, 0);
            window.AsSpan(5).Fill(2);
            batch.Fill(0, window, 5);
            return new ModelTrainingStep(config, new SimdBackend(1)).Compute(batch, begun.Weights, new StepSettings(1, 0, 0.01, 0));
        }

        StepGradients tight = Of(4), padded = Of(16);
        Assert.Equal(tight.Loss, padded.Loss);
        foreach ((string name, Tensor g) in tight.Gradients)
            Assert.Equal(g.AsReadOnlySpan<float>().ToArray(), padded.Gradients[name].AsReadOnlySpan<float>().ToArray());
        Assert.Equal(8, padded.Loads.Single().Value.Total);
    }

    /// <summary>The modules do not run at weight 0, and a batch may have no target: every parameter has a gradient all the same, which is zero there.</summary>
    [Fact]
    public void What_the_loss_does_not_contain_has_zero_gradients()
    {
        byte[] json = Config(mtp: 1, "float32");
        var model = new ModelTrainingStep(DeepSeekConfig.Parse(json, "config.json"), new SimdBackend(1));
        Trainer begun = Make(model, json, DType.F32, "none", steps: 1);
        var batch = new TrainingBatch(1, 4);
        batch.Fill(0, [0, 70, 71, 72, 1], 5);
        StepGradients without = model.Compute(batch, begun.Weights, new StepSettings(1, 0, 0, 0)), with = model.Compute(batch, begun.Weights, new StepSettings(1, 0, 0, 0.3));
        Assert.Equal(with.Gradients.Keys.Order(StringComparer.Ordinal), without.Gradients.Keys.Order(StringComparer.Ordinal));
        Assert.DoesNotContain("mtp_loss", without.Figures.Keys);
        const string Module = "model.layers.2.eh_proj.weight";
        Assert.False(without.Gradients[Module].AsReadOnlySpan<float>().ContainsAnyExcept(0f));
        Assert.True(with.Gradients[Module].AsReadOnlySpan<float>().ContainsAnyExcept(0f));

        var empty = new TrainingBatch(1, 4);
        empty.Fill(0, [1, 2, 2, 2, 2], 1);
        StepGradients none = model.Compute(empty, begun.Weights, new StepSettings(1, 0, 0, 0.3));
        Assert.Equal(0, none.Loss);
        Assert.Empty(none.Loads);
        Assert.All(none.Gradients.Values, g => Assert.False(g.AsReadOnlySpan<float>().ContainsAnyExcept(0f)));
        Assert.Equal(with.Gradients.Count, none.Gradients.Count);
    }

    [Fact]
    public void What_is_not_trained_is_refused()
    {
        string text = System.Text.Encoding.UTF8.GetString(Config(0, "float16"));
        Assert.Contains("F16", Assert.Throws<ContractException>(() => new ModelTrainingStep(DeepSeekConfig.Parse(System.Text.Encoding.UTF8.GetBytes(text), "c"), new SimdBackend(1))).Message, StringComparison.Ordinal);
        string fp8 = text.Replace("\"vocab_size\"", "\"quantization_config\":{\"quant_method\":\"fp8\",\"weight_block_size\":[128,128]},\"vocab_size\"", StringComparison.Ordinal);
        Assert.Contains("FP8", Assert.Throws<ContractException>(() => new ModelTrainingStep(DeepSeekConfig.Parse(System.Text.Encoding.UTF8.GetBytes(fp8), "c"), new SimdBackend(1))).Message, StringComparison.Ordinal);
    }

    private static void Compare(int step, TensorFile before, TensorFile after, Dictionary<string, Tensor> weights)
    {
        foreach ((string name, Tensor weight) in weights)
        {
            if (!after.Tensors.TryGetValue($"step{step}.{name}", out Tensor? wanted))
                continue;
            ReadOnlySpan<float> w0 = before.Get(name).AsReadOnlySpan<float>(), w = weight.AsReadOnlySpan<float>(), t = wanted.AsReadOnlySpan<float>();
            double error = 0, change = 0;
            for (int i = 0; i < w.Length; i++)
            {
                error += Math.Pow((double)w[i] - t[i], 2);
                change += Math.Pow((double)t[i] - w0[i], 2);
            }

            Assert.True(Math.Sqrt(error) <= 2e-4 * Math.Sqrt(change), $"step {step}, {name}: off by {Math.Sqrt(error / change):E2} of the change");
        }
    }

    private Trainer Make(ModelTrainingStep model, byte[] config, DType stored, string name, long steps)
    {
        var tokenizer = new ByteVocabulary();
        var options = new TrainOptions
        {
            Seed = 3,
            Steps = steps,
            InitialDeviation = 0.05,
            CheckpointEvery = 100,
            Data = new TrainingDataOptions { SequenceLength = 24, Seed = 3 },
            Batch = new BatchSizeSchedule { First = 2, Last = 2 },
            LearningRate = new LearningRateSchedule { Peak = 1e-2, WarmupSteps = 3 },
        };
        TrainingData data = TrainingData.Of(Text.Split(',').Select(part => new TextDocument("t", part)), tokenizer, options.Data);
        return new Trainer(options, model, data, tokenizer, config, stored, new CheckpointStore(Path.Combine(folder, name), 2), 1);
    }

    private static byte[] Config(int mtp, string dtype) => System.Text.Encoding.UTF8.GetBytes($$"""
        {
          "model_type": "deepseek_v3", "hidden_size": 24, "intermediate_size": 32, "moe_intermediate_size": 12, "num_hidden_layers": 2, "num_nextn_predict_layers": {{mtp}},
          "first_k_dense_replace": 1, "moe_layer_freq": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "q_lora_rank": 16, "kv_lora_rank": 12, "qk_nope_head_dim": 8,
          "qk_rope_head_dim": 4, "v_head_dim": 8, "n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1, "topk_method": "noaux_tc",
          "scoring_func": "sigmoid", "norm_topk_prob": true, "routed_scaling_factor": 2.5, "max_position_embeddings": 64, "rope_theta": 10000, "rms_norm_eps": 1e-06,
          "torch_dtype": "{{dtype}}", "bos_token_id": 0, "eos_token_id": 1, "vocab_size": 264
        }
        """);

    private static TensorFile Read(string name) => TensorFile.Read(Golden.Path("oracles", "f64_grad", $"{name}.safetensors"));
}
