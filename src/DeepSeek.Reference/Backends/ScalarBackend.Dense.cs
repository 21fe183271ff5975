using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class ScalarBackend
{
    /// <summary>Elements that a definition is given at once, where a row is not longer.</summary>
    private const int BlockElements = 1 << 14;

    /// <inheritdoc/>
    public void Embedding(Tensor weight, Tensor ids, Tensor y)
    {
        (int T, int d) = OperandChecks.Embedding(weight, ids, y);
        float[] row = new float[d];
        for (int t = 0; t < T; t++)
            Operands.Store(Operands.Slice(weight, OperandChecks.Id(ids, t) * d, d, row), y, (long)t * d);
    }

    /// <inheritdoc/>
    public void Cast(Tensor x, Tensor y)
    {
        Operands.RequireFloat(x, "x");
        Operands.RequireOutput(y, "y", x.Shape.Dimensions);
        InBlocks(y.ElementCount, 1, (start, count) => Operands.Store(Operands.Widen(x, start, count), y, start));
    }

    /// <inheritdoc/>
    public void Add(Tensor a, Tensor b, Tensor y)
    {
        OperandChecks.Elementwise(a, "a", b, "b", y);
        InBlocks(y.ElementCount, 1, (start, count) =>
        {
            float[] result = new float[count];
            Ops.Add.Define(Operands.Widen(a, start, count), Operands.Widen(b, start, count), result);
            Operands.Store(result, y, start);
        });
    }

    /// <inheritdoc/>
    public void RmsNorm(Tensor x, Tensor weight, float epsilon, RmsNormRounding rounding, Tensor y)
    {
        (int T, int n) = OperandChecks.RmsNorm(x, weight, rounding, y);
        InBlocks(T, n, (start, count) =>
        {
            float[] result = new float[count];
            Ops.RmsNorm.Define(Operands.Widen(x, start, count), Operands.Widen(weight), epsilon, rounding, result);
            Operands.Store(result, y, start);
        });
    }

    /// <inheritdoc/>
    public void Rope(Tensor x, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor y)
    {
        (int T, int H, int D) = OperandChecks.Rope(x, positions, frequencies, attributes, y);
        InBlocks(T, (long)H * D, (start, count) =>
        {
            float[] result = new float[count];
            int n = Math.Max(1, H * D);
            ReadOnlySpan<int> at = positions.AsReadOnlySpan<int>().Slice((int)(start / n), count / n);
            Ops.Rope.Define(Operands.Widen(x, start, count), H, D, at, frequencies.AsReadOnlySpan<float>(), attributes, result);
            Operands.Store(result, y, start);
        });
    }

    /// <inheritdoc/>
    public void SwiGlu(Tensor gate, Tensor up, SwiGluRounding rounding, Tensor y)
    {
        OperandChecks.SwiGlu(gate, up, rounding, y);
        InBlocks(y.ElementCount, 1, (start, count) =>
        {
            float[] result = new float[count];
            Ops.SwiGlu.Define(Operands.Widen(gate, start, count), Operands.Widen(up, start, count), rounding, result);
            Operands.Store(result, y, start);
        });
    }

    /// <inheritdoc/>
    public void Softmax(Tensor x, Tensor y)
    {
        (int T, int n) = OperandChecks.Rows(x, y);
        InBlocks(T, n, (start, count) =>
        {
            float[] result = new float[count];
            Ops.Softmax.Define(Operands.Widen(x, start, count), n, result);
            Operands.Store(result, y, start);
        });
    }

    /// <inheritdoc/>
    public void LogSoftmax(Tensor x, Tensor y)
    {
        (int T, int n) = OperandChecks.Rows(x, y);
        InBlocks(T, n, (start, count) =>
        {
            float[] result = new float[count];
            Ops.LogSoftmax.Define(Operands.Widen(x, start, count), n, result);
            Operands.Store(result, y, start);
        });
    }

    /// <inheritdoc/>
    public void MtpInput(Tensor embedding, Tensor hidden, MtpConcat order, Tensor y)
    {
        (int T, int d) = OperandChecks.MtpInput(embedding, hidden, order, y);
        InBlocks(T, 2L * d, (start, count) =>
        {
            float[] result = new float[count];
            Ops.MtpInput.Define(Operands.Widen(embedding, start / 2, count / 2), Operands.Widen(hidden, start / 2, count / 2), d, order, result);
            Operands.Store(result, y, start);
        });
    }

    /// <summary>Runs body(first element, elements) over blocks of whole rows, so that tensors may have more elements than a span. Rows are independent (rule N1).</summary>
    /// <exception cref="ShapeException">A single row has more elements than a span.</exception>
    private static void InBlocks(long rows, long rowLength, Action<long, int> body)
    {
        if (rowLength > Array.MaxLength)
            throw new ShapeException($"a row of {rowLength} elements is longer than the {Array.MaxLength} that a definition takes");
        long block = Math.Max(1, BlockElements / Math.Max(1, rowLength));
        for (long t = 0; t < rows; t += block)
            body(t * rowLength, (int)(Math.Min(block, rows - t) * rowLength));
    }
}
