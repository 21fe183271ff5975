using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Sums of products of binary32 in the orders that kernels take.</summary>
internal static class PlainSums
{
    /// <summary>Every order, in words.</summary>
    public static IReadOnlyList<(string Words, Func<float[], float[], float> Sum)> All { get; } =
    [
        ("sixteen lanes", (a, b) => Of(SumRule.Of(PlainSum.Lanes, 16), a, b)),
        ("exact sum", (a, b) => Of(SumRule.Of(PlainSum.Exact), a, b)),
        ("one chain of fma", (a, b) => Of(SumRule.Of(PlainSum.Sequential), a, b)),
        ("one chain, products rounded", (a, b) => Of(SumRule.Of(PlainSum.SequentialUnfused), a, b)),
        ("pairwise tree", (a, b) => Of(SumRule.Of(PlainSum.Pairwise), a, b)),
        ("4 lanes", (a, b) => Of(SumRule.Of(PlainSum.Lanes, 4), a, b)),
        ("8 lanes", (a, b) => Of(SumRule.Of(PlainSum.Lanes, 8), a, b)),
        ("32 lanes", (a, b) => Of(SumRule.Of(PlainSum.Lanes, 32), a, b)),
        ("128 lanes", (a, b) => Of(SumRule.Of(PlainSum.Lanes, 128), a, b)),
        ("256 lanes", (a, b) => Of(SumRule.Of(PlainSum.Lanes, 256), a, b)),
        ("1024 lanes", (a, b) => Of(SumRule.Of(PlainSum.Lanes, 1024), a, b)),
        ("binary64", Double),
    ];

    private static float Of(SumRule rule, float[] a, float[] b) => SumOfProducts.Evaluate(rule, ProductTerms.OfSingle(a, b), 0, a.Length);

    private static float Double(float[] a, float[] b)
    {
        var sum = new Lanes16Double();
        for (int k = 0; k < a.Length; k++)
            sum.AddProduct(k, a[k], b[k]);
        return (float)sum.Fold();
    }
}
