using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>What attention may have computed instead: mask, scale, log-sum-exp, channels, heads.</summary>
internal static class AttentionMeanings
{
    /// <summary>YaRN's mscale of DeepSeek-V3: 0.1 ln 40 + 1.</summary>
    private const double MScale = 1.3688879454113936;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Meaning> All { get; } =
    [
        First("mask-one-more", "each query sees one key too many (mask off by one)", p => p + 1),
        First("mask-one-less", "each query sees one key too few (its own is masked)", p => p - 1),
        Meaning.Of<AttentionCall>("mask-absent", "nothing is masked", c => c with { Attributes = c.Attributes with { FirstPosition = (int)c.Keys.Shape[0] } }),
        Meaning.Of<AttentionCall>("mask-from-0", "query 0 is taken to stand at position 0", c => c.Attributes.FirstPosition == 0 ? null : c with { Attributes = c.Attributes with { FirstPosition = 0 } }),
        Meaning.Of<AttentionCall>("mask-at-end", "the queries are taken to be the last positions", c =>
            c.Attributes.FirstPosition == Last(c) ? null : c with { Attributes = c.Attributes with { FirstPosition = Last(c) } }),
        Scale("scale-576", "the scale is 576^-0.5", _ => 1 / Math.Sqrt(576)),
        Scale("scale-192", "the scale is 192^-0.5, without mscale", _ => 1 / Math.Sqrt(192)),
        Scale("scale-128", "the scale is 128^-0.5", _ => 1 / Math.Sqrt(128)),
        Scale("scale-192-mscale", "the scale is 192^-0.5 mscale^2", _ => MScale * MScale / Math.Sqrt(192)),
        Scale("scale-of-d", "the scale is D^-0.5 of the joined channels", c => 1 / Math.Sqrt(c.Q.Shape[^1])),
        Scale("scale-of-dv", "the scale is Dv^-0.5", c => 1 / Math.Sqrt(c.Y.Shape[^1])),
        Scale("scale-missing", "scores are not scaled", _ => 1),
        Scale("mscale-missing", "mscale^2 is missing from the scale", c => c.Attributes.Scale / (MScale * MScale)),
        Scale("mscale-once", "mscale enters the scale once, not twice", c => c.Attributes.Scale / MScale),
        Scale("mscale-added", "mscale^2 is in the scale and should not be", c => c.Attributes.Scale * MScale * MScale),
        Scale("scale-squared", "the scale is applied twice", c => (double)c.Attributes.Scale * c.Attributes.Scale),
        Scale("scale-base-2", "exp2 is taken without log2(e) in the scale", c => c.Attributes.Scale * Math.Log(2)),
        Scale("scale-log2e-twice", "log2(e) is in the scale though e^x is taken", c => c.Attributes.Scale / Math.Log(2)),
        Meaning.After<AttentionCall>("lse-base-2", "the log-sum-exp is of base 2", c => c.LogSumExp is not null, c => Scaled(c.LogSumExp!, 1 / Math.Log(2))),
        Meaning.After<AttentionCall>("lse-base-10", "the log-sum-exp is of base 10", c => c.LogSumExp is not null, c => Scaled(c.LogSumExp!, 1 / Math.Log(10))),
        Meaning.After<AttentionCall>("lse-negative", "the log-sum-exp has the other sign", c => c.LogSumExp is not null, c => Scaled(c.LogSumExp!, -1)),
        Meaning.Of<AttentionCall>("values-last-channels", "values are the last channels of the latent keys, not the first", LastChannels),
        Meaning.Of<AttentionCall>("rope-part-ignored", "scores leave out the last 64 channels (the rotated ones)", c => Without(c, d => d >= c.Q.Shape[^1] - 64)),
        Meaning.Of<AttentionCall>("latent-part-ignored", "scores leave out all but the last 64 channels", c => Without(c, d => d < c.Q.Shape[^1] - 64)),
        Meaning.Of<AttentionCall>("channels-turned", "the query's rotated channels stand first, the keys' last",
            c => Values.Gather(c.Q, i => i / c.Q.Shape[^1] * c.Q.Shape[^1] + (i % c.Q.Shape[^1] + c.Q.Shape[^1] - 64 % c.Q.Shape[^1]) % c.Q.Shape[^1]) is { } q ? c with { Q = q } : null),
        Meaning.Of<AttentionCall>("head-late", "the keys and values of the next head are taken", c => c.Values is null || c.Keys.Shape[1] < 2 ? null
            : c with { Keys = NextHead(c.Keys), Values = NextHead(c.Values) }),
        Meaning.Of<AttentionCall>("value-head-late", "the values of the next head are taken", c => c.Values is null || c.Values.Shape[1] < 2 ? null : c with { Values = NextHead(c.Values) }),
        Meaning.Of<AttentionCall>("values-late", "the values of the next key are taken", c => c.Values is null ? null : Shifted(c, 1)),
        Meaning.Of<AttentionCall>("values-early", "the values of the key before are taken", c => c.Values is null ? null : Shifted(c, -1)),
        Meaning.Of<AttentionCall>("first-key-twice", "key 1 is read from key 0's place (page table off by one)", c => c.Keys.Shape[0] < 2 ? null : c with { Keys = RowsEarly(c.Keys), Values = c.Values is null ? null : RowsEarly(c.Values) }),
        Meaning.After<AttentionCall>("not-normalised", "probabilities are not divided by their sum", c => c.LogSumExp is not null, Unnormalised),
    ];

