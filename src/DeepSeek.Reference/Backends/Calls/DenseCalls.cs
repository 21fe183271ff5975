using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary><see cref="IBackend.Embedding"/></summary>
internal sealed record EmbeddingCall(Tensor Weight, Tensor Ids, Tensor Y) : OperationCall(Operation.Embedding)
{
    public override IReadOnlyList<Operand> Operands => [In("weight", Weight), In("ids", Ids), Out("y", Y)];

    public override void Run(IBackend backend) => backend.Embedding(Weight, Ids, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => new EmbeddingCall(by(In("weight", Weight)), by(In("ids", Ids)), by(Out("y", Y)));
}

/// <summary><see cref="IBackend.Cast"/></summary>
internal sealed record CastCall(Tensor X, Tensor Y) : OperationCall(Operation.Cast)
{
    public override IReadOnlyList<Operand> Operands => [In("x", X), Out("y", Y)];

    public override void Run(IBackend backend) => backend.Cast(X, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => new CastCall(by(In("x", X)), by(Out("y", Y)));
}

/// <summary><see cref="IBackend.Add"/></summary>
internal sealed record AddCall(Tensor A, Tensor B, Tensor Y) : OperationCall(Operation.Add)
{
    public override IReadOnlyList<Operand> Operands => [In("a", A), In("b", B), Out("y", Y)];

    public override void Run(IBackend backend) => backend.Add(A, B, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => new AddCall(by(In("a", A)), by(In("b", B)), by(Out("y", Y)));
}

/// <summary><see cref="IBackend.RmsNorm"/></summary>
internal sealed record RmsNormCall(Tensor X, Tensor Weight, float Epsilon, RmsNormRounding Rounding, Tensor Y) : OperationCall(Operation.RmsNorm)
{
    public override IReadOnlyList<Operand> Operands => [In("x", X), In("weight", Weight), Out("y", Y)];

    public override void Run(IBackend backend) => backend.RmsNorm(X, Weight, Epsilon, Rounding, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { X = by(In("x", X)), Weight = by(In("weight", Weight)), Y = by(Out("y", Y)) };
}

/// <summary><see cref="IBackend.Rope"/></summary>
internal sealed record RopeCall(Tensor X, Tensor Positions, Tensor Frequencies, RopeAttributes Attributes, Tensor Y) : OperationCall(Operation.Rope)
{
    public override IReadOnlyList<Operand> Operands => [In("x", X), In("positions", Positions), In("frequencies", Frequencies), Out("y", Y)];

    public override void Run(IBackend backend) => backend.Rope(X, Positions, Frequencies, Attributes, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        X = by(In("x", X)),
        Positions = by(In("positions", Positions)),
        Frequencies = by(In("frequencies", Frequencies)),
        Y = by(Out("y", Y)),
    };
}

/// <summary><see cref="IBackend.SwiGlu"/></summary>
internal sealed record SwiGluCall(Tensor Gate, Tensor Up, SwiGluRounding Rounding, Tensor Y) : OperationCall(Operation.SwiGlu)
{
    public override IReadOnlyList<Operand> Operands => [In("gate", Gate), In("up", Up), Out("y", Y)];

    public override void Run(IBackend backend) => backend.SwiGlu(Gate, Up, Rounding, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { Gate = by(In("gate", Gate)), Up = by(In("up", Up)), Y = by(Out("y", Y)) };
}

/// <summary><see cref="IBackend.Softmax"/></summary>
internal sealed record SoftmaxCall(Tensor X, Tensor Y) : OperationCall(Operation.Softmax)
{
    public override IReadOnlyList<Operand> Operands => [In("x", X), Out("y", Y)];

    public override void Run(IBackend backend) => backend.Softmax(X, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => new SoftmaxCall(by(In("x", X)), by(Out("y", Y)));
}

/// <summary><see cref="IBackend.LogSoftmax"/></summary>
internal sealed record LogSoftmaxCall(Tensor X, Tensor Y) : OperationCall(Operation.LogSoftmax)
{
    public override IReadOnlyList<Operand> Operands => [In("x", X), Out("y", Y)];

    public override void Run(IBackend backend) => backend.LogSoftmax(X, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => new LogSoftmaxCall(by(In("x", X)), by(Out("y", Y)));
}

/// <summary><see cref="IBackend.MtpInput"/></summary>
internal sealed record MtpInputCall(Tensor Embedding, Tensor Hidden, MtpConcat Order, Tensor Y) : OperationCall(Operation.MtpInput)
{
    public override IReadOnlyList<Operand> Operands => [In("embedding", Embedding), In("hidden", Hidden), Out("y", Y)];

    public override void Run(IBackend backend) => backend.MtpInput(Embedding, Hidden, Order, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { Embedding = by(In("embedding", Embedding)), Hidden = by(In("hidden", Hidden)), Y = by(Out("y", Y)) };
}
