using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Faulty;

internal static partial class Bugs
{
    private const string Dgrad = "linear_dgrad[t=16,n=256,k=64]";
    private const string Wgrad = "linear_wgrad[t=256,n=16,k=64]";

    /// <summary>Twelve rows of nine experts: several have none.</summary>
    private const string Sparse = "grouped_linear_wgrad[r=12,g=9,n=8,k=16]";

    private const string Grouped = "grouped_linear_wgrad[r=64,g=4,n=8,k=16]";

    /// <summary>The products of the backward: signs, terms, what is summed over, and what the result is added to.</summary>
    private static IEnumerable<Variant> BackwardProducts()
    {
        yield return Variant.After<LinearDgradCall>("dgrad-wrong-sign", "The gradient of the input has the other sign.", [Dgrad], c => c.Dx, (_, dx) => Negate(dx));
        yield return Variant.Instead<LinearDgradCall>("dgrad-last-feature-dropped", "The last out-feature takes no part.", [Dgrad], c => c with { Dy = WithoutTail(c.Dy, 1) });
        yield return Variant.Instead<LinearDgradCall>("dgrad-weight-transposed", "A square weight is read as its transpose: y = x Wᵀ once more.", ["linear_dgrad[t=8,n=64,k=64]"],
            c => c with { Weight = Values.Gather(c.Weight, (row, column) => (column, row)) });
        yield return Variant.Instead<LinearDgradCall>("dgrad-gradient-bf16", "The gradient is rounded to bfloat16 before the product.", [Dgrad],
            c => c with { Dy = Values.Map(c.Dy, BFloat16.RoundToFloat) });
        yield return Variant.After<LinearWgradCall>("wgrad-wrong-sign", "The product is subtracted from C.", [Wgrad],
            c => c.DWeight, (c, d) => Combine(d, Values.Of(c.C), (sum, start) => start - (sum - start)));
        yield return Variant.Instead<LinearWgradCall>("wgrad-last-position-dropped", "The last position takes no part.", [Wgrad], c => c with { Dy = WithoutLastRow(c.Dy) });
        yield return Variant.Instead<LinearWgradCall>("wgrad-stored-not-added", "The product is stored: C is lost.", [Wgrad], c => c with { C = Values.Like(c.C) });
        yield return Variant.Instead<LinearWgradCall>("wgrad-c-added-twice", "C is added twice.", [Wgrad], c => c with { C = Values.Map(c.C, x => 2 * x) });
        yield return Variant.Instead<LinearWgradCall>("wgrad-c-bf16", "C is rounded to bfloat16 before the addition.", [Wgrad], c => c with { C = Values.Map(c.C, BFloat16.RoundToFloat) });
        yield return Variant.Of<LinearWgradCall>("wgrad-adds-to-the-buffer", "The product is added to what the output's memory held, not to C.", [Wgrad],
            (c, run) => run.Right(c with { C = c.DWeight.Clone() }));
        yield return Variant.Of<LinearWgradCall>("wgrad-accumulates-across-calls", "The buffer of sums is not cleared between calls: each call adds to the one before.", [Wgrad], Accumulating);
        yield return Variant.After<LinearWgradCall>("wgrad-mean-of-positions", "The mean over the positions is added, not their sum.", [Wgrad],
            c => c.DWeight, (c, d) => Combine(d, Values.Of(c.C), (sum, start) => start + (sum - start) / c.Dy.Shape[0]));
        yield return Variant.Of<GroupedLinearWgradCall>("k-grouped-empty-zeroed", "A group without rows gets zeros in place of C.", [Sparse],
            (c, run) => OfEmpty(c, run, d => d.AsSpan<float>().Clear()));
        yield return Variant.Of<GroupedLinearWgradCall>("k-grouped-empty-unwritten", "Nothing is written for a group without rows, where C must stand.", [Sparse],
            (c, run) =>
            {
                Tensor[] before = [.. c.DWeights.Select(d => d.Clone())];
                OfEmpty(c, run, (d, g) => before[g].CopyTo(d));
            });
        yield return Variant.Instead<GroupedLinearWgradCall>("k-grouped-offset-late", "Each group begins one row too late: its first row counts for the group before.", [Grouped],
            c => c with { Offsets = [.. c.Offsets.Select((o, g) => g > 0 && g < c.Offsets.Count - 1 ? Math.Min(o + 1, c.Offsets[^1]) : o)] });
        yield return Variant.Of<GroupedLinearWgradCall>("k-grouped-sums-all-rows", "Every group's sum is over the rows of all.", [Grouped],
            (c, run) =>
            {
                for (int g = 0; g < c.C.Count; g++)
                    run.Right(new LinearWgradCall(c.Dy, c.X, c.C[g], c.Accumulation, c.DWeights[g]));
            });
        yield return Variant.Instead<GroupedLinearWgradCall>("k-grouped-c-of-first", "Every group is added to the first group's C.", [Grouped], c => c with { C = [.. c.C.Select(_ => c.C[0])] });
        yield return Variant.Instead<GroupedLinearDgradCall>("grouped-dgrad-last-group-wrong", "The last group meets the weights of the group before.", ["grouped_linear_dgrad[r=40,g=4,n=64,k=32]"],
            c => c with { Weights = [.. c.Weights.Take(c.Weights.Count - 1), c.Weights[^2]] });
    }

    private static void Negate(float[] values) => System.Numerics.Tensors.TensorPrimitives.Negate(values, values);

    private static void Combine(float[] values, float[] others, Func<float, float, float> with)
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = with(values[i], others[i]);
    }

    private static Tensor WithoutLastRow(Tensor t) => Values.With(t, values => values.AsSpan(values.Length - (int)t.Shape[1]).Clear());

    private static void Accumulating(LinearWgradCall c, VariantRun run)
    {
        run.Right(run.Kept.TryGetValue("sum", out Tensor? kept) && kept.Shape == c.C.Shape ? c with { C = kept } : c);
        run.Kept["sum"] = c.DWeight.Clone();
    }

    private static void OfEmpty(GroupedLinearWgradCall c, VariantRun run, Action<Tensor> then) => OfEmpty(c, run, (d, _) => then(d));

    private static void OfEmpty(GroupedLinearWgradCall c, VariantRun run, Action<Tensor, int> then)
    {
        run.Right(c);
        for (int g = 0; g < c.DWeights.Count; g++)
        {
            if (c.Offsets[g] == c.Offsets[g + 1])
                then(c.DWeights[g], g);
        }
    }
}