    private static int Last(AttentionCall c) => (int)Math.Max(0, c.Keys.Shape[0] - c.Q.Shape[0]);

    private static Meaning First(string name, string sentence, Func<int, int> change) =>
        Meaning.Of<AttentionCall>(name, sentence, c => c with { Attributes = c.Attributes with { FirstPosition = change(c.Attributes.FirstPosition) } });

    private static Meaning Scale(string name, string sentence, Func<AttentionCall, double> scale) => Meaning.Of<AttentionCall>(name, sentence, c =>
        (float)scale(c) == c.Attributes.Scale ? null : c with { Attributes = c.Attributes with { Scale = (float)scale(c) } });

    private static void Scaled(Tensor t, double by) => Values.Store([.. Values.Of(t).Select(x => (float)(x * by))], t);

    private static AttentionCall? LastChannels(AttentionCall c)
    {
        long D = c.Keys.Shape[^1], Dv = c.Y.Shape[^1], rows = c.Keys.Shape[0] * c.Keys.Shape[1];
        if (c.Values is not null || D == Dv)
            return null;
        float[] keys = Values.Of(c.Keys);
        var values = new Tensor(c.Keys.DType, c.Keys.Shape[0], c.Keys.Shape[1], Dv);
        Values.Store([.. Enumerable.Range(0, (int)(rows * Dv)).Select(i => keys[i / Dv * D + D - Dv + i % Dv])], values);
        return c with { Values = values };
    }

    private static AttentionCall? Without(AttentionCall c, Func<long, bool> dropped)
    {
        long D = c.Q.Shape[^1];
        return D <= 64 ? null : c with { Q = Values.Map(c.Q, (i, x) => dropped(i % D) ? 0f : x) };
    }

    private static Tensor NextHead(Tensor t)
    {
        long H = t.Shape[1], D = t.Shape[2];
        return Values.Gather(t, i => (i / (H * D) * H + (i / D + 1) % H) * D + i % D) ?? t;
    }

    private static AttentionCall Shifted(AttentionCall c, int by)
    {
        long row = c.Values!.Shape[1] * c.Values.Shape[2], T = c.Values.Shape[0];
        return c with { Values = Values.Gather(c.Values, i => Math.Clamp(i / row + by, 0, T - 1) * row + i % row) ?? c.Values };
    }

    private static Tensor RowsEarly(Tensor t)
    {
        long row = t.Shape[1] * t.Shape[2];
        return Values.Gather(t, i => Math.Max(0, i / row - 1) * row + i % row) ?? t;
    }

    private static void Unnormalised(AttentionCall c)
    {
        float[] y = Values.Of(c.Y), lse = Values.Of(c.LogSumExp!);
        long Dv = c.Y.Shape[^1];
        Values.Store([.. y.Select((v, i) => (float)(v * Math.Exp(lse[i / Dv])))], c.Y);
    }

}
