using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>What the gate, the dispatch or the combination of experts may have computed instead.</summary>
internal static class ExpertMeanings
{
    /// <summary>The gate.</summary>
    public static IReadOnlyList<Meaning> Gate { get; } =
    [
        Meaning.After<GateCall>("bias-in-weights", "the bias stays in the scores that become weights", c => c.Bias is not null, BiasInWeights),
        Attribute("not-normalised", "the chosen scores are not divided by their sum", a => a with { Normalize = !a.Normalize }),
        Attribute("scale-missing", "the routed scaling factor is left out", a => a with { Scale = 1f }),
        Attribute("scale-2.5", "the routed scaling factor is 2.5", a => a with { Scale = 2.5f }),
        Attribute("scale-16", "the routed scaling factor is 16 (V2)", a => a with { Scale = 16f }),
        Attribute("group-mask-0", "scores of dropped groups are masked with 0", a => a with { Mask = GroupMask.Zero }),
        Attribute("group-mask-infinity", "scores of dropped groups are masked with minus infinity", a => a with { Mask = GroupMask.NegativeInfinity }),
        Attribute("softmax", "softmax stands in place of the sigmoid", a => a with { Scoring = ScoringFunction.Softmax }),
        Attribute("sigmoid", "the sigmoid stands in place of softmax", a => a with { Scoring = ScoringFunction.Sigmoid }),
        Attribute("group-score-max", "a group is scored by its largest score", a => a with { GroupScore = GroupScore.Max }),
        Attribute("group-score-top-2", "a group is scored by the sum of its two largest scores", a => a with { GroupScore = GroupScore.TopTwoSum }),
        Attribute("groups-ignored", "experts of all groups may be chosen", a => a with { KeptGroups = a.Groups }),
        Attribute("one-group-less", "one group fewer is kept", a => a with { KeptGroups = a.KeptGroups - 1 }, a => a.KeptGroups > 1),
        Attribute("eps-1e-3", "1e-3 is added to the sum", a => a with { Epsilon = 1e-3f }),
        Meaning.Of<GateCall>("bias-missing", "the bias is left out of the choice", c => c.Bias is null ? null : c with { Bias = null }),
        Meaning.Of<GateCall>("bias-in-bf16", "the bias is rounded to bfloat16", c => c.Bias is null ? null : c with { Bias = Values.Map(c.Bias, (_, b) => BFloat16.RoundToFloat(b)) }),
        Meaning.Of<GateCall>("bias-subtracted", "the bias is subtracted", c => c.Bias is null ? null : c with { Bias = Values.Map(c.Bias, (_, b) => -b) }),
        Meaning.Of<GateCall>("bias-late", "the bias of the next expert is taken", c => c.Bias is not null && Values.ShiftColumns(c.Bias, 1) is { } late ? c with { Bias = late } : null),
        Meaning.Of<GateCall>("logits-in-bf16", "the logits are rounded to bfloat16", c => c.Logits.DType == DType.BF16 ? null : c with { Logits = Values.Map(c.Logits, (_, l) => BFloat16.RoundToFloat(l)) }),
        Meaning.After<GateCall>("slots-by-expert", "slots stand in ascending order of expert id", _ => true, SortedSlots),
        Meaning.After<GateCall>("weights-normalised-over-all", "scores are divided by the sum over all experts", c => c.Attributes.Normalize, NormalisedOverAll),
    ];

