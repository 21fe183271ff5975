namespace DeepSeek.Reference.Training;

/// <summary>One parameter with what the optimizer keeps of it.</summary>
/// <remarks>A balance bias has a master alone.</remarks>
internal sealed class ParameterState
{
    /// <summary>The parameter.</summary>
    public required TrainedParameter Parameter { get; init; }

    /// <summary>θ, F32.</summary>
    public required Tensor Master { get; init; }

    /// <summary>m, F32 or BF16; null for a balance bias.</summary>
    public Tensor? M { get; init; }

    /// <summary>v, F32 or BF16; null for a balance bias.</summary>
    public Tensor? V { get; init; }

    /// <summary>The moving average, F32; null where none is kept.</summary>
    public Tensor? Average { get; init; }

    /// <summary>Whether it decays.</summary>
    public required bool Decays { get; init; }
}

/// <summary>Everything a training run is at a step: from here on it goes the same way, whatever came before.</summary>
internal sealed class TrainerState
{
    /// <summary>Steps done.</summary>
    public long Step { get; set; }

    /// <summary>Tokens taken: sequences times their length.</summary>
    public long Tokens { get; set; }

    /// <summary>Windows taken.</summary>
    public long Position { get; set; }

    /// <summary>The parameters in the ordinal order of their names.</summary>
    public required IReadOnlyList<ParameterState> Parameters { get; init; }

    /// <summary>The weights by name, F32.</summary>
    public required IReadOnlyDictionary<string, Tensor> Weights { get; init; }

    /// <summary>The state before the first step: weights by rule N27, moments 0, the average as the weights.</summary>
    public static TrainerState Initial(IReadOnlyList<TrainedParameter> parameters, TrainOptions options)
    {
        var states = new List<ParameterState>(parameters.Count);
        foreach (TrainedParameter p in parameters.OrderBy(p => p.Name, StringComparer.Ordinal))
            states.Add(Initial(p, options));
        return new TrainerState { Parameters = states, Weights = states.ToDictionary(s => s.Parameter.Name, s => s.Master, StringComparer.Ordinal) };
    }

    private static ParameterState Initial(TrainedParameter p, TrainOptions options)
    {
        var master = new Tensor(DType.F32, p.Shape);
        if (p.Kind == ParameterKind.Weight)
            NormalInitialization.Fill(options.Seed, p.Name, options.InitialDeviation, master.AsSpan<float>());
        else if (p.Kind == ParameterKind.Norm)
            master.AsSpan<float>().Fill(1f);
        if (p.Kind == ParameterKind.BalanceBias)
            return new ParameterState { Parameter = p, Master = master, Decays = false };

        DType kept = options.Optimizer.Moments == MomentFormat.F32 ? DType.F32 : DType.BF16;
        return new ParameterState
        {
            Parameter = p,
            Master = master,
            M = new Tensor(kept, p.Shape),
            V = new Tensor(kept, p.Shape),
            Average = options.AverageDecay > 0 ? master.Clone() : null,
            Decays = options.Optimizer.Decay == DecayRule.All || (p.Kind == ParameterKind.Weight && p.Shape.Rank >= 2),
        };
    }
}
