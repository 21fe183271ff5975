using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>One domain under one method.</summary>
/// <param name="Domain">Its name.</param>
/// <param name="Loss">Of held-out windows, nats a token.</param>
/// <param name="Loads">By layer and expert: the part of the domain's choices that the expert has.</param>
internal sealed record DomainLoads(string Domain, double Loss, double[][] Loads);

/// <summary>A run under one method.</summary>
/// <param name="Name">The method.</param>
/// <param name="MaxVio">Of each step's batch, the largest of the layers.</param>
/// <param name="Domains">What held-out text of each domain says after the last step.</param>
/// <param name="HeldOutMaxVio">Over all held-out windows, the largest of the layers.</param>
internal sealed record BalanceRun(string Name, double[] MaxVio, IReadOnlyList<DomainLoads> Domains, double HeldOutMaxVio)
{
    /// <summary>The mean of the last quarter of the steps.</summary>
    public double LastQuarter => MaxVio[(3 * MaxVio.Length / 4)..].Average();

    /// <summary>The mean over the domains.</summary>
    public double Loss => Domains.Average(d => d.Loss);

    /// <summary>
    /// How differently domains use the experts: ½ Σ_e |part of the domain - mean part of the domains|, averaged over domains and layers. 0: all alike.
    /// </summary>
    public double Specialisation
    {
        get
        {
            int layers = Domains[0].Loads.Length;
            double sum = 0;
            for (int l = 0; l < layers; l++)
            {
                for (int e = 0; e < Domains[0].Loads[l].Length; e++)
                {
                    double mean = Domains.Average(d => d.Loads[l][e]);
                    sum += Domains.Sum(d => Math.Abs(d.Loads[l][e] - mean)) / 2;
                }
            }

            return sum / layers / Domains.Count;
        }
    }
}

/// <summary>
/// One model on the same texts of several domains, its experts balanced by a bias, by a loss, and not at all: DeepSeek-V3 report 4.5.2 and 4.5.3 (docs/spec/lab.md 5).
/// </summary>
internal static class BalanceExperiment
{
    /// <summary>Windows of each domain that are held out.</summary>
    private const int HeldOutWindows = 32;

    /// <summary>The methods. The loss's weight is DeepSeek-V2's for experts; beside the bias it is V3's.</summary>
    public static (string Name, BalanceOptions Options)[] Variants { get; } =
    [
        ("aux-free", new BalanceOptions { Method = BalanceMethod.AuxFree, Speed = new TokenStep(0.01, long.MaxValue, 0) }),
        ("aux-loss", new BalanceOptions { Method = BalanceMethod.AuxLoss, Alpha = 0.003 }),
        ("none", new BalanceOptions { Method = BalanceMethod.None }),
    ];

    /// <summary>The claim: the bias balances (a last quarter's mean MaxVio below that of no balancing), and costs no more than the loss does (held out).</summary>
    public static bool Holds(IReadOnlyList<BalanceRun> runs)
    {
        BalanceRun free = Named(runs, "aux-free");
        return free.LastQuarter < Named(runs, "none").LastQuarter && free.Loss <= Named(runs, "aux-loss").Loss;
    }

    /// <summary>The run of that name.</summary>
    public static BalanceRun Named(IReadOnlyList<BalanceRun> runs, string name) => runs.Single(r => r.Name == name);

    /// <summary>Trains under every method.</summary>
    public static IReadOnlyList<BalanceRun> Run(LabSettings settings, int threads, Action<string, int, int> report)
    {
        byte[] config = LabTraining.Config(settings.Quick);
        IReadOnlyList<LabDomain> domains = LabDomain.Of(settings);
        var runs = new List<BalanceRun>();
        foreach ((string name, BalanceOptions balance) in Variants)
        {
            TrainOptions options = LabTraining.Options(settings) with { Balance = balance };
            Trainer trainer = LabTraining.Trainer(options, config, LabDomain.TrainingOf(domains), TrainingPrecision.Fp32, threads);
            double[] maxVio = new double[settings.Steps];
            for (int step = 0; step < maxVio.Length; step++)
            {
                report(name, runs.Count * settings.Steps + step, Variants.Length * settings.Steps);
                maxVio[step] = trainer.TrainStep().MaxVio!.Value;
            }

            runs.Add(Judged(name, maxVio, domains, options.Data, new ModelTrainingStep(DeepSeekConfig.Parse(config, "lab"), new SimdBackend(threads)), trainer.Weights));
        }

        return runs;
    }

    private static BalanceRun Judged(string name, double[] maxVio, IReadOnlyList<LabDomain> domains, TrainingDataOptions data, ModelTrainingStep model, IReadOnlyDictionary<string, Tensor> weights)
    {
        var found = new List<DomainLoads>();
        var all = new Dictionary<string, ExpertLoad>(StringComparer.Ordinal);
        foreach (LabDomain domain in domains)
        {
            StepGradients step = model.Compute(domain.Batch(data, HeldOutWindows), weights, new StepSettings(1, 0, 0, 0));
            found.Add(new DomainLoads(domain.Name, step.Figures["main_loss"], [.. step.Loads.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => Parts(l.Value))]));
            foreach ((string layer, ExpertLoad load) in step.Loads)
            {
                if (!all.TryGetValue(layer, out ExpertLoad? sum))
                    all.Add(layer, sum = new ExpertLoad(load.Counts.Length));
                sum.Add(load);
            }
        }

        return new BalanceRun(name, maxVio, found, all.Values.Max(l => l.MaxVio()));
    }

    private static double[] Parts(ExpertLoad load)
    {
        double[] parts = new double[load.Counts.Length];
        for (int e = 0; e < parts.Length; e++)
            parts[e] = load.Counts[e] / (double)load.Total;
        return parts;
    }
}
