using System.Diagnostics;
using System.Globalization;
using System.Text;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>What is trained.</summary>
/// <param name="Quick">The small model.</param>
/// <param name="Steps">Steps of each run.</param>
/// <param name="Seed">Of weights and data.</param>
/// <param name="Data">Documents; null for generated ones.</param>
internal sealed record PrecisionSettings(bool Quick, int Steps, ulong Seed, string? Data)
{
    /// <summary>Steps unless said otherwise.</summary>
    public static int StepsOf(bool quick) => quick ? 80 : 300;
}

/// <summary>One run beside that in bfloat16.</summary>
/// <param name="Name">The variant.</param>
/// <param name="Precision">Its arithmetic.</param>
/// <param name="Losses">The loss of each step.</param>
/// <param name="Smoothed">The same, averaged: e = 0.9 e + 0.1 loss, from the first loss.</param>
/// <param name="Differences">(e - e of bfloat16) / e of bfloat16.</param>
/// <param name="TokensPerSecond">Of the whole run.</param>
internal sealed record PrecisionRun(string Name, TrainingPrecision Precision, double[] Losses, double[] Smoothed, double[] Differences, double TokensPerSecond)
{
    /// <summary>The last difference.</summary>
    public double Last => Differences[^1];

    /// <summary>The largest |difference| of the last half.</summary>
    public double Largest => Differences[(Differences.Length / 2)..].Max(Math.Abs);

    /// <summary>The largest |difference| of the whole run.</summary>
    public double LargestOfAll => Differences.Max(Math.Abs);

    /// <summary>Whether the last half stays within the report's claim.</summary>
    public bool Holds => Largest < PrecisionExperiment.Claim;
}

/// <summary>
/// The same model on the same data in bfloat16 and with FP8 products: DeepSeek-V3 report 3.3 and appendix B.1, "the relative loss error ... remains consistently below 0.25%"
/// (docs/spec/lab.md 4).
/// </summary>
internal static class PrecisionExperiment
{
    /// <summary>The report's bound of the relative difference.</summary>
    public const double Claim = 0.0025;

    /// <summary>The weight of what came before, in the average that differences are of: the report's.</summary>
    public const double Decay = 0.9;

    /// <summary>The variants, bfloat16 first. Binary32 tells how far a run goes from another whose roundings differ by next to nothing.</summary>
    public static (string Name, TrainingPrecision Precision)[] Variants { get; } =
    [
        ("bf16", TrainingPrecision.BF16),
        ("fp32", TrainingPrecision.Fp32),
        ("fp8", TrainingPrecision.Fp8),
        ("fp8-exact", TrainingPrecision.Fp8 with { Product = ScaledProduct.TorchReexpression }),
        ("fp8-tensor", TrainingPrecision.Fp8 with { Scaling = Fp8Scaling.Tensor }),
        ("fp8-tensor-unpromoted", TrainingPrecision.Fp8 with { Scaling = Fp8Scaling.Tensor, Product = ScaledProduct.HopperWithoutPromotion }),
    ];

    /// <summary>Trains every variant.</summary>
    public static IReadOnlyList<PrecisionRun> Run(PrecisionSettings settings, int threads, Action<string, int, int> report)
    {
        byte[] config = Encoding.UTF8.GetBytes(Config(settings.Quick));
        var runs = new List<PrecisionRun>();
        for (int v = 0; v < Variants.Length; v++)
        {
            (string name, TrainingPrecision precision) = Variants[v];
            long started = Stopwatch.GetTimestamp();
            int before = v * settings.Steps;
            (double[] losses, long tokens) = Train(settings, config, precision, threads, step => report(name, before + step, Variants.Length * settings.Steps));
            double[] smoothed = Smoothed(losses);
            double[] differences = runs.Count == 0 ? new double[losses.Length] : [.. smoothed.Zip(runs[0].Smoothed, (e, of) => (e - of) / of)];
            runs.Add(new PrecisionRun(name, precision, losses, smoothed, differences, tokens / Stopwatch.GetElapsedTime(started).TotalSeconds));
        }

        return runs;
    }

