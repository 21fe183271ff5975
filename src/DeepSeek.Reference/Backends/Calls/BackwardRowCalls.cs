using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary><see cref="IBackwardBackend.EmbeddingBackward"/>: dWeight = c and the rows of each id.</summary>
internal sealed record EmbeddingBackwardCall(Tensor Dy, Tensor Ids, Tensor C, Tensor DWeight) : BackwardCall(Operation.EmbeddingBackward)
{
    public override IReadOnlyList<Operand> Operands => [In("dy", Dy), In("ids", Ids), In("c", C), Out("d_weight", DWeight)];

    protected override void Run(IBackwardBackend backend) => backend.EmbeddingBackward(Dy, Ids, Holding(C, DWeight));

    public override OperationCall Replace(Func<Operand, Tensor> by) =>
        this with { Dy = by(In("dy", Dy)), Ids = by(In("ids", Ids)), C = by(In("c", C)), DWeight = by(Out("d_weight", DWeight)) };
}

/// <summary><see cref="IBackwardBackend.RmsNormBackward"/>: dWeight = c + Σ dy x̂.</summary>
internal sealed record RmsNormBackwardCall(Tensor Dy, Tensor X, Tensor Weight, Tensor C, float Epsilon, Tensor Dx, Tensor DWeight) : BackwardCall(Operation.RmsNormBackward)
{
    public override IReadOnlyList<Operand> Operands => [In("dy", Dy), In("x", X), In("weight", Weight), In("c", C), Out("dx", Dx), Out("d_weight", DWeight)];

    protected override void Run(IBackwardBackend backend) => backend.RmsNormBackward(Dy, X, Weight, Epsilon, Dx, Holding(C, DWeight));

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        Dy = by(In("dy", Dy)),
        X = by(In("x", X)),
        Weight = by(In("weight", Weight)),
        C = by(In("c", C)),
        Dx = by(Out("dx", Dx)),
        DWeight = by(Out("d_weight", DWeight)),
    };
}

/// <summary><see cref="IBackwardBackend.RopeBackward"/></summary>
internal sealed record RopeBackwardCall(Tensor Dy, Tensor Positions, Tensor Frequencies, RopeAttributes Attributes, Tensor Dx) : BackwardCall(Operation.RopeBackward)
{
    public override IReadOnlyList<Operand> Operands => [In("dy", Dy), In("positions", Positions), In("frequencies", Frequencies), Out("dx", Dx)];

    protected override void Run(IBackwardBackend backend) => backend.RopeBackward(Dy, Positions, Frequencies, Attributes, Dx);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        Dy = by(In("dy", Dy)),
        Positions = by(In("positions", Positions)),
        Frequencies = by(In("frequencies", Frequencies)),
        Dx = by(Out("dx", Dx)),
    };
}

/// <summary><see cref="IBackwardBackend.ExpandKeysBackward"/></summary>
internal sealed record ExpandKeysBackwardCall(Tensor DKeys, Tensor DValues, Tensor DKv, Tensor DKPe) : BackwardCall(Operation.ExpandKeysBackward)
{
    public override IReadOnlyList<Operand> Operands => [In("d_keys", DKeys), In("d_values", DValues), Out("d_kv", DKv), Out("d_k_pe", DKPe)];

    protected override void Run(IBackwardBackend backend) => backend.ExpandKeysBackward(DKeys, DValues, DKv, DKPe);

    public override OperationCall Replace(Func<Operand, Tensor> by) =>
        this with { DKeys = by(In("d_keys", DKeys)), DValues = by(In("d_values", DValues)), DKv = by(Out("d_kv", DKv)), DKPe = by(Out("d_k_pe", DKPe)) };
}

/// <summary><see cref="IBackwardBackend.SwiGluBackward"/></summary>
internal sealed record SwiGluBackwardCall(Tensor Dy, Tensor Gate, Tensor Up, Tensor DGate, Tensor DUp) : BackwardCall(Operation.SwiGluBackward)
{
    public override IReadOnlyList<Operand> Operands => [In("dy", Dy), In("gate", Gate), In("up", Up), Out("d_gate", DGate), Out("d_up", DUp)];

    protected override void Run(IBackwardBackend backend) => backend.SwiGluBackward(Dy, Gate, Up, DGate, DUp);

    public override OperationCall Replace(Func<Operand, Tensor> by) =>
        this with { Dy = by(In("dy", Dy)), Gate = by(In("gate", Gate)), Up = by(In("up", Up)), DGate = by(Out("d_gate", DGate)), DUp = by(Out("d_up", DUp)) };
}

/// <summary><see cref="IBackwardBackend.MtpInputBackward"/></summary>
internal sealed record MtpInputBackwardCall(Tensor Dy, MtpConcat Order, Tensor DEmbedding, Tensor DHidden) : BackwardCall(Operation.MtpInputBackward)
{
    public override IReadOnlyList<Operand> Operands => [In("dy", Dy), Out("d_embedding", DEmbedding), Out("d_hidden", DHidden)];

    protected override void Run(IBackwardBackend backend) => backend.MtpInputBackward(Dy, Order, DEmbedding, DHidden);

    public override OperationCall Replace(Func<Operand, Tensor> by) =>
        this with { Dy = by(In("dy", Dy)), DEmbedding = by(Out("d_embedding", DEmbedding)), DHidden = by(Out("d_hidden", DHidden)) };
}

/// <summary><see cref="IBackwardBackend.CrossEntropy"/></summary>
internal sealed record CrossEntropyCall(Tensor Logits, Tensor Targets, Tensor Losses, Tensor Statistics) : BackwardCall(Operation.CrossEntropy)
{
    public override IReadOnlyList<Operand> Operands => [In("logits", Logits), In("targets", Targets), Out("losses", Losses), Out("statistics", Statistics)];

    protected override void Run(IBackwardBackend backend) => backend.CrossEntropy(Logits, Targets, Losses, Statistics);

    public override OperationCall Replace(Func<Operand, Tensor> by) =>
        new CrossEntropyCall(by(In("logits", Logits)), by(In("targets", Targets)), by(Out("losses", Losses)), by(Out("statistics", Statistics)));
}

/// <summary><see cref="IBackwardBackend.CrossEntropyBackward"/></summary>
internal sealed record CrossEntropyBackwardCall(Tensor Logits, int First, Tensor Targets, Tensor Statistics, float Scale, Tensor DLogits) : BackwardCall(Operation.CrossEntropyBackward)
{
    public override IReadOnlyList<Operand> Operands => [In("logits", Logits), In("targets", Targets), In("statistics", Statistics), Out("d_logits", DLogits)];

    protected override void Run(IBackwardBackend backend) => backend.CrossEntropyBackward(Logits, First, Targets, Statistics, Scale, DLogits);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        Logits = by(In("logits", Logits)),
        Targets = by(In("targets", Targets)),
        Statistics = by(In("statistics", Statistics)),
        DLogits = by(Out("d_logits", DLogits)),
    };
}
