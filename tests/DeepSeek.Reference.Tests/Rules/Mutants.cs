using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tests.Rules;

/// <summary>Every mutant: for each numbered rule that cases can hold, its sentences broken one at a time.</summary>
internal static partial class Mutants
{
    /// <summary>Rules without a mutant, each with its reason.</summary>
    public static IReadOnlyDictionary<int, string> HeldOtherwise { get; } = new Dictionary<int, string>
    {
        [25] = "no case of the manifest; its rows in golden/training/recipe.txt are the Python witness's",
        [26] = "no case of the manifest; its rows in golden/training/recipe.txt are the Python witness's",
        [27] = "no case of the manifest; its rows in golden/training/recipe.txt are the Python witness's",
        [28] = "whole numbers and one addition, worked by hand in its tests",
        [29] = "whole numbers; laws over drawn documents, and orders worked out in Python",
    };

    public static IReadOnlyList<Mutant> All { get; } = [.. Arithmetics(), .. Data(), .. Models(), .. Inputs(), .. Hashes(), .. AttentionContracts(), .. Gradients()];

    /// <summary>Changes the bits of a result that is finite and not zero by one unit.</summary>
    private static float Ulp(float x) => float.IsFinite(x) && x != 0f ? MathF.BitIncrement(x) : x;

    private static float Flushed(float x) => float.IsSubnormal(x) ? MathF.CopySign(0f, x) : x;

    private static WrongBackend Of<T>(int rule, string key, string what) where T : Arithmetic, new() =>
        new WrongBackend(rule, key, what, c => MutableDefinition.Reach.Contains(c.Case.Operation), () => new MutableDefinition(new T()));

