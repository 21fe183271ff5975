using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>A regression that is trained as a model is: a table row a token, a norm's weights, and experts that nothing but the balance moves.</summary>
/// <remarks>y = Σ_k table[t, k] · norm[k]; the loss is the mean of (y - next/264)² over the targets; a token's expert is the largest table[t, e] + bias[e].</remarks>
internal sealed class ToyModel : ITrainingStep
{
    public const int Width = 4, Vocabulary = 264;
    public const string Table = "model.embed_tokens.weight", Norm = "model.norm.weight", Bias = "model.layers.0.mlp.gate.e_score_correction_bias";

    private readonly int killAt;
    private int computed;

    /// <summary>A model whose run ends in its computation of that number; -1 for never.</summary>
    public ToyModel(int killAt = -1) => this.killAt = killAt;

    /// <summary>Changes what comes back: for what a trainer must refuse.</summary>
    public Func<StepGradients, StepGradients>? Change { get; init; }

    public List<StepSettings> Seen { get; } = [];

    public IReadOnlyList<TrainedParameter> Parameters { get; } =
    [
        new(Norm, new Shape(Width), ParameterKind.Norm), new(Table, new Shape(Vocabulary, Width), ParameterKind.Weight), new(Bias, new Shape(Width), ParameterKind.BalanceBias),
    ];

    public StepGradients Compute(TrainingBatch batch, IReadOnlyDictionary<string, Tensor> weights, StepSettings settings)
    {
        Seen.Add(settings);
        if (computed++ == killAt)
            throw new SimulatedKill();
        ReadOnlySpan<float> table = weights[Table].AsReadOnlySpan<float>(), norm = weights[Norm].AsReadOnlySpan<float>(), bias = weights[Bias].AsReadOnlySpan<float>();
        ReadOnlySpan<int> inputs = batch.Inputs.AsReadOnlySpan<int>(), targets = batch.Targets.AsReadOnlySpan<int>();
        Tensor tableGradient = new(DType.F32, Vocabulary, Width), normGradient = new(DType.F32, Width);
        Span<float> dTable = tableGradient.AsSpan<float>(), dNorm = normGradient.AsSpan<float>();
        var load = new ExpertLoad(Width);
        double loss = 0;
        float n = batch.TargetCount;
        for (int i = 0; i < inputs.Length; i++)
        {
            if (targets[i] == TrainingBatch.NoTarget)
                continue;
            ReadOnlySpan<float> row = table.Slice(inputs[i] * Width, Width);
            float y = 0;
            int expert = 0;
            for (int k = 0; k < Width; k++)
            {
                y += row[k] * norm[k];
                if (row[k] + bias[k] > row[expert] + bias[expert])
                    expert = k;
            }

            float error = y - targets[i] / (float)Vocabulary;
            loss += (double)error * error / n;
            load.Add([expert]);
            for (int k = 0; k < Width; k++)
            {
                dTable[inputs[i] * Width + k] += 2 * error * norm[k] / n;
                dNorm[k] += 2 * error * row[k] / n;
            }
        }

        var found = new StepGradients
        {
            Loss = loss,
            Gradients = new Dictionary<string, Tensor> { [Table] = tableGradient, [Norm] = normGradient },
            Loads = new Dictionary<string, ExpertLoad> { [Bias] = load },
        };
        return Change is null ? found : Change(found);
    }
}
