namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>All contracts of a <see cref="LatticeDimensions"/>, and how many elements each has missed.</summary>
/// <remarks>
/// Sums of runs are computed once for a sum rule and a promotion, factors once for each scale step above them, accumulations once for each accumulator and split,
/// stores last; a branch in which no contract is left is not entered. So the first elements cost about a nanosecond a contract, and later ones almost nothing.
/// </remarks>
internal sealed class ProductLattice
{
    private const byte Dead = 255;

    private readonly ProductProblem problem;
    private readonly LatticeDimensions dims;
    private readonly byte[] misses;
    private readonly RunPlan[,] plans;
    private readonly int tail;
    private int tolerance;

    /// <summary>The lattice, every contract alive.</summary>
    /// <param name="problem">The product.</param>
    /// <param name="dims">Its coordinates.</param>
    public ProductLattice(ProductProblem problem, LatticeDimensions dims)
    {
        this.problem = problem;
        this.dims = dims;
        tail = dims.StartsFromC.Count * dims.Stores.Count;
        misses = new byte[dims.Size];
        plans = new RunPlan[dims.Promotions.Count, dims.Splits.Count];
        for (int p = 0; p < dims.Promotions.Count; p++)
        {
            for (int s = 0; s < dims.Splits.Count; s++)
                plans[p, s] = RunPlan.Of(problem.K, dims.Promotions[p].Length, dims.Splits[s].Parts, dims.Splits[s].Interleaved);
        }

        Parallel.For(0, dims.Sums.Count, StrikeMeaningless);
        Contracts = misses.Length - misses.AsSpan().Count(Dead);
    }

    /// <summary>Contracts at the start.</summary>
    public long Contracts { get; }

    /// <summary>Contracts that may still be the candidate's.</summary>
    public long Left => misses.Length - misses.AsSpan().Count(Dead);

    /// <summary>Whether there is one.</summary>
    public bool IsAny => IsAnyLeft(0, misses.Length);

    /// <summary>Tests all contracts that are left on one element.</summary>
    /// <param name="element">The element.</param>
    /// <param name="candidate">The candidate's value.</param>
    /// <param name="allowed">Elements that a contract may have missed by now, at most 100; it is out for good when it missed more.</param>
    public void Test(ProductElement element, float candidate, int allowed = 0)
    {
        tolerance = allowed;
        ProductTerms? inside = problem.ScalesArePowers ? element.ScaledTerms : null;
        Parallel.For(0, dims.Sums.Count, s => TestSum(s, dims.Sums[s].ScalesInside ? inside! : element.Terms, element, candidate));
    }

    /// <summary>The contracts that are left, those with the fewest misses first, then the most usual.</summary>
    public IReadOnlyList<(ProductContract Contract, int Misses)> Best(int most)
    {
        var found = new List<(long Index, int Misses)>();
        for (int m = 0; m <= tolerance && found.Count < most; m++)
        {
            for (long i = 0; i < misses.Length && found.Count < most; i++)
            {
                if (misses[i] == m)
                    found.Add((i, m));
            }
        }

        return [.. found.Select(f => (At(f.Index), f.Misses))];
    }

    private ProductContract At(long index)
    {
        StoreRule store = Take(dims.Stores);
        bool c = Take(dims.StartsFromC);
        SplitRule split = Take(dims.Splits);
        AccumulatorFormat accumulator = Take(dims.Accumulators);
        ScaleStep step = Take(dims.Steps);
        PromotionRule promotion = Take(dims.Promotions);
        return new ProductContract(dims.Sums[(int)index], promotion, step, accumulator, split, c, store);

        T Take<T>(IReadOnlyList<T> values)
        {
            T value = values[(int)(index % values.Count)];
            index /= values.Count;
            return value;
        }
    }

    private long Offset(int sum, int promotion, int step, int accumulator, int split) =>
        ((((((long)sum * dims.Promotions.Count) + promotion) * dims.Steps.Count + step) * dims.Accumulators.Count + accumulator) * dims.Splits.Count + split) * tail;

    private Span<byte> Slice(long from, long length) => misses.AsSpan(checked((int)from), checked((int)length));

    private bool IsAnyLeft(long from, long length) => Slice(from, length).IndexOfAnyExcept(Dead) >= 0;