    /// <summary>The combination and the dispatch.</summary>
    public static IReadOnlyList<Meaning> Combine { get; } =
    [
        Meaning.Of<CombineCall>("weights-missing", "expert outputs are added without their weights", c => c with { Weights = Values.Map(c.Weights, (_, _) => 1f) }),
        Meaning.Of<CombineCall>("weights-normalised", "weights are divided by their sum", c => c with { Weights = Normalised(c.Weights) }),
        Meaning.Of<CombineCall>("weights-by-slot-late", "the weight of the next slot is taken", c => Values.ShiftColumns(c.Weights, 1) is { } late ? c with { Weights = late } : null),
        Meaning.Of<CombineCall>("weights-by-row", "weights are read in the order of dispatched rows", c => ByRow(c)),
        Meaning.Of<CombineCall>("weights-in-bf16", "weights are rounded to bfloat16", c => c.Weights.DType == DType.BF16 ? null : c with { Weights = Values.Map(c.Weights, (_, w) => BFloat16.RoundToFloat(w)) }),
        Meaning.Of<CombineCall>("weights-scaled-2.5", "weights are multiplied by 2.5 once more", c => c with { Weights = Values.Map(c.Weights, (_, w) => w * 2.5f) }),
        Meaning.Of<CombineCall>("shared-missing", "the shared expert is not added", c => c.Shared is null ? null : c with { Shared = null }),
        Meaning.Of<CombineCall>("shared-twice", "the shared expert is added twice", c => c.Shared is null ? null : c with { Shared = Values.Map(c.Shared, (_, x) => 2 * x) }),
        Meaning.Of<CombineCall>("last-slot-missing", "the last slot is left out", c => c with { Weights = Values.DropLast(c.Weights, 1) ?? c.Weights }),
        Meaning.Of<CombineCall>("rows-late", "the output of the next dispatched row is taken", c => Values.ShiftRows(c.ExpertOutputs, 1) is { } late ? c with { ExpertOutputs = late } : null),
        Meaning.Of<DispatchCall>("tokens-late", "the row of the next token is taken", c => Values.ShiftRows(c.X, 1) is { } late ? c with { X = late } : null),
    ];

    private static Meaning Attribute(string name, string sentence, Func<GateAttributes, GateAttributes> change, Func<GateAttributes, bool>? applies = null) => Meaning.Of<GateCall>(name, sentence, c =>
        change(c.Attributes) == c.Attributes || applies?.Invoke(c.Attributes) == false ? null : c with { Attributes = change(c.Attributes) });

    private static void BiasInWeights(GateCall c) => Reweigh(c, (t, e, E) => ElementReader.Value(c.Scores, t * E + e) + ElementReader.Value(c.Bias!, e), null);

    private static void NormalisedOverAll(GateCall c) =>
        Reweigh(c, (t, e, E) => ElementReader.Value(c.Scores, t * E + e), (t, E) => Enumerable.Range(0, (int)E).Sum(e => ElementReader.Value(c.Scores, t * E + e)));

    private static void Reweigh(GateCall c, Func<long, int, long, double> score, Func<long, long, double>? sum)
    {
        ReadOnlySpan<int> indices = c.Indices.AsReadOnlySpan<int>();
        long E = c.Scores.Shape[^1];
        int K = (int)c.Indices.Shape[^1];
        float[] weights = new float[indices.Length];
        for (int i = 0; i < indices.Length; i += K)
        {
            double total = 0;
            for (int k = i; k < i + K; k++)
                total += score(i / K, indices[k], E);
            if (sum is not null)
                total = sum(i / K, E);
            for (int k = i; k < i + K; k++)
                weights[k] = (float)(score(i / K, indices[k], E) / (c.Attributes.Normalize ? total + c.Attributes.Epsilon : 1) * c.Attributes.Scale);
        }

        Values.Store(weights, c.Weights);
    }

    private static void SortedSlots(GateCall c)
    {
        int K = (int)c.Indices.Shape[^1];
        Span<int> indices = c.Indices.AsSpan<int>();
        float[] weights = Values.Of(c.Weights);
        for (int i = 0; i < indices.Length; i += K)
            indices.Slice(i, K).Sort(weights.AsSpan(i, K));
        Values.Store(weights, c.Weights);
    }

    private static Tensor Normalised(Tensor weights)
    {
        float[] w = Values.Of(weights);
        int K = (int)weights.Shape[^1];
        return Values.Map(weights, (i, x) => x / w.AsSpan(i / K * K, K).ToArray().Sum());
    }

    private static CombineCall? ByRow(CombineCall c)
    {
        float[] w = Values.Of(c.Weights);
        return c with { Weights = Values.Map(c.Weights, (i, x) => c.Plan.RowOf[i] < 0 ? x : w[c.Plan.RowOf[i] % w.Length]) };
    }
}
