using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>Matrix products: any rows of x with any rows of the weights.</summary>
/// <remarks>
/// A block-scaled weight comes out with a scale for each row, which is the same number; rows of an indexed or masked layout become an indexed layout without alignment or
/// padding. Rows that the operation does not write are never taken.
/// </remarks>
internal sealed class ProductSampler : CallSampler
{
    private readonly int[] groups;
    private readonly IReadOnlyList<Tensor> weights;
    private readonly IReadOnlyList<Tensor> weightScales;
    private readonly Tensor x;
    private readonly Tensor? xScale;
    private readonly Tensor y;

    public ProductSampler(OperationCall call) : base(call)
    {
        x = Flat(call["x"]);
        y = Flat(call["y"]);
        (Rows, Columns) = (Operands.Dim(y, 0), Operands.Dim(y, 1));
        Work = Operands.Dim(x, 1);
        (weights, weightScales, xScale) = call switch
        {
            LinearCall c => ((IReadOnlyList<Tensor>)[c.Weight], (IReadOnlyList<Tensor>)[], (Tensor?)null),
            GroupedLinearCall c => (c.Weights, [], null),
            ScaledLinearCall c => ([c.Weight], [c.WeightScale], c.XScale),
            GroupedScaledLinearCall c => (c.Weights, c.WeightScales, c.XScale),
            IndexedScaledLinearCall c => (c.Weights, c.WeightScales, c.XScale),
            MaskedScaledLinearCall c => (c.Weights, c.WeightScales, Flat(c.XScale)),
            _ => throw new ContractException($"{call.Operation} is no matrix product"),
        };
        groups = Groups(call, Rows);
    }

    /// <inheritdoc/>
    public override int Rows { get; }

    /// <inheritdoc/>
    public override int Columns { get; }

    /// <inheritdoc/>
    public override double Work { get; }

    /// <inheritdoc/>
    public override IEnumerable<int> RowEdges => Enumerable.Range(1, Math.Max(0, Rows - 1)).Where(t => groups[t] != groups[t - 1]);

    /// <inheritdoc/>
    public override IEnumerable<int> ColumnEdges => Enumerable.Range(1, Columns / NoiseGrouping.Tile).Select(b => b * NoiseGrouping.Tile).Where(n => n < Columns);

    /// <summary>The weight of each row; -1 where the row is not written.</summary>
    public ReadOnlySpan<int> GroupOfRow => groups;

    /// <summary>Weights.</summary>
    public int GroupCount => weights.Count;

    /// <summary>Rows of x as binary32, scales multiplied in, one rounding.</summary>
    public Tensor WideX(int first, int count) => Wide(x, xScale, first, count, t => t);

    /// <summary>Rows of a weight as binary32, scales multiplied in, one rounding.</summary>
    public Tensor WideWeight(int group, int first, int count)
    {
        Tensor? scales = weightScales.Count == 0 ? null : weightScales[group];
        return Wide(weights[group], scales, first, count, n => scales!.Shape[0] == Columns ? n : n / ScaledProduct.ScaleBlock);
    }

    /// <summary>What is added to the product of an element.</summary>
    public double Addend(int row, int column) => Call is ScaledLinearCall { C: { } c } ? c.AsReadOnlySpan<float>()[checked(row * Columns + column)] : 0;

    /// <inheritdoc/>
    public override bool IsWritten(int row) => groups[row] >= 0;

    /// <inheritdoc/>
    public override IEnumerable<CallSample> Take(int[] rows, int[] columns)
    {
        rows = [.. rows.Where(IsWritten)];
        Tensor xs = Gather.Rows(x, rows), ys = new(y.DType, rows.Length, columns.Length);
        Tensor? xScales = xScale is null ? null : Gather.Rows(xScale, rows);
        int[] used = [.. rows.Select(t => groups[t]).Distinct().Order()];
        Tensor[] w = [.. used.Select(g => Gather.Rows(weights[g], columns))];
        Tensor[] ws = [.. weightScales.Count == 0 ? [] : used.Select(g => RowScales(weightScales[g], columns))];
        int[] group = [.. rows.Select(t => Array.IndexOf(used, groups[t]))];
        OperationCall part = Call switch
        {
            LinearCall c when w.Length == 1 => c with { X = xs, Weight = w[0], Y = ys },
            ScaledLinearCall c when w.Length == 1 => c with { X = xs, XScale = xScales!, Weight = w[0], WeightScale = ws[0], C = c.C is null ? null : Grid(c.C, rows, columns), Y = ys },
            GroupedLinearCall c => c with { X = xs, Offsets = Offsets(group, used.Length), Weights = w, Y = ys },
            _ when rows.Length == 0 => Call.Replace(o => o.Tensor),
            _ => new IndexedScaledLinearCall(xs, xScales!, Tensor.From(group, group.Length), 1, w, ws, Product(Call), ys),
        };
        if (rows.Length > 0)
            yield return new CallSample(part, new Dictionary<string, long[]> { ["y"] = GridElements(rows, columns, Columns) });
    }

