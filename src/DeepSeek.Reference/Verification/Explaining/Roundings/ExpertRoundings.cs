using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>The ways to round the gate's weights and the combination of experts.</summary>
internal static class ExpertRoundings
{
    private delegate float Step(float w, float o, float y);

    private static IReadOnlyList<(string Words, Step Of)> Steps { get; } =
    [
        ("y = fma(w, o, y)", (w, o, y) => MathF.FusedMultiplyAdd(w, o, y)),
        ("y = y + rn(w*o)", (w, o, y) => y + w * o),
        ("y = bf16(y + bf16(w*o))", (w, o, y) => BFloat16.RoundToFloat(y + BFloat16.RoundToFloat(w * o))),
        ("y = bf16(fma(w, o, y))", (w, o, y) => BFloat16.RoundToFloat(MathF.FusedMultiplyAdd(w, o, y))),
        ("y = y + bf16(w*o)", (w, o, y) => y + BFloat16.RoundToFloat(w * o)),
        ("y = y + bf16(w)*o", (w, o, y) => MathF.FusedMultiplyAdd(BFloat16.RoundToFloat(w), o, y)),
    ];

    /// <summary>The combination: steps, order of experts, where the shared expert enters.</summary>
    public static IEnumerable<RoundingVariant> Combine() =>
        from shared in (string[])["shared added last", "sum rounded to bfloat16, then shared", "shared first"]
        from order in (string[])["ascending expert id", "slot order", "descending expert id", "reversed slots"]
        from step in Steps
        select new RoundingVariant([("step", step.Words), ("order", order), ("shared", shared)],
            c => new AlteredCall(c, (inner, _) => Compute((CombineCall)inner, step.Of, order, shared)));

    /// <summary>The gate's named roundings.</summary>
    public static IEnumerable<RoundingVariant> Gate() =>
        from words in (string[])["", "s * (scale / sum)", "(s * scale) / sum", "s * (1 / sum) * scale"]
        from rounding in Enum.GetValues<GateRounding>()
        select new RoundingVariant([("rounding", $"GateRounding.{rounding}"), ("weights", words.Length == 0 ? "(s / sum) * scale" : words)], c => c is not GateCall g ? c
            : words.Length == 0 ? g with { Attributes = g.Attributes with { Rounding = rounding } }
            : new AlteredCall(g with { Attributes = g.Attributes with { Rounding = rounding } }, (inner, backend) =>
            {
                inner.Run(backend);
                Reweigh((GateCall)inner, words);
            }));

    private static void Compute(CombineCall c, Step step, string order, string shared)
    {
        float[] o = Values.Of(c.ExpertOutputs), w = Values.Of(c.Weights);
        float[] z = c.Shared is null ? [] : Values.Of(c.Shared);
        int K = c.Plan.Slots, d = (int)c.Y.Shape[^1];
        float[] y = new float[c.Y.ElementCount];
        for (int t = 0; t < c.Plan.TokenCount; t++)
        {
            int[] slots = [.. Enumerable.Range(t * K, K).Where(s => c.Plan.RowOf[s] >= 0)];
            slots = order switch
            {
                "ascending expert id" => [.. slots.OrderBy(s => c.Plan.RowOf[s])],
                "descending expert id" => [.. slots.OrderByDescending(s => c.Plan.RowOf[s])],
                "reversed slots" => [.. slots.Reverse()],
                _ => slots,
            };
            for (int k = 0; k < d; k++)
            {
                float sum = shared == "shared first" && z.Length > 0 ? z[t * d + k] : 0f;
                foreach (int s in slots)
                    sum = step(w[s], o[c.Plan.RowOf[s] * d + k], sum);
                if (shared == "sum rounded to bfloat16, then shared")
                    sum = BFloat16.RoundToFloat(sum);
                y[t * d + k] = shared == "shared first" || z.Length == 0 ? sum : sum + z[t * d + k];
            }
        }

        Values.Store(y, c.Y);
    }

    private static void Reweigh(GateCall c, string words)
    {
        ReadOnlySpan<int> indices = c.Indices.AsReadOnlySpan<int>();
        float[] scores = Values.Of(c.Scores);
        int E = (int)c.Scores.Shape[^1], K = (int)c.Indices.Shape[^1];
        float scale = c.Attributes.Scale;
        float[] weights = new float[indices.Length];
        for (int i = 0; i < indices.Length; i++)
        {
            float sum = 0f;
            for (int k = i / K * K; k < (i / K + 1) * K; k++)
                sum += scores[i / K * E + indices[k]];
            sum += c.Attributes.Epsilon;
            float s = scores[i / K * E + indices[i]];
            weights[i] = words switch
            {
                "s * (scale / sum)" => s * (scale / sum),
                "(s * scale) / sum" => s * scale / sum,
                _ => s * (1f / sum) * scale,
            };
        }

        Values.Store(weights, c.Weights);
    }
}
