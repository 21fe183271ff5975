using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>How large the errors of other orders of the same sums are, where the declared order is one that no GPU kernel shares.</summary>
/// <remarks>
/// A sum declared as sixteen lanes or as one chain may come from any kernel that adds in binary32: then the size of its error is not that of the emulation, and eight orders are
/// computed on a sample: a chain of fma over k ascending, descending, and over six random permutations of k. A chain is the worst of what kernels do, for its rounding errors
/// are those of partial sums of full size. Operations that are more than a sum (norms, softmax, attention, gates, combinations) are made by eight correct backends of another
/// make (<see cref="VariantBackend"/>): other orders, functions some ulp off, online softmax. Their errors are shared by rows: one reciprocal root is off for all elements. What a matrix unit sums is fixed by the unit up to the order of its instructions, which moves the size of errors by less than a
/// hundredth (docs/spec/noise.md); a sum declared as exact or in binary64 binds to that. There the emulation alone is the measure.
/// </remarks>
internal static class LegitimateOrders
{
    private const int Orders = 8;
    private const double Work = 1 << 24;

    // Variants are written plainly, at some 10^8 multiply-adds a second. Errors that rows share take several rows to know, and long rows leave time for few.
    private const double VariantWork = 1 << 20;
    private const double LongRow = 1 << 17;
    private const double LongestRow = 1 << 24;
    private const int LeastRows = 24;

    // Standard errors by which the mean over a sample's rows may be off that over all rows.
    private const double RowMeanErrors = 3;

    private static readonly SumOrder[] Variants =
        [SumOrder.Lanes16, SumOrder.Sequential, SumOrder.Reversed, SumOrder.Pairwise, SumOrder.Random, SumOrder.Random, SumOrder.SplitK2, SumOrder.SplitK4];

    /// <summary>What the worst order does on an output.</summary>
    public static OrderAllowance Of(OperationCall call, CallSampler? sampler, string output, ulong seed)
    {
        bool shared = HasVariants(call);
        if (sampler is null || sampler.Rows == 0 || sampler.Columns == 0 || !(shared || (Has(call) && call.Sum.Kind is AccumulationKind.Lanes16 or AccumulationKind.Sequential)))
            return OrderAllowance.None;
        double most = (shared ? VariantWork : Work) / Math.Max(1, sampler.Work);
        (int[] rows, int[] columns) = new SamplePlan(sampler, seed).Uniform((long)Math.Clamp(most, shared && sampler.Work < LongestRow ? LeastRows : 1, 4096));
        var worst = OrderAllowance.None;
        CallSample[] samples = [.. sampler.Take(rows, columns)];
        int orders = shared && sampler.Work > LongRow ? Orders / 2 : Orders;
        for (int order = 0; order < orders; order++)
        {
            var errors = new OrderErrors();
            bool any = false;
            foreach (CallSample sample in samples)
            {
                OperationCall inOrder = shared ? Scheduled(sample.Call, order) : InOrder(sample.Call, order, seed);
                any |= shared || !ReferenceEquals(inOrder, sample.Call);
                if (YardstickOf.Value(sample.Call, output) is { } yardstick)
                    errors.Add(sample.Call[output].DType, inOrder, output, yardstick, shared ? new VariantBackend(Variants[order], unchecked((int)seed + order)) : new SimdBackend());
            }

            if (!any)
                break;
            OrderAllowance one = errors.Allowance();
            worst = OrderAllowance.Worse(worst, shared ? one : one with { RowBias = 0, RowMean = 0, RowMeanSquare = 0, RowRate = 0 });
        }

        return worst;
    }

    private static bool Has(OperationCall call) => call is LinearCall or GroupedLinearCall or AbsorbQueryCall or AbsorbOutputCall
        or ScaledLinearCall or GroupedScaledLinearCall or IndexedScaledLinearCall or MaskedScaledLinearCall
        or LinearDgradCall or LinearWgradCall or GroupedLinearDgradCall or GroupedLinearWgradCall;

    /// <summary>Whether variants make it. Attention under a contract too, whatever unit it names: its rows share denominators, and its blocks may be taken otherwise.</summary>
    private static bool HasVariants(OperationCall call) => call switch
    {
        AttentionCall c when c.Attributes.Resolved().Contract is not null => true,
        AttentionCall or RmsNormCall or SwiGluCall or RopeCall or SoftmaxCall or LogSoftmaxCall or GateCall or CombineCall
            or EmbeddingBackwardCall or RmsNormBackwardCall or SwiGluBackwardCall or RopeBackwardCall or ExpandKeysBackwardCall or DispatchBackwardCall or CombineBackwardCall
            or CrossEntropyCall or CrossEntropyBackwardCall or AttentionBackwardCall or GateBackwardCall or BalanceLossCall =>
            call.Sum.Kind is AccumulationKind.Lanes16 or AccumulationKind.Sequential,
        _ => false,
    };