    private void StrikeMeaningless(int sum)
    {
        for (int p = 0; p < dims.Promotions.Count; p++)
        {
            for (int t = 0; t < dims.Steps.Count; t++)
            {
                for (int a = 0; a < dims.Accumulators.Count; a++)
                {
                    for (int s = 0; s < dims.Splits.Count; s++)
                    {
                        if (!LatticeDimensions.IsMeaningful(problem, dims.Sums[sum], dims.Promotions[p], dims.Steps[t], dims.Accumulators[a], dims.Splits[s], plans[p, s]))
                            Slice(Offset(sum, p, t, a, s), tail).Fill(Dead);
                    }
                }
            }
        }
    }

    private void TestSum(int sum, ProductTerms terms, ProductElement element, float candidate)
    {
        long aSum = Offset(1, 0, 0, 0, 0), aPromotion = Offset(0, 1, 0, 0, 0);
        if (!IsAnyLeft(sum * aSum, aSum))
            return;
        var sums = new Dictionary<(int Length, int Parts), float[]>();
        for (int p = 0; p < dims.Promotions.Count; p++)
        {
            if (!IsAnyLeft(Offset(sum, p, 0, 0, 0), aPromotion))
                continue;
            for (int t = 0; t < dims.Steps.Count; t++)
            {
                if (IsAnyLeft(Offset(sum, p, t, 0, 0), Offset(0, 0, 1, 0, 0)))
                    TestStep(sum, p, t, terms, sums, element, candidate);
            }
        }
    }

    private void TestStep(int sum, int p, int t, ProductTerms terms, Dictionary<(int Length, int Parts), float[]> sums, ProductElement element, float candidate)
    {
        PromotionRule promotion = dims.Promotions[p];
        float[] u = [], v = [];
        RunPlan? last = null;
        for (int s = 0; s < dims.Splits.Count; s++)
        {
            // Runs depend on the split only where a part is one run.
            RunPlan plan = plans[p, s];
            bool entered = false;
            for (int a = 0; a < dims.Accumulators.Count; a++)
            {
                long from = Offset(sum, p, t, a, s);
                if (!IsAnyLeft(from, tail))
                    continue;
                if (!entered && (last is null || promotion.Length == 0))
                {
                    float[] d = Sums(sum, promotion.Length, dims.Splits[s].Parts, plan, terms, sums);
                    (u, v) = (new float[d.Length], new float[d.Length]);
                    ProductArithmetic.Factors(dims.Steps[t], promotion.Scale, element, plan, d, u, v);
                    last = plan;
                }

                entered = true;
                TestTail(Slice(from, tail), dims.Accumulators[a], dims.Splits[s], plan.Part, u, v, dims.Steps[t], element, candidate);
            }
        }
    }

    private float[] Sums(int sum, int length, int parts, RunPlan plan, ProductTerms terms, Dictionary<(int Length, int Parts), float[]> sums)
    {
        (int, int) key = (length, length == 0 ? parts : 1);
        if (sums.TryGetValue(key, out float[]? d))
            return d;
        d = new float[plan.Start.Length];
        for (int i = 0; i < d.Length; i++)
            d[i] = SumOfProducts.Evaluate(dims.Sums[sum], terms, plan.Start[i], plan.Count[i]);
        sums[key] = d;
        return d;
    }

    private void TestTail(Span<byte> left, AccumulatorFormat format, SplitRule split, int[] part, float[] u, float[] v, ScaleStep step, ProductElement element, float candidate)
    {
        int stores = dims.Stores.Count;
        for (int c = 0; c < dims.StartsFromC.Count; c++)
        {
            bool starts = dims.StartsFromC[c];
            float acc = ProductArithmetic.Accumulate(format, split, part, u, v, starts ? element.C : 0f);
            float y = ProductArithmetic.Finish(step, starts, element, acc);
            for (int s = 0; s < stores; s++)
            {
                ref byte missed = ref left[c * stores + s];
                float stored = ProductArithmetic.Store(dims.Stores[s], y, problem.Output);
                if (missed != Dead && BitConverter.SingleToUInt32Bits(stored) != BitConverter.SingleToUInt32Bits(candidate))
                    missed = missed < tolerance ? (byte)(missed + 1) : Dead;
            }
        }
    }
}
