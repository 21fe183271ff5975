using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary><see cref="IBackend.Linear"/></summary>
internal sealed record LinearCall(Tensor X, Tensor Weight, Accumulation Accumulation, Tensor Y) : OperationCall(Operation.Linear)
{
    public override IReadOnlyList<Operand> Operands => [In("x", X), In("weight", Weight), Out("y", Y)];

    public override Accumulation Sum => Accumulation;

    public override void Run(IBackend backend) => backend.Linear(X, Weight, Accumulation, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { X = by(In("x", X)), Weight = by(In("weight", Weight)), Y = by(Out("y", Y)) };
}

/// <summary><see cref="IBackend.GroupedLinear"/></summary>
internal sealed record GroupedLinearCall(Tensor X, IReadOnlyList<int> Offsets, IReadOnlyList<Tensor> Weights, Accumulation Accumulation, Tensor Y) : OperationCall(Operation.GroupedLinear)
{
    public override IReadOnlyList<Operand> Operands => [In("x", X), .. In("weight", Weights), Out("y", Y)];

    public override Accumulation Sum => Accumulation;

    public override void Run(IBackend backend) => backend.GroupedLinear(X, [.. Offsets], Weights, Accumulation, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { X = by(In("x", X)), Weights = Replace("weight", Weights, by), Y = by(Out("y", Y)) };
}

/// <summary><see cref="IBackend.AbsorbQuery"/></summary>
internal sealed record AbsorbQueryCall(Tensor Q, Tensor KvB, Accumulation Accumulation, Tensor Y) : OperationCall(Operation.AbsorbQuery)
{
    public override IReadOnlyList<Operand> Operands => [In("q", Q), In("kv_b", KvB), Out("y", Y)];

    public override Accumulation Sum => Accumulation;

    public override void Run(IBackend backend) => backend.AbsorbQuery(Q, KvB, Accumulation, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { Q = by(In("q", Q)), KvB = by(In("kv_b", KvB)), Y = by(Out("y", Y)) };
}

/// <summary><see cref="IBackend.AbsorbOutput"/></summary>
internal sealed record AbsorbOutputCall(Tensor Z, Tensor KvB, Accumulation Accumulation, Tensor Y) : OperationCall(Operation.AbsorbOutput)
{
    public override IReadOnlyList<Operand> Operands => [In("z", Z), In("kv_b", KvB), Out("y", Y)];

    public override Accumulation Sum => Accumulation;

    public override void Run(IBackend backend) => backend.AbsorbOutput(Z, KvB, Accumulation, Y);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { Z = by(In("z", Z)), KvB = by(In("kv_b", KvB)), Y = by(Out("y", Y)) };
}

/// <summary><see cref="IBackend.ExpandKeys"/></summary>
internal sealed record ExpandKeysCall(Tensor Kv, Tensor KPe, Tensor Keys, Tensor Values) : OperationCall(Operation.ExpandKeys)
{
    public override IReadOnlyList<Operand> Operands => [In("kv", Kv), In("k_pe", KPe), Out("keys", Keys), Out("values", Values)];

    public override void Run(IBackend backend) => backend.ExpandKeys(Kv, KPe, Keys, Values);

    public override OperationCall Replace(Func<Operand, Tensor> by) =>
        new ExpandKeysCall(by(In("kv", Kv)), by(In("k_pe", KPe)), by(Out("keys", Keys)), by(Out("values", Values)));
}

/// <summary><see cref="IBackend.Attention"/></summary>
internal sealed record AttentionCall(Tensor Q, Tensor Keys, Tensor? Values, AttentionAttributes Attributes, Tensor Y, Tensor? LogSumExp) : OperationCall(Operation.Attention)
{
    public override IReadOnlyList<Operand> Operands =>
    [
        In("q", Q), In("keys", Keys),
        .. Values is null ? (Operand[])[] : [In("values", Values)],
        Out("y", Y),
        .. LogSumExp is null ? (Operand[])[] : [Out("log_sum_exp", LogSumExp)],
    ];

    public override Accumulation Sum => Attributes.Accumulation;

    public override void Run(IBackend backend) => backend.Attention(Q, Keys, Values, Attributes, Y, LogSumExp);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        Q = by(In("q", Q)),
        Keys = by(In("keys", Keys)),
        Values = Values is null ? null : by(In("values", Values)),
        Y = by(Out("y", Y)),
        LogSumExp = LogSumExp is null ? null : by(Out("log_sum_exp", LogSumExp)),
    };
}
