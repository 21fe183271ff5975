using System.Diagnostics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tool.Lab;

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
    public static IReadOnlyList<PrecisionRun> Run(LabSettings settings, int threads, Action<string, int, int> report)
    {
        byte[] config = LabTraining.Config(settings.Quick);
        var runs = new List<PrecisionRun>();
        for (int v = 0; v < Variants.Length; v++)
        {
            (string name, TrainingPrecision precision) = Variants[v];
            long started = Stopwatch.GetTimestamp();
            int before = v * settings.Steps;
            (double[] losses, long tokens) = Train(settings, config, precision, threads, step => report(name, before + step, Variants.Length * settings.Steps));
            double[] smoothed = LabTraining.Smoothed(losses, Decay);
            double[] differences = runs.Count == 0 ? new double[losses.Length] : [.. smoothed.Zip(runs[0].Smoothed, (e, of) => (e - of) / of)];
            runs.Add(new PrecisionRun(name, precision, losses, smoothed, differences, tokens / Stopwatch.GetElapsedTime(started).TotalSeconds));
        }

        return runs;
    }

    private static (double[] Losses, long Tokens) Train(LabSettings settings, byte[] configBytes, TrainingPrecision precision, int threads, Action<int> report)
    {
        TrainOptions options = LabTraining.Options(settings) with
        {
            Precision = precision.Name,
            BFloat16Accumulation = TrainingPrecision.WideSums.Single(p => p.Sums == precision.BFloat16Sums).Name,
            Fp8Accumulation = precision.Recipe == PrecisionRecipe.Fp8 ? TrainingPrecision.Products.Single(p => p.Product == precision.Product).Name : "hopper",
            Fp8Scales = precision.Scaling,
        };
        IEnumerable<TextDocument> documents = settings.Data is { } path ? TextDocuments.Read(path) : LabText.Documents(settings.Seed, LabTraining.DocumentsOf(settings.Quick));
        Trainer trainer = LabTraining.Trainer(options, configBytes, documents, precision, threads);
        double[] losses = new double[settings.Steps];
        for (int step = 0; step < losses.Length; step++)
        {
            report(step);
            losses[step] = trainer.TrainStep().Figures["main_loss"];
        }

        return (losses, trainer.Tokens);
    }
}
