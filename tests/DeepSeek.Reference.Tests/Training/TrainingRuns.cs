using System.Security.Cryptography;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>Runs of a few steps of a model with every kind of parameter, and digests of what they leave.</summary>
internal static class TrainingRuns
{
    private const string Text = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was the epoch of belief.";

    /// <summary>The model's config.json: experts in groups, query compression, an MTP module; no width is a multiple of 128.</summary>
    public static byte[] Config(int mtp = 1, string dtype = "float32") => System.Text.Encoding.UTF8.GetBytes($$"""
        {
          "model_type": "deepseek_v3", "hidden_size": 24, "intermediate_size": 32, "moe_intermediate_size": 12, "num_hidden_layers": 2, "num_nextn_predict_layers": {{mtp}},
          "first_k_dense_replace": 1, "moe_layer_freq": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "q_lora_rank": 16, "kv_lora_rank": 12, "qk_nope_head_dim": 8,
          "qk_rope_head_dim": 4, "v_head_dim": 8, "n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1, "topk_method": "noaux_tc",
          "scoring_func": "sigmoid", "norm_topk_prob": true, "routed_scaling_factor": 2.5, "max_position_embeddings": 256, "rope_theta": 10000, "rms_norm_eps": 1e-06,
          "torch_dtype": "{{dtype}}", "bos_token_id": 0, "eos_token_id": 1, "vocab_size": 264
        }
        """);

    /// <summary>The settings of a run of four steps.</summary>
    public static TrainOptions Options { get; } = new()
    {
        Seed = 3,
        Steps = 4,
        InitialDeviation = 0.05,
        CheckpointEvery = 100,
        Data = new TrainingDataOptions { SequenceLength = 24, Seed = 3 },
        Batch = new BatchSizeSchedule { First = 2, Last = 2 },
        LearningRate = new LearningRateSchedule { Peak = 1e-2, WarmupSteps = 3 },
    };

    /// <summary>A run at its beginning, whose checkpoints go to a directory.</summary>
    public static Trainer Make(TrainOptions options, ITrainingStep model, string directory, byte[] config)
    {
        var tokenizer = new ByteVocabulary();
        TrainingData data = TrainingData.Of(Text.Split(',').Select(part => new TextDocument("t", part)), tokenizer, options.Data);
        return new Trainer(options, model, data, tokenizer, config, DType.F32, new CheckpointStore(directory, 2), 1);
    }

    /// <summary>The first eight bytes of the SHA-256 of a file.</summary>
    public static string Digest(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)))[..16];
}
