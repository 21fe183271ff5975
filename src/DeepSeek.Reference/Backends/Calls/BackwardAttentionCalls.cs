using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary><see cref="IBackwardBackend.AttentionBackward"/></summary>
internal sealed record AttentionBackwardCall(
    Tensor Q, Tensor Keys, Tensor Values, Tensor Y, Tensor LogSumExp, Tensor Dy, AttentionAttributes Attributes, Tensor Dq, Tensor DKeys, Tensor DValues)
    : BackwardCall(Operation.AttentionBackward)
{
    public override IReadOnlyList<Operand> Operands =>
    [
        In("q", Q), In("keys", Keys), In("values", Values), In("y", Y), In("log_sum_exp", LogSumExp), In("dy", Dy),
        Out("dq", Dq), Out("d_keys", DKeys), Out("d_values", DValues),
    ];

    public override Accumulation Sum => Attributes.Accumulation;

    protected override void Run(IBackwardBackend backend) => backend.AttentionBackward(Q, Keys, Values, Y, LogSumExp, Dy, Attributes, Dq, DKeys, DValues);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        Q = by(In("q", Q)),
        Keys = by(In("keys", Keys)),
        Values = by(In("values", Values)),
        Y = by(In("y", Y)),
        LogSumExp = by(In("log_sum_exp", LogSumExp)),
        Dy = by(In("dy", Dy)),
        Dq = by(Out("dq", Dq)),
        DKeys = by(Out("d_keys", DKeys)),
        DValues = by(Out("d_values", DValues)),
    };
}

/// <summary><see cref="IBackwardBackend.GateBackward"/></summary>
internal sealed record GateBackwardCall(Tensor Logits, Tensor Scores, Tensor Indices, GateAttributes Attributes, Tensor DWeights, Tensor? DScores, Tensor DLogits)
    : BackwardCall(Operation.GateBackward)
{
    public override IReadOnlyList<Operand> Operands =>
    [
        In("logits", Logits), In("scores", Scores), In("indices", Indices), In("d_weights", DWeights),
        .. DScores is null ? (Operand[])[] : [In("d_scores", DScores)],
        Out("d_logits", DLogits),
    ];

    protected override void Run(IBackwardBackend backend) => backend.GateBackward(Logits, Scores, Indices, Attributes, DWeights, DScores, DLogits);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        Logits = by(In("logits", Logits)),
        Scores = by(In("scores", Scores)),
        Indices = by(In("indices", Indices)),
        DWeights = by(In("d_weights", DWeights)),
        DScores = DScores is null ? null : by(In("d_scores", DScores)),
        DLogits = by(Out("d_logits", DLogits)),
    };
}

/// <summary><see cref="IBackwardBackend.BalanceLoss"/></summary>
internal sealed record BalanceLossCall(Tensor Scores, Tensor Indices, float Alpha, Tensor Loss, Tensor DScores) : BackwardCall(Operation.BalanceLoss)
{
    public override IReadOnlyList<Operand> Operands => [In("scores", Scores), In("indices", Indices), Out("loss", Loss), Out("d_scores", DScores)];

    protected override void Run(IBackwardBackend backend) => backend.BalanceLoss(Scores, Indices, Alpha, Loss, DScores);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        Scores = by(In("scores", Scores)),
        Indices = by(In("indices", Indices)),
        Loss = by(Out("loss", Loss)),
        DScores = by(Out("d_scores", DScores)),
    };
}
