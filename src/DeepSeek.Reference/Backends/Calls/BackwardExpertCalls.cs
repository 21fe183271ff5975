using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary><see cref="IBackwardBackend.DispatchBackward"/></summary>
internal sealed record DispatchBackwardCall(Tensor Dy, ExpertPlan Plan, Tensor Dx) : BackwardCall(Operation.DispatchBackward)
{
    public override IReadOnlyList<Operand> Operands => [In("dy", Dy), Out("dx", Dx)];

    protected override void Run(IBackwardBackend backend) => backend.DispatchBackward(Dy, Plan, Dx);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { Dy = by(In("dy", Dy)), Dx = by(Out("dx", Dx)) };
}

/// <summary><see cref="IBackwardBackend.CombineBackward"/></summary>
internal sealed record CombineBackwardCall(Tensor Dy, Tensor ExpertOutputs, ExpertPlan Plan, Tensor Weights, Tensor DOutputs, Tensor DWeights) : BackwardCall(Operation.CombineBackward)
{
    public override IReadOnlyList<Operand> Operands => [In("dy", Dy), In("outputs", ExpertOutputs), In("weights", Weights), Out("d_outputs", DOutputs), Out("d_weights", DWeights)];

    protected override void Run(IBackwardBackend backend) => backend.CombineBackward(Dy, ExpertOutputs, Plan, Weights, DOutputs, DWeights);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with
    {
        Dy = by(In("dy", Dy)),
        ExpertOutputs = by(In("outputs", ExpertOutputs)),
        Weights = by(In("weights", Weights)),
        DOutputs = by(Out("d_outputs", DOutputs)),
        DWeights = by(Out("d_weights", DWeights)),
    };
}
