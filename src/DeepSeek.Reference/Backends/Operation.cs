namespace DeepSeek.Reference.Backends;

/// <summary>The operations of <see cref="IBackend"/> and <see cref="IBackwardBackend"/>, one value a method.</summary>
public enum Operation
{
    /// <summary><see cref="IBackend.Embedding"/></summary>
    Embedding,

    /// <summary><see cref="IBackend.Cast"/></summary>
    Cast,

    /// <summary><see cref="IBackend.Add"/></summary>
    Add,

    /// <summary><see cref="IBackend.RmsNorm"/></summary>
    RmsNorm,

    /// <summary><see cref="IBackend.Linear"/></summary>
    Linear,

    /// <summary><see cref="IBackend.GroupedLinear"/></summary>
    GroupedLinear,

    /// <summary><see cref="IBackend.Rope"/></summary>
    Rope,

    /// <summary><see cref="IBackend.AbsorbQuery"/></summary>
    AbsorbQuery,

    /// <summary><see cref="IBackend.AbsorbOutput"/></summary>
    AbsorbOutput,

    /// <summary><see cref="IBackend.ExpandKeys"/></summary>
    ExpandKeys,

    /// <summary><see cref="IBackend.Attention"/></summary>
    Attention,

    /// <summary><see cref="IBackend.SwiGlu"/></summary>
    SwiGlu,

    /// <summary><see cref="IBackend.Gate"/></summary>
    Gate,

    /// <summary><see cref="IBackend.Dispatch"/></summary>
    Dispatch,

    /// <summary><see cref="IBackend.Combine"/></summary>
    Combine,

    /// <summary><see cref="IBackend.Softmax"/></summary>
    Softmax,

    /// <summary><see cref="IBackend.LogSoftmax"/></summary>
    LogSoftmax,

    /// <summary><see cref="IBackend.MtpInput"/></summary>
    MtpInput,

    /// <summary><see cref="IBackend.Quantize"/></summary>
    Quantize,

    /// <summary><see cref="IBackend.Dequantize"/></summary>
    Dequantize,

    /// <summary><see cref="IBackend.ScaledLinear"/></summary>
    ScaledLinear,

    /// <summary><see cref="IBackend.GroupedScaledLinear"/></summary>
    GroupedScaledLinear,

    /// <summary><see cref="IBackend.IndexedScaledLinear"/></summary>
    IndexedScaledLinear,

    /// <summary><see cref="IBackend.MaskedScaledLinear"/></summary>
    MaskedScaledLinear,

    /// <summary><see cref="IBackwardBackend.LinearDgrad"/></summary>
    LinearDgrad,

    /// <summary><see cref="IBackwardBackend.LinearWgrad"/></summary>
    LinearWgrad,

    /// <summary><see cref="IBackwardBackend.GroupedLinearDgrad"/></summary>
    GroupedLinearDgrad,

    /// <summary><see cref="IBackwardBackend.GroupedLinearWgrad"/></summary>
    GroupedLinearWgrad,

    /// <summary><see cref="IBackwardBackend.EmbeddingBackward"/></summary>
    EmbeddingBackward,

    /// <summary><see cref="IBackwardBackend.RmsNormBackward"/></summary>
    RmsNormBackward,

    /// <summary><see cref="IBackwardBackend.RopeBackward"/></summary>
    RopeBackward,

    /// <summary><see cref="IBackwardBackend.ExpandKeysBackward"/></summary>
    ExpandKeysBackward,

    /// <summary><see cref="IBackwardBackend.SwiGluBackward"/></summary>
    SwiGluBackward,

    /// <summary><see cref="IBackwardBackend.DispatchBackward"/></summary>
    DispatchBackward,

    /// <summary><see cref="IBackwardBackend.CombineBackward"/></summary>
    CombineBackward,

    /// <summary><see cref="IBackwardBackend.MtpInputBackward"/></summary>
    MtpInputBackward,

    /// <summary><see cref="IBackwardBackend.CrossEntropy"/></summary>
    CrossEntropy,

    /// <summary><see cref="IBackwardBackend.CrossEntropyBackward"/></summary>
    CrossEntropyBackward,

    /// <summary><see cref="IBackwardBackend.AttentionBackward"/></summary>
    AttentionBackward,

    /// <summary><see cref="IBackwardBackend.GateBackward"/></summary>
    GateBackward,

    /// <summary><see cref="IBackwardBackend.BalanceLoss"/></summary>
    BalanceLoss,
}