    private static IEnumerable<Mutant> Arithmetics() =>
    [
        Of<BatchDecides>(1, "batch", "A row among others is summed in one chain, a row alone in sixteen lanes."),
        Of<LastResultDecides>(1, "history", "Every second product begins with the lanes that the one before left behind."),
        Of<FlushedResults>(2, "flush", "Subnormal results of fma, addition, product and quotient become zero."),
        Of<FlushedOperands>(2, "daz", "Subnormal operands count as zero."),
        Of<UnfusedProduct>(2, "unfused", "Where fma stands, the product is rounded before the addition."),
        Of<QuotientByReciprocal>(2, "reciprocal", "A quotient is a product with the rounded reciprocal."),
        Of<TowardZero>(2, "truncate", "Additions and products are cut toward zero."),
        Of<NaNDropped>(3, "dropped", "A product that is NaN adds nothing to a sum."),
        Of<NaNPassedOver>(3, "maximum", "A maximum passes over a NaN."),
        Of<NoNegativeZero>(4, "positive", "A result of -0 is stored as +0."),
        Of<ExpUlp>(5, "exp", "exp is one unit too high."),
        Of<LogUlp>(5, "log", "log is one unit too high."),
        Of<SigmoidUlp>(5, "sigmoid", "sigmoid is one unit too high."),
        Of<SiluUlp>(5, "silu", "silu is one unit too high."),
        Of<SiluBySigmoid>(5, "silu-twice", "silu is x times the rounded sigmoid: two roundings."),
        Of<RsqrtUlp>(5, "rsqrt", "rsqrt is one unit too high."),
        Of<RsqrtTwice>(5, "rsqrt-twice", "rsqrt is 1 divided by the rounded square root."),
        Of<CosUlp>(5, "cos", "cos is one unit too high."),
        Of<SinUlp>(5, "sin", "sin is one unit too high."),
        Of<EightLanes>(6, "eight", "Eight lanes instead of sixteen."),
        Of<ConsecutiveLanes>(6, "blocks", "A lane takes consecutive terms, not every sixteenth."),
        Of<FoldedByNeighbours>(6, "neighbours", "The fold adds neighbours first: h = 1, 2, 4, 8."),
        Of<FoldedInOrder>(6, "chain", "The fold is one chain over the lanes."),
        Of<NotClosed>(6, "open", "The lanes begin at -0, and the last addition of +0 is missing."),
        Of<DescendingChain>(7, "descending", "Sequential takes k descending."),
        Of<LanesForChain>(7, "lanes", "Sequential is done in sixteen lanes."),
        Of<ExactChain>(7, "exact-chain", "Exact rounds after each term."),
        Of<Float64Chain>(7, "float64-chain", "Float64 is one chain in binary64."),
        Of<Float64Single>(7, "float64-single", "Float64 sums in binary32."),
        Of<TwoThreads>(8, "split", "Two threads share the terms of a sum: each sums a half, and the halves are added."),
        Of<HigherIndexFirst>(9, "higher", "Among equals the higher index comes first."),
        Of<ScaleFirst>(10, "scale-first", "The query is multiplied by the scale before the sum."),
        Of<ShareByReciprocal>(10, "reciprocal", "p is e times the rounded 1/s."),
        Of<ExpByExp2>(10, "exp2", "e is exp2 of the difference times log2 e."),
        Of<ChainOfExponentials>(10, "chain", "The denominator is one chain."),
        Of<OneKeyMore>(10, "mask", "A query sees one key more."),
        Of<LogShareTogether>(10, "log", "log-softmax is x - (m + log s)."),
        Of<BinaryLogSumExp>(10, "base", "The log-sum-exp is in base 2."),
        Of<MeanByReciprocal>(11, "mean", "The mean is a product with the rounded 1/n."),
        Of<EpsilonOutside>(11, "epsilon", "ε is added outside of the square root."),
        Of<WeightFirst>(11, "weight", "y is x times the rounded r·w."),
        Of<NarrowByTruncation>(12, "truncate", "A store in bfloat16 cuts toward zero."),
        Of<NarrowTiesAway>(12, "ties", "A store in bfloat16 takes ties away from zero."),
        Of<NarrowSaturates>(12, "saturate", "A store in bfloat16 saturates."),
        Of<RotationUnfused>(13, "unfused", "The canonical rotation rounds both products and then adds."),
        Of<RotationFusedOtherwise>(13, "other-product", "The other product of the rotation is the fused one."),
        Of<AngleInDouble>(13, "angle", "The angle t·f is not rounded before its cosine and sine are taken."),
        Of<ExpertsDescending>(16, "descending", "Experts are added in descending id."),
        Of<SharedFirst>(16, "shared-first", "The shared expert's output is where the sum begins."),
        Of<ChosenByExpert>(16, "gate-order", "The chosen scores are added in ascending id."),
        Of<ScaleBeforeQuotient>(16, "gate-scale", "A weight is (s·scale) / sum."),
        Of<NarrowResults>(17, "narrow", "Every result passes through bfloat16."),
        Of<WeightsThroughBFloat16>(22, "narrow", "What codes stand for passes through bfloat16."),
        Of<CodesOverflow>(18, "overflow", "A code beyond the largest is NaN (E4M3), infinity (E5M6)."),
        Of<CodesTruncated>(18, "truncate", "A cast to a code cuts toward zero."),
        Of<CodesFlushed>(18, "flush", "Subnormal codes become zero."),
        Of<CodesLoseSign>(18, "sign", "The code of -0 is that of +0."),
        Of<CodesThroughBFloat16>(18, "through-bf16", "A cast goes through bfloat16."),
        Of<ClampForgotten>(19, "clamp", "The least amax, or the least scale, is forgotten."),
        Of<ScaleByReciprocal>(19, "scale", "a/M and a·(1/M) are exchanged."),
        Of<QuotientExchanged>(19, "quotient", "x/s is x·(1/s), and the other way round; rcp is correctly rounded."),
        Of<NaNOfTile>(19, "nan", "A NaN makes a tile NaN where the arithmetic passes over it."),
        Of<ScaleRoundedDown>(19, "ceil", "A scale that is to be a power of two is rounded down."),
        Of<ScaleBySignedMaximum>(19, "amax", "amax is the largest x, not the largest |x|."),
        Of<BackInBFloat16>(19, "back", "The scale is rounded to bfloat16 before codes are multiplied by it."),
    ];
}