    /// <summary>Every other variant of an attention in binary32 throughout leaves the declared blocks: no rounding hangs on them.</summary>
    private static OperationCall Scheduled(OperationCall call, int order) =>
        order % 2 == 1 && call is AttentionCall { Attributes.Contract: { Weights: DType.F32, Scores: ScoreRounding.None, Partials: DType.F32, MaskValue: null } contract } c
        && float.IsNegativeInfinity(contract.InitialMaximum) && IsBinary32(contract.QueryKey) && IsBinary32(contract.WeightValue)
            ? c with { Attributes = c.Attributes with { Contract = null } }
            : call;

    private static bool IsBinary32(Accumulation sum) => sum.Kind is AccumulationKind.Lanes16 or AccumulationKind.Sequential;

    /// <summary>The call with its sums as one chain, k permuted where the operands can be; the call itself where there are no more orders to be had.</summary>
    private static OperationCall InOrder(OperationCall call, int order, ulong seed) => call switch
    {
        LinearCall c => c with { X = Permuted(c.X, order, seed), Weight = Permuted(c.Weight, order, seed), Accumulation = Accumulation.Sequential },
        GroupedLinearCall c => c with { X = Permuted(c.X, order, seed), Weights = [.. c.Weights.Select(w => Permuted(w, order, seed))], Accumulation = Accumulation.Sequential },
        LinearDgradCall c => c with { Dy = Permuted(c.Dy, order, seed), Weight = RowsPermuted(c.Weight, order, seed, null), Accumulation = Accumulation.Sequential },
        GroupedLinearDgradCall c => c with { Dy = Permuted(c.Dy, order, seed), Weights = [.. c.Weights.Select(w => RowsPermuted(w, order, seed, null))], Accumulation = Accumulation.Sequential },
        LinearWgradCall c => c with { Dy = RowsPermuted(c.Dy, order, seed, null), X = RowsPermuted(c.X, order, seed, null), Accumulation = Accumulation.Sequential },
        GroupedLinearWgradCall c => c with { Dy = RowsPermuted(c.Dy, order, seed, c.Offsets), X = RowsPermuted(c.X, order, seed, c.Offsets), Accumulation = Accumulation.Sequential },
        AbsorbQueryCall c when order == 0 => c with { Accumulation = Accumulation.Sequential },
        AbsorbOutputCall c when order == 0 => c with { Accumulation = Accumulation.Sequential },
        ScaledLinearCall c when Chain(c.Product, order) is { } p => c with { Product = p },
        GroupedScaledLinearCall c when Chain(c.Product, order) is { } p => c with { Product = p },
        IndexedScaledLinearCall c when Chain(c.Product, order) is { } p => c with { Product = p },
        MaskedScaledLinearCall c when Chain(c.Product, order) is { } p => c with { Product = p },
        _ => call,
    };

    /// <summary>The sums of runs as a chain, and as sixteen lanes; runs and their promotion are declared.</summary>
    private static ScaledProduct? Chain(ScaledProduct product, int order) => order switch
    {
        0 => product with { Block = Accumulation.Sequential },
        1 => product with { Block = Accumulation.Lanes16 },
        _ => null,
    };

    private static Tensor Permuted(Tensor t, int order, ulong seed)
    {
        int rows = Operands.Dim(t, 0), K = Operands.Dim(t, 1);
        if (order == 0)
            return t;
        int[] from = [.. Enumerable.Range(0, K)];
        if (order == 1)
            Array.Reverse(from);
        else
            Shuffle(from, new RandomStream(seed, "order", (uint)order));
        var wide = new float[rows * K];
        float[] scratch = new float[K];
        for (int r = 0; r < rows; r++)
        {
            ReadOnlySpan<float> row = Operands.Slice(t, (long)r * K, K, scratch);
            for (int k = 0; k < K; k++)
                wide[r * K + k] = row[from[k]];
        }

        return Tensor.From(wide, rows, K);
    }

    /// <summary>The same of the rows, where the sum is over those: of each group's among themselves.</summary>
    private static Tensor RowsPermuted(Tensor t, int order, ulong seed, IReadOnlyList<int>? offsets)
    {
        if (order == 0)
            return t;
        var from = new List<int>();
        offsets ??= [0, Operands.Dim(t, 0)];
        for (int g = 0; g + 1 < offsets.Count; g++)
        {
            int[] rows = [.. Enumerable.Range(offsets[g], offsets[g + 1] - offsets[g])];
            if (order == 1)
                Array.Reverse(rows);
            else
                Shuffle(rows, new RandomStream(seed, "order", (uint)order));
            from.AddRange(rows);
        }

        return Gather.Rows(t, from.ToArray());
    }

