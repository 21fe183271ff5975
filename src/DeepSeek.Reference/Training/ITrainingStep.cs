namespace DeepSeek.Reference.Training;

/// <summary>What a parameter is to the optimizer, and how it begins.</summary>
public enum ParameterKind
{
    /// <summary>A matrix or another weight; begins normally distributed.</summary>
    Weight,

    /// <summary>A norm's weight; begins as 1.</summary>
    Norm,

    /// <summary>A bias; begins as 0.</summary>
    Bias,

    /// <summary>A gate's <c>e_score_correction_bias</c>: begins as 0, has no gradient, and is moved by the loads alone (rule N28).</summary>
    BalanceBias,
}

/// <summary>A parameter of a model in training.</summary>
/// <param name="Name">The checkpoint's name.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Kind">What it is to the optimizer.</param>
public sealed record TrainedParameter(string Name, Shape Shape, ParameterKind Kind);

/// <summary>What the schedules say of one step.</summary>
/// <param name="Step">The step, from 1.</param>
/// <param name="Tokens">Tokens that the steps before took.</param>
/// <param name="SequenceLossWeight">α of the sequence-wise balance loss; 0 for none.</param>
/// <param name="MtpWeight">λ of the multi-token prediction loss.</param>
public readonly record struct StepSettings(long Step, long Tokens, double SequenceLossWeight, double MtpWeight);

/// <summary>What a model gives back for a batch.</summary>
public sealed class StepGradients
{
    /// <summary>The loss that the gradients are of.</summary>
    public required double Loss { get; init; }

    /// <summary>The gradient of each trained parameter by its name: F32, of the parameter's shape.</summary>
    public required IReadOnlyDictionary<string, Tensor> Gradients { get; init; }

    /// <summary>How often each expert was chosen, by the name of the layer's <see cref="ParameterKind.BalanceBias"/>.</summary>
    public IReadOnlyDictionary<string, ExpertLoad> Loads { get; init; } = new Dictionary<string, ExpertLoad>();

    /// <summary>Further figures of the step, for its line of metrics.</summary>
    public IReadOnlyDictionary<string, double> Figures { get; init; } = new Dictionary<string, double>();
}

/// <summary>The seam between the recipe and a model: loss and gradients of a batch, as a pure function of batch, weights and settings.</summary>
public interface ITrainingStep
{
    /// <summary>Every parameter of the model.</summary>
    IReadOnlyList<TrainedParameter> Parameters { get; }

    /// <summary>What it rounds where; binary32 unless it says otherwise.</summary>
    TrainingPrecision Precision => TrainingPrecision.Fp32;

    /// <summary>The loss of a batch, and its gradients.</summary>
    /// <param name="batch">The tokens.</param>
    /// <param name="weights">The weights by name, F32; they change in place between steps.</param>
    /// <param name="settings">What the schedules say of this step.</param>
    StepGradients Compute(TrainingBatch batch, IReadOnlyDictionary<string, Tensor> weights, StepSettings settings);
}
