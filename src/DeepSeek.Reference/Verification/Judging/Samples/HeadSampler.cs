using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>Products of absorbed attention: any tokens with any heads.</summary>
internal sealed class HeadSampler(OperationCall call) : CallSampler(call)
{
    private readonly Tensor x = call is AbsorbQueryCall query ? query.Q : call["z"];
    private readonly Tensor y = call["y"];

    /// <inheritdoc/>
    public override int Rows => Operands.Dim(y, 0);

    /// <inheritdoc/>
    public override int Columns => Operands.Dim(y, 1);

    /// <inheritdoc/>
    public override double Work => (double)x.Shape[2] * y.Shape[2];

    /// <inheritdoc/>
    public override IEnumerable<CallSample> Take(int[] rows, int[] columns)
    {
        Tensor kvB = Gather.Rows(Call["kv_b"], columns);
        long[] pairs = GridElements(rows, columns, Columns);
        Tensor xs = Gather.Rows(x, x.Shape[2], pairs, rows.Length, columns.Length, x.Shape[2]);
        var ys = new Tensor(y.DType, rows.Length, columns.Length, y.Shape[2]);
        OperationCall part = Call is AbsorbQueryCall query ? query with { Q = xs, KvB = kvB, Y = ys } : (AbsorbOutputCall)Call with { Z = xs, KvB = kvB, Y = ys };
        yield return new CallSample(part, new Dictionary<string, long[]> { ["y"] = HeadElements(pairs, y.Shape[2]) });
    }

    /// <summary>The elements of rows of so many, given by the rows.</summary>
    internal static long[] HeadElements(long[] pairs, long length)
    {
        long[] elements = new long[pairs.Length * length];
        for (int i = 0; i < elements.Length; i++)
            elements[i] = pairs[i / length] * length + i % length;
        return elements;
    }
}

/// <summary>Attention: whole queries of single heads. Each query is a call of its own, for what it sees depends on where it stands.</summary>
internal sealed class AttentionSampler(AttentionCall call) : CallSampler(call)
{
    private readonly AttentionShape shape = AttentionShape.Of(call.Q, call.Keys, call.Values, call.Attributes, call.Y, call.LogSumExp);

    /// <inheritdoc/>
    public override int Rows => shape.S;

    /// <inheritdoc/>
    public override int Columns => shape.H;

    /// <inheritdoc/>
    public override double Work => (double)shape.T * (shape.D + shape.Dv);

    /// <summary>Queries at which another block of 64 keys comes into sight.</summary>
    public override IEnumerable<int> RowEdges => Enumerable.Range(1, Math.Max(0, Rows - 1)).Where(i => (call.Attributes.FirstPosition + i) % 64 == 0);

    /// <inheritdoc/>
    public override IEnumerable<CallSample> Take(int[] rows, int[] columns)
    {
        bool own = shape.Hk == shape.H && shape.H > 1;
        Tensor keys = own ? Heads(call.Keys, columns) : call.Keys;
        Tensor? values = call.Values is null ? null : own ? Heads(call.Values, columns) : call.Values;
        foreach (int i in rows)
        {
            long[] pairs = GridElements([i], columns, shape.H);
            var part = call with
            {
                Q = Gather.Rows(call.Q, shape.D, pairs, 1, columns.Length, shape.D),
                Keys = keys,
                Values = values,
                Attributes = call.Attributes with { FirstPosition = call.Attributes.FirstPosition + i },
                Y = new Tensor(call.Y.DType, 1, columns.Length, shape.Dv),
                LogSumExp = call.LogSumExp is null ? null : new Tensor(DType.F32, 1, columns.Length),
            };
            var elements = new Dictionary<string, long[]> { ["y"] = HeadSampler.HeadElements(pairs, shape.Dv) };
            if (call.LogSumExp is not null)
                elements.Add("log_sum_exp", pairs);
            yield return new CallSample(part, elements);
        }
    }

    private static Tensor Heads(Tensor t, int[] heads)
    {
        int[] all = [.. Enumerable.Range(0, Operands.Dim(t, 0))];
        return Gather.Rows(t, t.Shape[2], GridElements(all, heads, t.Shape[1]), t.Shape[0], heads.Length, t.Shape[2]);
    }
}