    private static void Shuffle(int[] items, RandomStream random)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = (int)((ulong)random.Word((ulong)i) * (ulong)(i + 1) >> 32);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    /// <summary>Sums over the errors of a row.</summary>
    private readonly record struct RowErrors(int Count, double Square, double Off, double Signed);

    /// <summary>Errors of one order on a sample, before the rounding to the output and after it.</summary>
    private sealed class OrderErrors
    {
        private readonly Dictionary<long, RowErrors> byRow = [];
        private double count, square, fourth, off, offSquare, largest;
        private long rows;

        public void Add(DType output, OperationCall inOrder, string name, Yardstick yardstick, IBackend backend)
        {
            // In binary32, so that errors below a bfloat16 output's rounding are seen too; a later stage is measured on the variant's own earlier ones.
            bool staged = Stages.Before(inOrder, name).Count > 0;
            OperationCall wide = inOrder.Replace(o => o.Role == OperandRole.Input ? o.Tensor : new Tensor(o.Tensor.DType == DType.BF16 && !staged ? DType.F32 : o.Tensor.DType, o.Tensor.Shape));
            wide.Run(backend);
            yardstick = staged ? YardstickOf.Value(wide, name)! : yardstick;
            Tensor y = wide[name];
            long[] index = [.. Enumerable.Range(0, checked((int)y.ElementCount)).Select(i => (long)i)];
            double[] values = Array.ConvertAll(index, i => ElementReader.Value(y, i));
            var measured = new Measurement[index.Length];
            yardstick.Measure(index, measured);
            var elements = new JudgedElements(output, y.Shape[^1], index, values, values, measured);
            for (int i = 0; i < elements.Count; i++)
            {
                if (!elements.IsMeasurable(i))
                    continue;
                (double mean, double share) = AddOne(elements, i, y.DType == output);
                double error = elements.Actual[i] - (y.DType == output ? elements.Rounded[i] : elements.Exact[i]);
                ref RowErrors row = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(byRow, rows + elements.Index[i] / elements.Columns, out _);
                row = new RowErrors(row.Count + 1, row.Square + mean, row.Off + share, row.Signed + Math.Sign(elements.Exact[i]) * error / elements.Scale(i));
            }

            rows += y.ElementCount / elements.Columns;
        }

        /// <summary>
        /// An error ε below the output's unit ω moves a result to its neighbour with probability |ε|/ω, the exact result lying anywhere between two of them: that expectation
        /// is smoother than the few elements of a sample that do move.
        /// </summary>
        private (double Mean, double Share) AddOne(JudgedElements e, int i, bool stored)
        {
            double ulp = StoredValue.Ulp(e.Rounded[i], e.DType), scale = e.Scale(i);
            double error = Math.Abs(e.Actual[i] - (stored ? e.Rounded[i] : e.Exact[i]));
            double share = Math.Min(1, error / ulp);
            double mean = stored ? error * error : Math.Max(error * error, error * ulp);
            largest = Math.Max(largest, Outlier.Left(e, i, e.Actual[i]));
            count++;
            square += mean / (scale * scale);
            fourth += mean / (scale * scale) * (mean / (scale * scale));
            off += share;
            offSquare += share * share;
            return (mean / (scale * scale), share);
        }

        /// <summary>The means and five standard errors of them.</summary>
        public OrderAllowance Allowance()
        {
            if (count == 0)
                return OrderAllowance.None;
            double rate = off / count, mean = square / count;
            double rowMean = byRow.Values.Average(r => r.Signed / r.Count), rowBias = Math.Sqrt(byRow.Values.Average(r => r.Signed / r.Count * (r.Signed / r.Count)));
            return new OrderAllowance(
                mean + NoiseLimits.Whole * Math.Sqrt(Math.Max(0, fourth / count - mean * mean) / count),
                Math.Min(1, rate + NoiseLimits.Whole * Math.Sqrt(Math.Max(0, offSquare / count - rate * rate) / count)),
                largest,
                rowBias,
                Math.Abs(rowMean) + RowMeanErrors * rowBias / Math.Sqrt(byRow.Count),
                byRow.Values.Max(r => r.Square / r.Count),
                byRow.Values.Max(r => r.Off / r.Count));
        }
    }
}