    private static (double[] Losses, long Tokens) Train(PrecisionSettings settings, byte[] configBytes, TrainingPrecision precision, int threads, Action<int> report)
    {
        DeepSeekConfig config = DeepSeekConfig.Parse(configBytes, "lab");
        TrainOptions options = Options(settings) with
        {
            Precision = precision.Name,
            Fp8Accumulation = precision.Recipe == PrecisionRecipe.Fp8 ? TrainingPrecision.Products.Single(p => p.Product == precision.Product).Name : "hopper",
            Fp8Scales = precision.Scaling,
        };
        var tokenizer = new ByteVocabulary();
        IEnumerable<TextDocument> documents = settings.Data is { } path ? TextDocuments.Read(path) : LabText.Documents(settings.Seed, settings.Quick ? 120 : 320);
        TrainingData data = TrainingData.Of(documents, tokenizer, options.Data);
        var model = new ModelTrainingStep(config, new SimdBackend(threads), precision);
        // Nothing is saved: the steps alone are looked at.
        var trainer = new Trainer(options, model, data, tokenizer, configBytes, DType.F32, new CheckpointStore("lab", 1), threads);
        double[] losses = new double[settings.Steps];
        for (int step = 0; step < losses.Length; step++)
        {
            report(step);
            losses[step] = trainer.TrainStep().Figures["main_loss"];
        }

        return (losses, trainer.Tokens);
    }

    private static double[] Smoothed(double[] losses)
    {
        double[] smoothed = new double[losses.Length];
        double e = losses[0];
        for (int i = 0; i < losses.Length; i++)
            smoothed[i] = e = Decay * e + (1 - Decay) * losses[i];
        return smoothed;
    }

    /// <summary>A batch of four sequences, or two; DeepSeek-V3's optimizer; the rate of a small model.</summary>
    private static TrainOptions Options(PrecisionSettings settings) => new()
    {
        Seed = settings.Seed,
        Steps = settings.Steps,
        InitialDeviation = 0.02,
        Data = new TrainingDataOptions { SequenceLength = settings.Quick ? 160 : 256, Packing = WindowPacking.Concatenated, FimRate = 0, Seed = settings.Seed },
        Batch = new BatchSizeSchedule { First = settings.Quick ? 2 : 4, Last = settings.Quick ? 2 : 4 },
        LearningRate = new LearningRateSchedule { Peak = 1e-3, Floor = 1e-4, Last = 1e-4, WarmupSteps = 20 },
        Balance = new BalanceOptions { Speed = new TokenStep(0.01, long.MaxValue, 0) },
    };

    /// <summary>Widths beyond 128, so that a sum has more than one run of N_C products; 2.7 million parameters, or 0.6 million.</summary>
    private static string Config(bool quick)
    {
        (int d, int inner, int expert, int rank, int layers) = quick ? (160, 320, 64, 96, 2) : (256, 512, 128, 128, 3);
        return string.Create(CultureInfo.InvariantCulture, $$"""
            {
              "model_type": "deepseek_v3", "hidden_size": {{d}}, "intermediate_size": {{inner}}, "moe_intermediate_size": {{expert}}, "num_hidden_layers": {{layers}}, "first_k_dense_replace": 1,
              "num_attention_heads": 4, "num_key_value_heads": 4, "q_lora_rank": {{rank}}, "kv_lora_rank": 64, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32,
              "n_routed_experts": 8, "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1, "topk_method": "noaux_tc", "scoring_func": "sigmoid",
              "norm_topk_prob": true, "routed_scaling_factor": 2.5, "max_position_embeddings": 512, "rope_theta": 10000, "rms_norm_eps": 1e-06,
              "torch_dtype": "float32", "bos_token_id": 0, "eos_token_id": 1, "vocab_size": {{new ByteVocabulary().VocabularySize}}
            }
            """);
    }
}
