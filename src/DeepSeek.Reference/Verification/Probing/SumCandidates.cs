using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification.Explaining;

namespace DeepSeek.Reference.Verification.Probing;

/// <summary>The orders of summation that a probe compares a kernel with.</summary>
internal static class SumCandidates
{
    private static readonly int[] Restarts = [0, 128, 64, 32, 256, 512, 16, 8];

    /// <summary>All orders that do not contradict what was measured; the most usual first.</summary>
    public static IEnumerable<(SumRule Sum, int Restart)> Of(ProbeFinding measured)
    {
        foreach (int restart in Restarts)
        {
            foreach (SumRule rule in Plain())
                yield return (rule, restart);
            if (measured is not { FractionBits: { } F, Alignment: { } alignment } || F > 40)
                continue;
            foreach ((int K, int L, FusedOrder order) in ((int, int, FusedOrder)[])
                [(32, 32, 0), (16, 16, 0), (8, 8, 0), (4, 4, 0), (64, 64, 0), (128, 128, 0), (2, 2, 0), (32, 16, FusedOrder.PairsOfFour)])
            {
                yield return (SumRule.Of(TensorCore.HopperWgmmaE4M3F32 with
                {
                    K = K,
                    FusedLength = L,
                    Order = order,
                    FractionBits = F,
                    Alignment = alignment,
                    OutputFractionBits = Math.Min(23, measured.OutputFractionBits ?? 23),
                    Rounding = measured.Rounding ?? OutputRounding.TowardZero,
                    NormalisesProducts = measured.NormalisesProducts ?? false,
                    FlushesSubnormals = measured.FlushesSubnormals,
                    ZeroExponent = -133,
                }), restart);
            }
        }
    }

    /// <summary>The sum of all products: runs from +0, each added to the result in binary32.</summary>
    public static float Evaluate(SumRule rule, int restart, ProductTerms terms)
    {
        int K = terms.A.Length;
        if (restart == 0)
            return SumOfProducts.Evaluate(rule, terms, 0, K);
        float acc = 0f;
        for (int k = 0; k < K; k += restart)
            acc += SumOfProducts.Evaluate(rule, terms, k, Math.Min(restart, K - k));
        return acc;
    }

    private static IEnumerable<SumRule> Plain()
    {
        foreach (int lanes in (int[])[16, 8, 4, 2, 32, 64, 128, 256, 512, 1024])
            yield return SumRule.Of(PlainSum.Lanes, lanes);
        foreach (PlainSum sum in (PlainSum[])[PlainSum.Sequential, PlainSum.SequentialUnfused, PlainSum.Pairwise, PlainSum.Exact, PlainSum.Double])
            yield return SumRule.Of(sum);
    }
}
