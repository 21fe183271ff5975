using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>What happens to the sums of runs: scales, accumulator, split, C and store of a <see cref="ProductContract"/>.</summary>
internal static class ProductArithmetic
{
    /// <summary>The result of one contract on one element, as binary32.</summary>
    public static float Evaluate(ProductContract contract, ProductElement element, DType output)
    {
        RunPlan plan = RunPlan.Of(element.Terms.A.Length, contract.Promotion.Length, contract.Split.Parts, contract.Split.Interleaved);
        ProductTerms terms = contract.Sum.ScalesInside ? element.ScaledTerms : element.Terms;
        int runs = plan.Start.Length;
        float[] d = new float[runs];
        for (int i = 0; i < runs; i++)
            d[i] = SumOfProducts.Evaluate(contract.Sum, terms, plan.Start[i], plan.Count[i]);
        float[] u = new float[runs];
        float[] v = new float[runs];
        Factors(contract.Step, contract.Promotion.Scale, element, plan, d, u, v);
        float acc = Accumulate(contract.Accumulator, contract.Split, plan.Part, u, v, contract.StartsFromC ? element.C : 0f);
        return Store(contract.Store, Finish(contract.Step, contract.StartsFromC, element, acc), output);
    }

    /// <summary>Every step is acc = fma(u, v, acc) with one rounding: v is 1 where the product was rounded before.</summary>
    public static void Factors(ScaleStep step, RunScale whose, ProductElement element, RunPlan plan, ReadOnlySpan<float> d, Span<float> u, Span<float> v)
    {
        for (int i = 0; i < d.Length; i++)
        {
            (float sa, float sb) = element.ScalesAt(whose == RunScale.First ? plan.Start[i] : plan.Start[i] + plan.Count[i] - 1);
            (u[i], v[i]) = step switch
            {
                ScaleStep.ScalesFirstFused => (sa * sb, d[i]),
                ScaleStep.ScalesFirst => (d[i] * (sa * sb), 1f),
                ScaleStep.ActivationFirstFused => (d[i] * sa, sb),
                ScaleStep.ActivationFirst => (d[i] * sa * sb, 1f),
                ScaleStep.WeightFirstFused => (d[i] * sb, sa),
                ScaleStep.WeightFirst => (d[i] * sb * sa, 1f),
                ScaleStep.DividedByReciprocals => (d[i] / (1f / sa) / (1f / sb), 1f),
                ScaleStep.ScalesInBF16 => (BFloat16.RoundToFloat(sa * sb), d[i]),
                _ => (d[i], 1f),
            };
        }
    }

    /// <summary>Runs added part by part, then the parts in index order.</summary>
    public static float Accumulate(AccumulatorFormat format, SplitRule split, int[] part, ReadOnlySpan<float> u, ReadOnlySpan<float> v, float start)
    {
        Span<double> acc = stackalloc double[split.Parts];
        acc.Clear();
        acc[0] = start;
        int n = u.Length;
        for (int j = 0; j < n; j++)
        {
            int i = split.Descending ? n - 1 - j : j;
            ref double a = ref acc[split.Parts == 1 ? 0 : part[i]];
            a = format switch
            {
                AccumulatorFormat.F32 => MathF.FusedMultiplyAdd(u[i], v[i], (float)a),
                AccumulatorFormat.F32TowardZero => TowardZero(u[i], v[i], (float)a),
                AccumulatorFormat.FP22 => FractionCut.Truncate(TowardZero(u[i], v[i], (float)a), 10),
                AccumulatorFormat.BF16 => BFloat16.RoundToFloat(MathF.FusedMultiplyAdd(u[i], v[i], (float)a)),
                _ => a + (double)u[i] * v[i],
            };
        }

        if (split.Parts == 1)
            return (float)acc[0];
        float y = split.Combine == SplitCombine.F32 ? (float)acc[0] : BFloat16.RoundToFloat((float)acc[0]);
        for (int p = 1; p < split.Parts; p++)
        {
            float next = split.Combine == SplitCombine.F32 ? (float)acc[p] : BFloat16.RoundToFloat((float)acc[p]);
            y = split.Combine == SplitCombine.BF16 ? BFloat16.RoundToFloat(y + next) : y + next;
        }

        return y;
    }

    /// <summary>What follows the accumulation: late scales, then C.</summary>
    public static float Finish(ScaleStep step, bool startsFromC, ProductElement element, float acc)
    {
        if (step == ScaleStep.OnceAtTheEnd)
            acc = acc * element.ScalesOfA[0] * element.ScalesOfB[0];
        return startsFromC || !element.HasC ? acc : element.C + acc;
    }

    /// <summary>The stored value, widened to binary32.</summary>
    public static float Store(StoreRule rule, float y, DType output) => rule switch
    {
        StoreRule.Truncated => FractionCut.Truncate(y, 16),
        StoreRule.NearestAway => FractionCut.ToNearestAway(y, 16),
        StoreRule.ThroughBF16 => BFloat16.RoundToFloat(y),
        StoreRule.ThroughF16 => output == DType.BF16 ? BFloat16.RoundToFloat((float)(Half)y) : (float)(Half)y,
        _ => output == DType.BF16 ? BFloat16.RoundToFloat(y) : y,
    };

    /// <summary>u·v + a cut to binary32: the binary64 sum with its error decides on which side of a binary32 number it lies.</summary>
    private static float TowardZero(float u, float v, float a)
    {
        double product = (double)u * v;
        double sum = product + a;
        double rest = sum - product;
        double error = product - (sum - rest) + (a - rest);
        float rounded = (float)sum;
        if (float.IsInfinity(rounded) || float.IsNaN(rounded) || rounded == 0)
            return rounded;
        double beyond = rounded - sum - error;
        return beyond != 0 && beyond > 0 == rounded > 0 ? (rounded > 0 ? MathF.BitDecrement(rounded) : MathF.BitIncrement(rounded)) : rounded;
    }
}
