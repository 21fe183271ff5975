using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary><see cref="IBackend.Gate"/></summary>
internal sealed record GateCall(Tensor Logits, Tensor? Bias, GateAttributes Attributes, Tensor Scores, Tensor Indices, Tensor Weights) : OperationCall(Operation.Gate)
{
    public override IReadOnlyList<Operand> Operands =>
    [
        In("logits", Logits),
        .. Bias is null ? (Operand[])[] : [In("bias", Bias)],
        Out("scores", Scores), Out("indices", Indices), Out("weights", Weights),
    ];

    public override void Run(IBackend backend) => backend.Gate(Logits, Bias, Attributes, Scores, Indices, Weights);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        Logits = by(In("logits", Logits)),
        Bias = Bias is null ? null : by(In("bias", Bias)),
        Scores = by(Out("scores", Scores)),
        Indices = by(Out("indices", Indices)),
        Weights = by(Out("weights", Weights)),
    };
}

/// <summary><see cref="IBackend.Dispatch"/></summary>
internal sealed record DispatchCall(Tensor X, ExpertPlan Plan, Tensor Y) : OperationCall(Operation.Dispatch)
{
    public override IReadOnlyList<Operand> Operands => [In("x", X), Out("y", Y)];

    public override void Run(IBackend backend) => backend.Dispatch(X, Plan, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { X = by(In("x", X)), Y = by(Out("y", Y)) };
}

/// <summary><see cref="IBackend.Combine"/></summary>
internal sealed record CombineCall(Tensor ExpertOutputs, ExpertPlan Plan, Tensor Weights, Tensor? Shared, CombineRounding Rounding, Tensor Y) : OperationCall(Operation.Combine)
{
    public override IReadOnlyList<Operand> Operands =>
    [
        In("outputs", ExpertOutputs), In("weights", Weights),
        .. Shared is null ? (Operand[])[] : [In("shared", Shared)],
        Out("y", Y),
    ];

    public override void Run(IBackend backend) => backend.Combine(ExpertOutputs, Plan, Weights, Shared, Rounding, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        ExpertOutputs = by(In("outputs", ExpertOutputs)),
        Weights = by(In("weights", Weights)),
        Shared = Shared is null ? null : by(In("shared", Shared)),
        Y = by(Out("y", Y)),
    };
}
