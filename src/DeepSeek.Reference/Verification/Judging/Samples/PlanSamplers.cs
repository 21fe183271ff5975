using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>The plan of some tokens of a plan.</summary>
internal sealed class PlanSample
{
    /// <summary>Plans the dispatch of these tokens to the experts that the whole plan sends them to.</summary>
    public PlanSample(ExpertPlan whole, int[] tokens)
    {
        int[] indices = new int[tokens.Length * whole.Slots];
        for (int i = 0; i < indices.Length; i++)
        {
            int row = whole.RowOf[tokens[i / whole.Slots] * whole.Slots + i % whole.Slots];
            indices[i] = row < 0 ? -1 : Expert(whole, row);
        }

        Plan = new ExpertPlan(indices, whole.Slots, whole.Experts);
        RowOfWhole = new int[Plan.Rows];
        for (int i = 0; i < indices.Length; i++)
        {
            if (Plan.RowOf[i] >= 0)
                RowOfWhole[Plan.RowOf[i]] = whole.RowOf[tokens[i / whole.Slots] * whole.Slots + i % whole.Slots];
        }
    }

    /// <summary>The smaller plan.</summary>
    public ExpertPlan Plan { get; }

    /// <summary>For each row of the smaller plan, the row of the whole one.</summary>
    public int[] RowOfWhole { get; }

    private static int Expert(ExpertPlan plan, int row)
    {
        int e = 0;
        while (plan.Offsets[e + 1] <= row)
            e++;
        return e;
    }
}

/// <summary>The combination of experts: any tokens.</summary>
internal sealed class CombineSampler(CombineCall call) : CallSampler(call)
{
    /// <inheritdoc/>
    public override int Rows => call.Plan.TokenCount;

    /// <inheritdoc/>
    public override int Columns => 1;

    /// <inheritdoc/>
    public override double Work => (double)call.Y.Shape[1] * (call.Plan.Slots + 1);

    /// <inheritdoc/>
    public override IEnumerable<CallSample> Take(int[] rows, int[] columns)
    {
        var sample = new PlanSample(call.Plan, rows);
        var part = call with
        {
            ExpertOutputs = Gather.Rows(call.ExpertOutputs, sample.RowOfWhole),
            Plan = sample.Plan,
            Weights = Gather.Rows(call.Weights, rows),
            Shared = call.Shared is null ? null : Gather.Rows(call.Shared, rows),
            Y = new Tensor(call.Y.DType, rows.Length, call.Y.Shape[1]),
        };
        yield return new CallSample(part, new Dictionary<string, long[]> { ["y"] = RowElements(rows, call.Y.Shape[1]) });
    }
}

/// <summary>The dispatch of tokens: any tokens; their rows lie where their experts do.</summary>
internal sealed class DispatchSampler(DispatchCall call) : CallSampler(call)
{
    /// <inheritdoc/>
    public override int Rows => call.Plan.TokenCount;

    /// <inheritdoc/>
    public override int Columns => 1;

    /// <inheritdoc/>
    public override double Work => (double)call.Y.Shape[1] * call.Plan.Slots;

    /// <inheritdoc/>
    public override IEnumerable<CallSample> Take(int[] rows, int[] columns)
    {
        var sample = new PlanSample(call.Plan, rows);
        var part = call with { X = Gather.Rows(call.X, rows), Plan = sample.Plan, Y = new Tensor(call.Y.DType, sample.Plan.Rows, call.Y.Shape[1]) };
        yield return new CallSample(part, new Dictionary<string, long[]> { ["y"] = RowElements(sample.RowOfWhole, call.Y.Shape[1]) });
    }
}
