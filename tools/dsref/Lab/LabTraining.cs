using System.Globalization;
using System.Text;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>What an experiment trains.</summary>
/// <param name="Quick">The small model.</param>
/// <param name="Steps">Steps of each run.</param>
/// <param name="Seed">Of weights and data.</param>
/// <param name="Data">Documents; null for generated ones.</param>
internal sealed record LabSettings(bool Quick, int Steps, ulong Seed, string? Data);

/// <summary>The model that experiments train, in two sizes, and how.</summary>
internal static class LabTraining
{
    /// <summary>Steps unless said otherwise.</summary>
    public static int StepsOf(bool quick) => quick ? 80 : 300;

    /// <summary>Documents of generated text.</summary>
    public static int DocumentsOf(bool quick) => quick ? 120 : 320;

    /// <summary>A run at its beginning. Nothing is saved: the steps alone are looked at.</summary>
    public static Trainer Trainer(TrainOptions options, byte[] config, IEnumerable<TextDocument> documents, TrainingPrecision precision, int threads)
    {
        var tokenizer = new ByteVocabulary();
        TrainingData data = TrainingData.Of(documents, tokenizer, options.Data);
        var model = new ModelTrainingStep(DeepSeekConfig.Parse(config, "lab"), new SimdBackend(threads), precision);
        return new Trainer(options, model, data, tokenizer, config, DType.F32, new CheckpointStore("lab", 1), threads);
    }

    /// <summary>e = d e + (1 - d) value, from the first value.</summary>
    public static double[] Smoothed(IReadOnlyList<double> values, double decay)
    {
        double[] smoothed = new double[values.Count];
        double e = values[0];
        for (int i = 0; i < smoothed.Length; i++)
            smoothed[i] = e = decay * e + (1 - decay) * values[i];
        return smoothed;
    }

    /// <summary>A batch of four sequences, or two; DeepSeek-V3's optimizer; the rate of a small model.</summary>
    public static TrainOptions Options(LabSettings settings) => new()
    {
        Seed = settings.Seed,
        Steps = settings.Steps,
        InitialDeviation = 0.02,
        Data = new TrainingDataOptions { SequenceLength = settings.Quick ? 160 : 256, Packing = WindowPacking.Concatenated, FimRate = 0, Seed = settings.Seed },
        Batch = new BatchSizeSchedule { First = settings.Quick ? 2 : 4, Last = settings.Quick ? 2 : 4 },
        LearningRate = new LearningRateSchedule { Peak = 1e-3, Floor = 1e-4, Last = 1e-4, WarmupSteps = 20 },
        Balance = new BalanceOptions { Speed = new TokenStep(0.01, long.MaxValue, 0) },
    };

    /// <summary>Widths beyond 128, so that a sum has more than one run of N_C products; 2.7 million parameters, or 0.6 million. The bytes of its config.json.</summary>
    public static byte[] Config(bool quick, int mtpModules = 0)
    {
        (int d, int inner, int expert, int rank, int layers) = quick ? (160, 320, 64, 96, 2) : (256, 512, 128, 128, 3);
        return Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""
            {
              "model_type": "deepseek_v3", "hidden_size": {{d}}, "intermediate_size": {{inner}}, "moe_intermediate_size": {{expert}}, "num_hidden_layers": {{layers}}, "first_k_dense_replace": 1,
              "num_attention_heads": 4, "num_key_value_heads": 4, "q_lora_rank": {{rank}}, "kv_lora_rank": 64, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32,
              "n_routed_experts": 8, "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1, "topk_method": "noaux_tc", "scoring_func": "sigmoid",
              "norm_topk_prob": true, "routed_scaling_factor": 2.5, "max_position_embeddings": 512, "rope_theta": 10000, "rms_norm_eps": 1e-06, "num_nextn_predict_layers": {{mtpModules}},
              "torch_dtype": "float32", "bos_token_id": 0, "eos_token_id": 1, "vocab_size": {{new ByteVocabulary().VocabularySize}}
            }
            """));
    }
}
