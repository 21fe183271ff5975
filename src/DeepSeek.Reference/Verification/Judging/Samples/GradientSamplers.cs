using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>dx = dy W: any rows of dy with any columns of the weights.</summary>
internal sealed class DgradSampler(OperationCall call) : CallSampler(call)
{
    private readonly Tensor dy = call["dy"];
    private readonly Tensor dx = call["dx"];
    private readonly int[]? groups = call is GroupedLinearDgradCall grouped ? MatrixOperands.GroupsOf(grouped.Offsets) : null;

    /// <inheritdoc/>
    public override int Rows => Operands.Dim(dx, 0);

    /// <inheritdoc/>
    public override int Columns => Operands.Dim(dx, 1);

    /// <inheritdoc/>
    public override double Work => dy.Shape[1];

    /// <inheritdoc/>
    public override IEnumerable<int> RowEdges => groups is null ? [] : Enumerable.Range(1, Math.Max(0, Rows - 1)).Where(t => groups[t] != groups[t - 1]);

    /// <inheritdoc/>
    public override IEnumerable<CallSample> Take(int[] rows, int[] columns)
    {
        if (rows.Length == 0)
            yield break;
        Tensor some = Gather.Rows(dy, rows), result = new(DType.F32, rows.Length, columns.Length);
        OperationCall part = Call switch
        {
            GroupedLinearDgradCall c => c with
            {
                Dy = some,
                Offsets = [.. Enumerable.Range(0, c.Offsets.Count).Select(g => rows.Count(t => groups![t] < g))],
                Weights = [.. c.Weights.Select(w => Gather.Columns(w, columns))],
                Dx = result,
            },
            _ => (LinearDgradCall)Call with { Dy = some, Weight = Gather.Columns(Call["weight"], columns), Dx = result },
        };
        yield return new CallSample(part, new Dictionary<string, long[]> { ["dx"] = GridElements(rows, columns, Columns) });
    }
}

/// <summary>dW = C + dyᵀ x: any columns of dy with any columns of x, and of a grouped product the same of every group.</summary>
internal sealed class WgradSampler(OperationCall call) : CallSampler(call)
{
    private readonly Tensor dy = call["dy"];
    private readonly Tensor x = call["x"];

    /// <inheritdoc/>
    public override int Rows => Call.Outputs.Any() ? Operands.Dim(dy, 1) : 0;

    /// <inheritdoc/>
    public override int Columns => Operands.Dim(x, 1);

    /// <inheritdoc/>
    public override double Work => dy.Shape[0];

    /// <inheritdoc/>
    public override IEnumerable<CallSample> Take(int[] rows, int[] columns)
    {
        if (rows.Length == 0)
            yield break;
        OperationCall part = Call.Replace(o => o.Name switch
        {
            "dy" => Gather.Columns(o.Tensor, rows),
            "x" => Gather.Columns(o.Tensor, columns),
            _ when o.Role == OperandRole.Input => Gather.Columns(Gather.Rows(o.Tensor, rows), columns),
            _ => new Tensor(DType.F32, rows.Length, columns.Length),
        });
        yield return new CallSample(part, Call.Outputs.ToDictionary(o => o.Name, _ => GridElements(rows, columns, Columns)));
    }
}
