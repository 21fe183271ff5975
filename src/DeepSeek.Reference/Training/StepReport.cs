namespace DeepSeek.Reference.Training;

/// <summary>The figures of one step, as a line of metrics has them.</summary>
public sealed record StepReport
{
    /// <summary>The step, from 1.</summary>
    public required long Step { get; init; }

    /// <summary>Tokens taken by the end of it.</summary>
    public required long Tokens { get; init; }

    /// <summary>The loss before the step.</summary>
    public required double Loss { get; init; }

    /// <summary>η.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The norm of the gradients before clipping.</summary>
    public required float GradientNorm { get; init; }

    /// <summary>s, by which they were clipped; 1 where they were not.</summary>
    public required float GradientScale { get; init; }

    /// <summary>Sequences of the batch.</summary>
    public required int Batch { get; init; }

    /// <summary>The largest MaxVio of the layers with experts; null where there is none.</summary>
    public double? MaxVio { get; init; }

    /// <summary>γ.</summary>
    public double BiasSpeed { get; init; }

    /// <summary>Further figures of the model.</summary>
    public IReadOnlyDictionary<string, double> Figures { get; init; } = new Dictionary<string, double>();

    /// <summary>How long the step took; no other figure depends on it.</summary>
    public TimeSpan Duration { get; init; }
}
