namespace DeepSeek.Reference.Training;

/// <summary>How routed experts are kept equally busy.</summary>
public enum BalanceMethod
{
    /// <summary>A bias on each expert's score, moved after each step by the sign of its load's error; with a small sequence-wise loss beside it. DeepSeek-V3.</summary>
    AuxFree,

    /// <summary>The sequence-wise loss alone, at a larger weight: what DeepSeek-V2 and the report's ablation have.</summary>
    AuxLoss,

    /// <summary>Nothing.</summary>
    None,
}

/// <summary>The balance of experts in training: the method and its two weights.</summary>
public sealed record BalanceOptions
{
    /// <summary>The method.</summary>
    public BalanceMethod Method { get; init; } = BalanceMethod.AuxFree;

    /// <summary>γ over the tokens, for <see cref="BalanceMethod.AuxFree"/>.</summary>
    public TokenStep Speed { get; init; } = TokenStep.BiasSpeed;

    /// <summary>α, the weight of the sequence-wise loss; DeepSeek-V3 has 0.0001 beside the bias.</summary>
    public double Alpha { get; init; } = 0.0001;

    /// <summary>γ of a step: 0 unless the method moves the bias.</summary>
    public double SpeedAt(long tokens) => Method == BalanceMethod.AuxFree ? Speed.At(tokens) : 0;

    /// <summary>α of the method: 0 where nothing is balanced.</summary>
    public double LossWeight => Method == BalanceMethod.None ? 0 : Alpha;
}
