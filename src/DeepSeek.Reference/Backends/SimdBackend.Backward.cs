using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class SimdBackend : IBackwardBackend
{
    /// <inheritdoc/>
    public void EmbeddingBackward(Tensor dy, Tensor ids, Tensor dWeight)
    {
        (int T, int d) = BackwardChecks.Embedding(dy, ids, dWeight);
        // Rows of the table are the outputs: each id with all its positions, ascending.
        int[] order = new int[T];
        int[] keys = ids.AsReadOnlySpan<int>().ToArray();
        for (int t = 0; t < T; t++)
            order[t] = t;
        Array.Sort(order, (a, b) => keys[a] != keys[b] ? keys[a].CompareTo(keys[b]) : a.CompareTo(b));
        int[] starts = [.. Enumerable.Range(0, T).Where(i => i == 0 || keys[order[i]] != keys[order[i - 1]]), T];
        ForRows(starts.Length - 1, 16L * d, ElementGrain, ColumnSums.Floats(d), (from, to, scratch) =>
        {
            for (int i = from; i < to; i++)
            {
                ReadOnlySpan<int> positions = order.AsSpan(starts[i]..starts[i + 1]);
                Ops.Embedding.SimdBackwardRow(
                    dy.AsReadOnlySpan<float>(), positions, scratch, Operands.Target(dWeight, (long)keys[positions[0]] * d, d, []));
            }
        });
    }

    /// <inheritdoc/>
    public void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, float epsilon, Tensor dx, Tensor dWeight)
    {
        (int T, int n) = BackwardChecks.RmsNorm(dy, x, weight, dx, dWeight);
        if (T == 0 || n == 0)
            return;
        var normalised = new Tensor(DType.F32, T, n);
        // dx may be dy, which the sums still need: they are taken from x̂ and a copy then.
        Tensor kept = ReferenceEquals(dx, dy) || SameMemory(dx, dy) ? dy.Clone() : dy;
        ForRows(T, n, ElementGrain, 2L * n, (from, to, scratch) =>
        {
            ReadOnlySpan<float> w = Operands.Slice(weight, 0, n, scratch.AsSpan(n));
            for (int t = from; t < to; t++)
            {
                Ops.RmsNorm.SimdBackwardRow(
                    Operands.Slice(kept, (long)t * n, n, []), Operands.Slice(x, (long)t * n, n, []), w, epsilon,
                    Operands.Target(dx, (long)t * n, n, []), Operands.Target(normalised, (long)t * n, n, []), scratch.AsSpan(0, n));
            }
        });

        const int Width = 64;
        For((n + Width - 1) / Width, Math.Max(1, ElementGrain / (Width * T)), (from, to) =>
        {
            Span<float> lanes = new float[ColumnSums.Floats(Width)];
            Span<float> sum = stackalloc float[Width];
            for (int i = from; i < to; i++)
            {
                int k = i * Width;
                int count = Math.Min(Width, n - k);
                lanes.Clear();
                for (int t = 0; t < T; t++)
                    ColumnSums.AddProduct(lanes, t, Operands.Slice(kept, (long)t * n + k, count, []), Operands.Slice(normalised, (long)t * n + k, count, []));
                ColumnSums.Fold(lanes, sum[..count]);
                Span<float> dw = Operands.Target(dWeight, k, count, []);
                Ops.Add.Simd(dw, sum[..count], dw);
            }
        });
    }

    /// <inheritdoc/>
    public void RopeBackward(Tensor dy, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor dx)
    {
        (int T, int H, int D) = BackwardChecks.Rope(dy, positions, frequencies, attributes, dx);
        ForRows(T, (long)H * D, ElementGrain, Ops.Rope.ScratchFor(2 * Operands.Dim(frequencies, 0)), (from, to, scratch) =>
        {
            for (int t = from; t < to; t++)
            {
                Ops.Rope.SimdBackwardPosition(
                    Operands.Slice(dy, (long)t * H * D, H * D, []), H, D, positions.AsReadOnlySpan<int>()[t], frequencies.AsReadOnlySpan<float>(), attributes,
                    Operands.Target(dx, (long)t * H * D, H * D, []), scratch);
            }
        });
    }

    /// <inheritdoc/>
    public void ExpandKeysBackward(Tensor dKeys, Tensor dValues, Tensor dKv, Tensor dKPe)
    {
        (int T, int H, int dn, int dr, int dv) = BackwardChecks.ExpandKeys(dKeys, dValues, dKv, dKPe);
        For(T, TokenBlock, (from, to) =>
        {
            for (int t = from; t < to; t++)
            {
                Ops.ExpandKeys.DefineBackward(
                    Operands.Slice(dKeys, (long)t * H * (dn + dr), H * (dn + dr), []), Operands.Slice(dValues, (long)t * H * dv, H * dv, []), H,
                    Operands.Target(dKv, (long)t * H * (dn + dv), H * (dn + dv), []), Operands.Target(dKPe, (long)t * dr, dr, []));
            }
        });
    }

    /// <inheritdoc/>
    public void AttentionBackward(
        Tensor q, Tensor keys, Tensor values, Tensor y, Tensor logSumExp, Tensor dy, AttentionAttributes attributes, Tensor dq, Tensor dKeys, Tensor dValues)
    {
        AttentionShape shape = BackwardChecks.Attention(q, keys, values, y, logSumExp, dy, attributes, dq, dKeys, dValues);
        var io = new AttentionGradients(q, keys, values, y, logSumExp, dy, shape, attributes, dq, dKeys, dValues);
        bool lanes = attributes.Accumulation == Accumulation.Lanes16;
        For(shape.H, 1, (from, to) =>
        {
            for (int h = from; h < to; h++)
            {
                if (lanes)
                {
                    Ops.Attention.SimdBackwardHead(io, h);
                    continue;
                }

                Ops.Attention.DefineBackwardHead(
                    q.AsReadOnlySpan<float>(), keys.AsReadOnlySpan<float>(), values.AsReadOnlySpan<float>(), y.AsReadOnlySpan<float>(),
                    logSumExp.AsReadOnlySpan<float>(), dy.AsReadOnlySpan<float>(), h, shape, attributes, dq.AsSpan<float>(), dKeys.AsSpan<float>(), dValues.AsSpan<float>());
            }
        });
    }

    /// <inheritdoc/>
    public void SwiGluBackward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp)
    {
        BackwardChecks.SwiGlu(dy, gate, up, dGate, dUp);
        ForChunks(dy.ElementCount, FunctionGrain, 0, (start, count, _) => Ops.SwiGlu.SimdBackward(
            Operands.Slice(dy, start, count, []), Operands.Slice(gate, start, count, []), Operands.Slice(up, start, count, []),
            Operands.Target(dGate, start, count, []), Operands.Target(dUp, start, count, [])));
    }

    /// <inheritdoc/>
    public void MtpInputBackward(Tensor dy, MtpConcat order, Tensor dEmbedding, Tensor dHidden)
    {
        (int T, int d) = BackwardChecks.MtpInput(dy, order, dEmbedding, dHidden);
        For(T, Math.Max(1, ElementGrain / Math.Max(1, d)), (from, to) => Ops.MtpInput.DefineBackward(
            Operands.Slice(dy, 2L * from * d, 2 * (to - from) * d, []), d, order,
            Operands.Target(dEmbedding, (long)from * d, (to - from) * d, []), Operands.Target(dHidden, (long)from * d, (to - from) * d, [])));
    }

    /// <inheritdoc/>
    public void CrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor statistics)
    {
        (int T, int V) = BackwardChecks.CrossEntropy(logits, targets, losses, statistics);
        ForRows(T, V, FunctionGrain, V, (from, to, scratch) =>
        {
            Span<float> stat = statistics.AsSpan<float>();
            for (int t = from; t < to; t++)
            {
                (float loss, stat[2 * t], stat[2 * t + 1]) = Ops.CrossEntropy.SimdRow(Operands.Slice(logits, (long)t * V, V, []), targets.AsReadOnlySpan<int>()[t], scratch);
                losses.AsSpan<float>()[t] = loss;
            }
        });
    }

    /// <inheritdoc/>
    public void CrossEntropyBackward(Tensor logits, int first, Tensor targets, Tensor statistics, float scale, Tensor dLogits)
    {
        (int T, int n) = BackwardChecks.CrossEntropyBackward(logits, targets, statistics, dLogits);
        ForRows(T, n, FunctionGrain, 0, (from, to, _) =>
        {
            ReadOnlySpan<float> stat = statistics.AsReadOnlySpan<float>();
            for (int t = from; t < to; t++)
            {
                Ops.CrossEntropy.SimdGradientRow(
                    Operands.Slice(logits, (long)t * n, n, []), first, targets.AsReadOnlySpan<int>()[t], stat[2 * t], stat[2 * t + 1], scale,
                    Operands.Target(dLogits, (long)t * n, n, []));
            }
        });
    }

    /// <inheritdoc/>
    public void BalanceLoss(Tensor scores, Tensor indices, float alpha, Tensor loss, Tensor dScores)
    {
        (int E, int K) = BackwardChecks.BalanceLoss(scores, indices, loss, dScores);
        loss.AsSpan<float>()[0] = Ops.BalanceLoss.Define(
            scores.AsReadOnlySpan<float>(), indices.AsReadOnlySpan<int>(), E, K, alpha, dScores.AsSpan<float>());
    }

    private static bool SameMemory(Tensor a, Tensor b) => System.Runtime.CompilerServices.Unsafe.AreSame(ref a.ByteOrigin, ref b.ByteOrigin);
}
