using System.Buffers;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class SimdBackend
{
    /// <summary>Elements worth a thread of their own where an element costs about a nanosecond or less.</summary>
    private const int ElementGrain = 1 << 15;

    /// <summary>The same where an element costs a correctly rounded function.</summary>
    private const int FunctionGrain = 1 << 12;

    /// <inheritdoc/>
    public void Embedding(Tensor weight, Tensor ids, Tensor y)
    {
        (int T, int d) = OperandChecks.Embedding(weight, ids, y);
        ForRows(T, d, ElementGrain, d, (from, to, scratch) =>
        {
            for (int t = from; t < to; t++)
                Operands.Store(Operands.Slice(weight, OperandChecks.Id(ids, t) * d, d, scratch), y, (long)t * d);
        });
    }

    /// <inheritdoc/>
    public void Cast(Tensor x, Tensor y)
    {
        Operands.RequireFloat(x, "x");
        Operands.RequireOutput(y, "y", x.Shape.Dimensions);
        ForChunks(y.ElementCount, ElementGrain, 1, (start, count, scratch) => Operands.Store(Operands.Slice(x, start, count, scratch), y, start));
    }

    /// <inheritdoc/>
    public void Add(Tensor a, Tensor b, Tensor y)
    {
        OperandChecks.Elementwise(a, "a", b, "b", y);
        ForChunks(y.ElementCount, ElementGrain, 3, (start, count, scratch) =>
        {
            Span<float> result = Operands.Target(y, start, count, scratch);
            Ops.Add.Simd(Operands.Slice(a, start, count, scratch.AsSpan(count)), Operands.Slice(b, start, count, scratch.AsSpan(2 * count)), result);
            Operands.Commit(result, y, start);
        });
    }

    /// <inheritdoc/>
    public void RmsNorm(Tensor x, Tensor weight, float epsilon, RmsNormRounding rounding, Tensor y)
    {
        (int T, int n) = OperandChecks.RmsNorm(x, weight, rounding, y);
        ForRows(T, n, ElementGrain, 3L * n, (from, to, scratch) =>
        {
            ReadOnlySpan<float> w = Operands.Slice(weight, 0, n, scratch.AsSpan(2 * n));
            for (int t = from; t < to; t++)
            {
                Span<float> result = Operands.Target(y, (long)t * n, n, scratch);
                Ops.RmsNorm.Simd(Operands.Slice(x, (long)t * n, n, scratch.AsSpan(n)), w, epsilon, rounding, result);
                Operands.Commit(result, y, (long)t * n);
            }
        });
    }

    /// <inheritdoc/>
    public void Rope(Tensor x, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor y)
    {
        (int T, int H, int D) = OperandChecks.Rope(x, positions, frequencies, attributes, y);
        long rowLength = (long)H * D;
        ForRows(T, rowLength, FunctionGrain, 2 * rowLength + Ops.Rope.ScratchFor(2 * Operands.Dim(frequencies, 0)), (from, to, scratch) =>
        {
            int n = H * D;
            ReadOnlySpan<int> at = positions.AsReadOnlySpan<int>();
            ReadOnlySpan<float> f = frequencies.AsReadOnlySpan<float>();
            for (int t = from; t < to; t++)
            {
                Span<float> result = Operands.Target(y, (long)t * n, n, scratch);
                ReadOnlySpan<float> row = Operands.Slice(x, (long)t * n, n, scratch.AsSpan(n));
                Ops.Rope.SimdPosition(row, H, D, at[t], f, attributes, result, scratch.AsSpan(2 * n));
                Operands.Commit(result, y, (long)t * n);
            }
        });
    }

    /// <inheritdoc/>
    public void SwiGlu(Tensor gate, Tensor up, SwiGluRounding rounding, Tensor y)
    {
        OperandChecks.SwiGlu(gate, up, rounding, y);
        ForChunks(y.ElementCount, FunctionGrain, 3, (start, count, scratch) =>
        {
            Span<float> result = Operands.Target(y, start, count, scratch);
            Ops.SwiGlu.Simd(Operands.Slice(gate, start, count, scratch.AsSpan(count)), Operands.Slice(up, start, count, scratch.AsSpan(2 * count)), rounding, result);
            Operands.Commit(result, y, start);
        });
    }

    /// <inheritdoc/>
    public void Softmax(Tensor x, Tensor y)
    {
        (int T, int n) = OperandChecks.Rows(x, y);
        ForRows(T, n, FunctionGrain, 2L * n, (from, to, scratch) =>
        {
            for (int t = from; t < to; t++)
            {
                Span<float> result = Operands.Target(y, (long)t * n, n, scratch);
                Ops.Softmax.Simd(Operands.Slice(x, (long)t * n, n, scratch.AsSpan(n)), n, result);
                Operands.Commit(result, y, (long)t * n);
            }
        });
    }

    /// <inheritdoc/>
    public void LogSoftmax(Tensor x, Tensor y)
    {
        (int T, int n) = OperandChecks.Rows(x, y);
        ForRows(T, n, FunctionGrain, 3L * n, (from, to, scratch) =>
        {
            for (int t = from; t < to; t++)
            {
                Span<float> result = Operands.Target(y, (long)t * n, n, scratch);
                Ops.LogSoftmax.SimdRow(Operands.Slice(x, (long)t * n, n, scratch.AsSpan(n)), result, scratch.AsSpan(2 * n));
                Operands.Commit(result, y, (long)t * n);
            }
        });
    }

    /// <inheritdoc/>
    public void MtpInput(Tensor embedding, Tensor hidden, MtpConcat order, Tensor y)
    {
        (int T, int d) = OperandChecks.MtpInput(embedding, hidden, order, y);
        (Tensor first, Tensor second) = order == MtpConcat.EmbeddingFirst ? (embedding, hidden) : (hidden, embedding);
        ForRows(T, 2L * d, ElementGrain, d, (from, to, scratch) =>
        {
            for (int t = from; t < to; t++)
            {
                Operands.Store(Operands.Slice(first, (long)t * d, d, scratch), y, 2L * t * d);
                Operands.Store(Operands.Slice(second, (long)t * d, d, scratch), y, (2L * t + 1) * d);
            }
        });
    }

    /// <summary>Runs body(from, to, scratch) over rows of <paramref name="rowLength"/> elements, with floats of scratch for each call.</summary>
    /// <exception cref="ShapeException">Rows so long that their scratch fits no array.</exception>
    private void ForRows(int rows, long rowLength, int elementGrain, long scratchLength, Action<int, int, float[]> body)
    {
        if (scratchLength > Array.MaxLength)
            throw new ShapeException($"a row of {rowLength} elements needs {scratchLength} values of scratch, more than an array holds; take shorter rows");
        For(rows, (int)Math.Max(1, elementGrain / Math.Max(1, rowLength)), (from, to) =>
        {
            float[] scratch = ArrayPool<float>.Shared.Rent((int)scratchLength);
            body(from, to, scratch);
            ArrayPool<float>.Shared.Return(scratch);
        });
    }

    /// <summary>Runs body(start, count, scratch) over chunks of a tensor's elements, with scratch for a number of chunks.</summary>
    private void ForChunks(long elements, int elementGrain, int scratchChunks, Action<long, int, float[]> body)
    {
        const int Chunk = 1 << 11;
        int chunks = checked((int)((elements + Chunk - 1) / Chunk));
        For(chunks, Math.Max(1, elementGrain / Chunk), (from, to) =>
        {
            float[] scratch = ArrayPool<float>.Shared.Rent(scratchChunks * Chunk);
            for (int i = from; i < to; i++)
                body((long)i * Chunk, (int)Math.Min(Chunk, elements - (long)i * Chunk), scratch);
            ArrayPool<float>.Shared.Return(scratch);
        });
    }
}
