using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>A call of which no part can be had without the whole: one row, one column.</summary>
internal sealed class WholeSampler(OperationCall call, double work) : CallSampler(call)
{
    /// <inheritdoc/>
    public override int Rows => 1;

    /// <inheritdoc/>
    public override int Columns => 1;

    /// <inheritdoc/>
    public override double Work => work;

    /// <inheritdoc/>
    public override IEnumerable<CallSample> Take(int[] rows, int[] columns)
    {
        if (rows.Length == 0 || columns.Length == 0)
            yield break;
        OperationCall own = Call.Replace(o => o.Role == OperandRole.Input ? o.Tensor : new Tensor(o.Tensor.DType, o.Tensor.Shape));
        yield return new CallSample(own, Call.Outputs.ToDictionary(o => o.Name, o => RowElements([0], o.Tensor.ElementCount)));
    }
}

/// <summary>The embedding's gradient: any channels, of all rows.</summary>
internal sealed class EmbeddingBackwardSampler(EmbeddingBackwardCall call) : CallSampler(call)
{
    /// <inheritdoc/>
    public override int Rows => 1;

    /// <inheritdoc/>
    public override int Columns => Operands.Dim(call.C, 1);

    /// <inheritdoc/>
    public override double Work => call.C.Shape[0] + call.Dy.Shape[0];

    /// <inheritdoc/>
    public override IEnumerable<CallSample> Take(int[] rows, int[] columns)
    {
        if (rows.Length == 0 || columns.Length == 0)
            yield break;
        int[] all = [.. Enumerable.Range(0, Operands.Dim(call.C, 0))];
        OperationCall part = call.Replace(o => o.Name == "ids" ? o.Tensor : o.Role == OperandRole.Output ? new Tensor(DType.F32, all.Length, columns.Length) : Gather.Columns(o.Tensor, columns));
        yield return new CallSample(part, new Dictionary<string, long[]> { ["d_weight"] = GridElements(all, columns, Columns) });
    }
}

/// <summary>The gradients of dispatch and combination: any tokens; their rows lie where their experts do.</summary>
internal sealed class PlanBackwardSampler(OperationCall call) : CallSampler(call)
{
    private readonly Ops.ExpertPlan plan = call is DispatchBackwardCall dispatch ? dispatch.Plan : ((CombineBackwardCall)call).Plan;

    /// <inheritdoc/>
    public override int Rows => plan.TokenCount;

    /// <inheritdoc/>
    public override int Columns => 1;

    /// <inheritdoc/>
    public override double Work => 2.0 * Call["dy"].Shape[1] * plan.Slots;

    /// <inheritdoc/>
    public override IEnumerable<CallSample> Take(int[] rows, int[] columns)
    {
        var sample = new PlanSample(plan, rows);
        long d = Call["dy"].Shape[1];
        if (Call is DispatchBackwardCall dispatch)
        {
            var part = dispatch with { Dy = Gather.Rows(dispatch.Dy, sample.RowOfWhole), Plan = sample.Plan, Dx = new Tensor(DType.F32, rows.Length, d) };
            yield return new CallSample(part, new Dictionary<string, long[]> { ["dx"] = RowElements(rows, d) });
        }
        else if (Call is CombineBackwardCall combine)
        {
            var part = combine with
            {
                Dy = Gather.Rows(combine.Dy, rows),
                ExpertOutputs = Gather.Rows(combine.ExpertOutputs, sample.RowOfWhole),
                Plan = sample.Plan,
                Weights = Gather.Rows(combine.Weights, rows),
                DOutputs = new Tensor(DType.F32, sample.Plan.Rows, d),
                DWeights = new Tensor(DType.F32, rows.Length, plan.Slots),
            };
            yield return new CallSample(part, new Dictionary<string, long[]> { ["d_outputs"] = RowElements(sample.RowOfWhole, d), ["d_weights"] = RowElements(rows, plan.Slots) });
        }
    }
}

/// <summary>The gradients of attention: any heads, whole.</summary>
internal sealed class AttentionBackwardSampler(AttentionBackwardCall call) : CallSampler(call)
{
    /// <inheritdoc/>
    public override int Rows => 1;

    /// <inheritdoc/>
    public override int Columns => Operands.Dim(call.Q, 1);

    /// <inheritdoc/>
    public override double Work => (double)call.Q.Shape[0] * call.Keys.Shape[0] * (3 * call.Q.Shape[2] + 2 * call.Values.Shape[2]);

    /// <inheritdoc/>
    public override IEnumerable<CallSample> Take(int[] rows, int[] columns)
    {
        if (rows.Length == 0 || columns.Length == 0)
            yield break;
        var elements = new Dictionary<string, long[]>();
        OperationCall part = call.Replace(o =>
        {
            long width = o.Tensor.Shape.Rank == 3 ? o.Tensor.Shape[2] : 1;
            int[] all = [.. Enumerable.Range(0, Operands.Dim(o.Tensor, 0))];
            long[] pairs = GridElements(all, columns, Columns);
            long[] shape = o.Tensor.Shape.Rank == 3 ? [all.Length, columns.Length, width] : [all.Length, columns.Length];
            if (o.Role == OperandRole.Input)
                return Gather.Rows(o.Tensor, width, pairs, shape);
            elements.Add(o.Name, HeadSampler.HeadElements(pairs, width));
            return new Tensor(DType.F32, new Shape(shape));
        });
        yield return new CallSample(part, elements);
    }
}
