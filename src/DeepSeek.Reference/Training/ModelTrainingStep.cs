using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Training;

/// <summary>DeepSeek-V3 as the trainer takes it: a batch's losses, gradients and expert loads.</summary>
/// <remarks>
/// Each row of a batch is one sequence of its own length: pad takes no part, in no loss, no load and no position. The loss is the mean over the batch's targets
/// (<see cref="GradientModel"/>), with the sequence-wise balance loss and, where the model has them, the MTP modules' losses at the weights of the step.
/// </remarks>
public sealed class ModelTrainingStep : ITrainingStep
{
    private const string BiasName = "e_score_correction_bias";

    private readonly DeepSeekConfig config;
    private readonly IBackwardBackend backend;
    private GradientModel? model;
    private IReadOnlyDictionary<string, Tensor>? weights;
    private GradientSet? gradients;

    /// <summary>A model of that configuration.</summary>
    /// <param name="config">Dimensions and choices.</param>
    /// <param name="backend">Runs the operations.</param>
    /// <param name="precision">What is rounded where; null takes <see cref="TrainingPrecision.Fp32"/>.</param>
    /// <exception cref="ContractException">FP8 weights, or a dtype that is not trained.</exception>
    public ModelTrainingStep(DeepSeekConfig config, IBackwardBackend backend, TrainingPrecision? precision = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(backend);
        if (config.QuantizationConfig is not null)
            throw new ContractException("config.json has a quantization_config: training begins without FP8 weights; remove it, and take --precision fp8 for FP8 products");
        if (config.TorchDtype is not (DType.F32 or DType.BF16))
            throw new ContractException($"torch_dtype {config.TorchDtype.Name()} is not trained; take float32 or bfloat16");
        this.config = config;
        this.backend = backend;
        Precision = precision ?? TrainingPrecision.Fp32;
        Precision.Require();
        Parameters = [.. new ParameterTable(config).Parameters.Where(p => !p.IsDuplicate).Select(p => new TrainedParameter(p.Name, p.Shape, KindOf(p)))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<TrainedParameter> Parameters { get; }

    /// <inheritdoc/>
    public TrainingPrecision Precision { get; }

    /// <inheritdoc/>
    public StepGradients Compute(TrainingBatch batch, IReadOnlyDictionary<string, Tensor> weights, StepSettings settings)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (model is null || !ReferenceEquals(this.weights, weights))
        {
            model = new GradientModel(config, name => weights.GetValueOrDefault(name), backend, precision: Precision);
            this.weights = weights;
            gradients = null;
        }

        if (batch.TargetCount == 0)
            return new StepGradients { Loss = 0, Gradients = WithZeros([], name => throw new InvalidOperationException(name)) };
        int[][] rows = [.. Enumerable.Range(0, batch.Rows).Select(batch.Sequence)];
        var options = new LossOptions { BalanceWeight = config.NRoutedExperts is null ? 0 : settings.SequenceLossWeight, MtpWeight = model.HasMtp ? settings.MtpWeight : 0 };
        if (gradients is null || gradients.Options != options)
            gradients = model.NewGradients(BatchTotals.Of(rows), options);
        else
            gradients.Reset(BatchTotals.Of(rows));
        model.Accumulate(rows, gradients);

        var figures = new Dictionary<string, double> { ["main_loss"] = gradients.Losses.Main };
        if (options.MtpWeight > 0)
            figures["mtp_loss"] = gradients.Losses.Mtp;
        if (options.BalanceWeight > 0)
            figures["balance_loss"] = gradients.Losses.Balance;
        return new StepGradients
        {
            Loss = gradients.Losses.Total,
            Gradients = WithZeros(gradients.Names, name => gradients[name]),
            Loads = gradients.Loads,
            Figures = figures,
        };
    }

    /// <summary>The gradients of that name, and zeros for what the loss does not contain: MTP modules at weight 0.</summary>
    private Dictionary<string, Tensor> WithZeros(IReadOnlyList<string> names, Func<string, Tensor> of)
    {
        Dictionary<string, Tensor> all = names.ToDictionary(name => name, of, StringComparer.Ordinal);
        foreach (TrainedParameter p in Parameters.Where(p => p.Kind != ParameterKind.BalanceBias))
        {
            if (!all.ContainsKey(p.Name))
                all.Add(p.Name, new Tensor(DType.F32, p.Shape));
        }

        return all;
    }

    private static ParameterKind KindOf(Parameter p) =>
        p.Name.EndsWith(BiasName, StringComparison.Ordinal) ? ParameterKind.BalanceBias : p.Shape.Rank == 1 ? ParameterKind.Norm : ParameterKind.Weight;
}
