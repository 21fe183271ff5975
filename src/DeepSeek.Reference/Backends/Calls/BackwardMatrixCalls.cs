using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary><see cref="IBackwardBackend.LinearDgrad"/></summary>
internal sealed record LinearDgradCall(Tensor Dy, Tensor Weight, Accumulation Accumulation, Tensor Dx) : BackwardCall(Operation.LinearDgrad)
{
    public override IReadOnlyList<Operand> Operands => [In("dy", Dy), In("weight", Weight), Out("dx", Dx)];

    public override Accumulation Sum => Accumulation;

    protected override void Run(IBackwardBackend backend) => backend.LinearDgrad(Dy, Weight, Accumulation, Dx);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { Dy = by(In("dy", Dy)), Weight = by(In("weight", Weight)), Dx = by(Out("dx", Dx)) };
}

/// <summary><see cref="IBackwardBackend.LinearWgrad"/>: dWeight = c + dyᵀ x.</summary>
internal sealed record LinearWgradCall(Tensor Dy, Tensor X, Tensor C, Accumulation Accumulation, Tensor DWeight) : BackwardCall(Operation.LinearWgrad)
{
    public override IReadOnlyList<Operand> Operands => [In("dy", Dy), In("x", X), In("c", C), Out("d_weight", DWeight)];

    public override Accumulation Sum => Accumulation;

    protected override void Run(IBackwardBackend backend) => backend.LinearWgrad(Dy, X, Accumulation, Holding(C, DWeight));

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        Dy = by(In("dy", Dy)),
        X = by(In("x", X)),
        C = by(In("c", C)),
        DWeight = by(Out("d_weight", DWeight)),
    };
}

/// <summary><see cref="IBackwardBackend.GroupedLinearDgrad"/></summary>
internal sealed record GroupedLinearDgradCall(Tensor Dy, IReadOnlyList<int> Offsets, IReadOnlyList<Tensor> Weights, Accumulation Accumulation, Tensor Dx)
    : BackwardCall(Operation.GroupedLinearDgrad)
{
    public override IReadOnlyList<Operand> Operands => [In("dy", Dy), .. In("weight", Weights), Out("dx", Dx)];

    public override Accumulation Sum => Accumulation;

    protected override void Run(IBackwardBackend backend) => backend.GroupedLinearDgrad(Dy, [.. Offsets], Weights, Accumulation, Dx);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { Dy = by(In("dy", Dy)), Weights = Replace("weight", Weights, by), Dx = by(Out("dx", Dx)) };
}

/// <summary><see cref="IBackwardBackend.GroupedLinearWgrad"/>: dWeights[g] = c[g] + the product of the group's rows; a group without rows leaves c[g].</summary>
internal sealed record GroupedLinearWgradCall(Tensor Dy, Tensor X, IReadOnlyList<int> Offsets, IReadOnlyList<Tensor> C, Accumulation Accumulation, IReadOnlyList<Tensor> DWeights)
    : BackwardCall(Operation.GroupedLinearWgrad)
{
    public override IReadOnlyList<Operand> Operands => [In("dy", Dy), In("x", X), .. In("c", C), .. Out("d_weight", DWeights)];

    public override Accumulation Sum => Accumulation;

    protected override void Run(IBackwardBackend backend)
    {
        if (C.Count != DWeights.Count)
            throw new ShapeException($"{C.Count} tensors to add to are given for {DWeights.Count} groups");
        backend.GroupedLinearWgrad(Dy, X, [.. Offsets], Accumulation, [.. C.Zip(DWeights, Holding)]);
    }

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        Dy = by(In("dy", Dy)),
        X = by(In("x", X)),
        C = Replace("c", C, by),
        DWeights = [.. Out("d_weight", DWeights).Select(by)],
    };
}
