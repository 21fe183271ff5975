using System.Numerics.Tensors;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Tracing;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>A run with or without an MTP module.</summary>
/// <param name="Name">The variant.</param>
/// <param name="Losses">The main model's loss of each step.</param>
/// <param name="Domains">The main model's loss of held-out windows, by domain.</param>
/// <param name="Drafts">Second tokens that the module named for held-out windows; 0 without one.</param>
/// <param name="Accepted">Those that the main model named too.</param>
internal sealed record MtpRun(string Name, double[] Losses, IReadOnlyList<(string Domain, double Loss)> Domains, long Drafts, long Accepted)
{
    /// <summary>The mean over the domains.</summary>
    public double Loss => Domains.Average(d => d.Loss);

    /// <summary>The part of the drafts that is accepted.</summary>
    public double? Acceptance => Drafts == 0 ? null : (double)Accepted / Drafts;
}

/// <summary>
/// One model on the same data with an MTP module at weight 0.3 and without: DeepSeek-V3 report 4.5.1 (does the main model gain?) and 5.4.3 (how often is the second token right?)
/// (docs/spec/lab.md 6).
/// </summary>
/// <remarks>
/// Position i's draft is argmax mtp.logits_i, from the states to i and the token at i + 1; it is accepted where the main model, given the tokens to i + 1, names the same:
/// argmax logits_{i+1}. The tokens are the text's.
/// </remarks>
internal static class MtpExperiment
{
    private const int HeldOutWindows = 32;

    /// <summary>λ of each variant.</summary>
    public static (string Name, int Modules, double Weight)[] Variants { get; } = [("mtp", 1, 0.3), ("none", 0, 0)];

    /// <summary>The claim: the main model's held-out loss is no larger for having trained with the module.</summary>
    public static bool Holds(IReadOnlyList<MtpRun> runs) => runs.Single(r => r.Name == "mtp").Loss <= runs.Single(r => r.Name == "none").Loss;

    /// <summary>Trains both.</summary>
    public static IReadOnlyList<MtpRun> Run(LabSettings settings, int threads, Action<string, int, int> report)
    {
        IReadOnlyList<LabDomain> domains = LabDomain.Of(settings);
        var runs = new List<MtpRun>();
        foreach ((string name, int modules, double weight) in Variants)
        {
            byte[] configBytes = LabTraining.Config(settings.Quick, modules);
            DeepSeekConfig config = DeepSeekConfig.Parse(configBytes, "lab");
            TrainOptions options = LabTraining.Options(settings) with { MtpWeight = new TokenStep(weight, long.MaxValue, weight) };
            Trainer trainer = LabTraining.Trainer(options, configBytes, LabDomain.TrainingOf(domains), TrainingPrecision.Fp32, threads);
            double[] losses = new double[settings.Steps];
            for (int step = 0; step < losses.Length; step++)
            {
                report(name, runs.Count * settings.Steps + step, Variants.Length * settings.Steps);
                losses[step] = trainer.TrainStep().Figures["main_loss"];
            }

            var judge = new ModelTrainingStep(config, new SimdBackend(threads));
            (string, double)[] held = [.. domains.Select(d => (d.Name, judge.Compute(d.Batch(options.Data, HeldOutWindows), trainer.Weights, new StepSettings(1, 0, 0, 0)).Figures["main_loss"]))];
            (long drafts, long accepted) = modules == 0 ? (0, 0) : Acceptance(config, trainer.Weights, threads, domains.Select(d => d.Batch(options.Data, HeldOutWindows)));
            runs.Add(new MtpRun(name, losses, held, drafts, accepted));
        }

        return runs;
    }

    private static (long Drafts, long Accepted) Acceptance(DeepSeekConfig config, IReadOnlyDictionary<string, Tensor> weights, int threads, IEnumerable<TrainingBatch> batches)
    {
        using var model = new DeepSeekModel(config, name => weights.GetValueOrDefault(name), null, new SimdBackend(threads));
        long drafts = 0, accepted = 0;
        foreach (TrainingBatch batch in batches)
        {
            for (int row = 0; row < batch.Rows; row++)
            {
                var trace = new TraceCollector(["mtp.logits"]);
                Tensor main = model.Forward([batch.Sequence(row)], new ForwardOptions { Mtp = true, Trace = trace });
                (int drafted, int taken) = Count(main.AsReadOnlySpan<float>(), trace.Tensors()["mtp.logits"].AsReadOnlySpan<float>(), config.VocabSize);
                drafts += drafted;
                accepted += taken;
            }
        }

        return (drafts, accepted);
    }

    /// <summary>Of logits [T, V] and mtp.logits [T - 1, V]: how many positions have a draft, and at how many it is the main model's next choice.</summary>
    public static (int Drafts, int Accepted) Count(ReadOnlySpan<float> logits, ReadOnlySpan<float> mtp, int vocabulary)
    {
        int drafts = mtp.Length / vocabulary, accepted = 0;
        for (int i = 0; i < drafts; i++)
        {
            if (TensorPrimitives.IndexOfMax(mtp.Slice(i * vocabulary, vocabulary)) == TensorPrimitives.IndexOfMax(logits.Slice((i + 1) * vocabulary, vocabulary)))
                accepted++;
        }

        return (drafts, accepted);
    }
}