    private static Tensor Wide(Tensor t, Tensor? scales, int first, int count, Func<int, int> scaleRow)
    {
        int K = Operands.Dim(t, 1);
        var wide = new Tensor(DType.F32, count, K);
        Span<float> values = wide.AsSpan<float>();
        if (scales is null)
        {
            Operands.Widen(t, (long)first * K, count * K).CopyTo(values);
            return wide;
        }

        int B = Operands.Dim(scales, 1);
        Float8Spans.Widen(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpan(ref System.Runtime.CompilerServices.Unsafe.Add(ref t.First<Float8E4M3>(), (nint)first * K), count * K), values);
        for (int r = 0; r < count; r++)
        {
            ReadOnlySpan<float> s = Operands.Widen(scales, (long)scaleRow(first + r) * B, B);
            for (int b = 0; b < B; b++)
            {
                int from = B == 1 ? 0 : b * ScaledProduct.ScaleBlock, to = B == 1 ? K : Math.Min(K, from + ScaledProduct.ScaleBlock);
                System.Numerics.Tensors.TensorPrimitives.Multiply(values[(r * K + from)..(r * K + to)], s[b], values[(r * K + from)..(r * K + to)]);
            }
        }

        return wide;
    }

    private static Tensor Flat(Tensor t) => t.Shape.Rank == 3 ? t.Reshape(t.Shape[0] * t.Shape[1], t.Shape[2]) : t;

    private static ScaledProduct Product(OperationCall call) => call switch
    {
        GroupedScaledLinearCall c => c.Product,
        IndexedScaledLinearCall c => c.Product,
        MaskedScaledLinearCall c => c.Product,
        _ => throw new ContractException($"{call.Operation} has no groups"),
    };

    private static int[] Groups(OperationCall call, int rows)
    {
        int[] groups = new int[rows];
        switch (call)
        {
            case GroupedLinearCall c:
                FromOffsets(c.Offsets, groups);
                break;
            case GroupedScaledLinearCall c:
                FromOffsets(c.Offsets, groups);
                break;
            case IndexedScaledLinearCall c:
                c.Groups.AsReadOnlySpan<int>().CopyTo(groups);
                break;
            case MaskedScaledLinearCall c:
                int each = Operands.Dim(c.Y, 1);
                for (int t = 0; t < rows; t++)
                    groups[t] = t % each < c.Counts.AsReadOnlySpan<int>()[t / each] ? t / each : -1;
                break;
        }

        return groups;
    }

    private static void FromOffsets(IReadOnlyList<int> offsets, int[] groups)
    {
        for (int g = 0; g < offsets.Count - 1; g++)
            Array.Fill(groups, g, offsets[g], offsets[g + 1] - offsets[g]);
    }

    private static int[] Offsets(int[] group, int count)
    {
        int[] offsets = new int[count + 1];
        for (int g = 0; g < count; g++)
            offsets[g + 1] = offsets[g] + group.Count(x => x == g);
        return offsets;
    }

    /// <summary>The scale of each of these rows of the weight.</summary>
    private Tensor RowScales(Tensor scales, int[] columns) =>
        Gather.Rows(scales, scales.Shape[0] == Columns ? columns : Array.ConvertAll(columns, n => n / ScaledProduct.ScaleBlock));

    private static Tensor Grid(Tensor t, int[] rows, int[] columns)
    {
        long[] map = GridElements(rows, columns, t.Shape[1]);
        return Gather.Rows(t, 1, map, rows.Length, columns.Length);
    }
}
