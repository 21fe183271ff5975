using System.Diagnostics;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>What is decoded.</summary>
/// <param name="Heads">Query heads, of all forms.</param>
/// <param name="Contexts">Tokens in the cache.</param>
/// <param name="Repeats">Timed tokens of each form and context.</param>
/// <param name="Seed">Of values.</param>
internal sealed record LatentSettings(int Heads, int[] Contexts, int Repeats, ulong Seed);

/// <summary>What one token leaves in the cache of one layer.</summary>
/// <param name="Name">The form of attention.</param>
/// <param name="Values">Values a token and layer at DeepSeek-V3's size.</param>
internal sealed record CacheRow(string Name, long Values)
{
    /// <summary>Bytes a token in BF16 over V3's layers.</summary>
    public long Bytes => 2 * Values * LatentExperiment.Layers;

    /// <summary>Groups of grouped-query attention that would take as much: values / 2 d_h.</summary>
    public double Groups => Values / (2.0 * LatentExperiment.HeadDim);
}

/// <summary>The attention of one decoded token in one layer.</summary>
/// <param name="Name">The form.</param>
/// <param name="Context">Tokens in the cache.</param>
/// <param name="CacheBytes">Bytes of the cache that is read.</param>
/// <param name="Products">Multiplications of scores, values and, absorbed, of the query and the output.</param>
/// <param name="Microseconds">Median.</param>
internal sealed record DecodeRow(string Name, int Context, long CacheBytes, long Products, double Microseconds);

/// <summary>
/// The cache and the decode attention of MLA beside those of multi-head and grouped-query attention with the same heads of the same widths: DeepSeek-V2 report 2.1 and table 1,
/// "equal to GQA with only 2.25 groups" (docs/spec/lab.md 7).
/// </summary>
/// <remarks>
/// Values a token and layer: MHA 2 n_h d_h, GQA 2 n_g d_h, MQA 2 d_h, MLA d_c + d_h^R; MLA with its keys and values expanded n_h (d_h + d_h^R + d_h).
/// The attention operation has as many key heads as query heads, or one; a group of GQA is a call with one.
/// </remarks>
internal static class LatentExperiment
{
    /// <summary>DeepSeek-V3's dimensions.</summary>
    public const int Layers = 61, V3Heads = 128, HeadDim = 128, RopeDim = 64, LatentDim = 512;

    /// <summary>Groups of the grouped-query form.</summary>
    public const int Groups = 8;

    /// <summary>Groups that MLA's cache is worth, by the report.</summary>
    public const double Claim = 2.25;

    /// <summary>The forms that are timed.</summary>
    public static string[] Timed { get; } = ["mha", "gqa-8", "mla", "mla-expanded"];

    /// <summary>The settings, in full or quick.</summary>
    public static LatentSettings SettingsOf(bool quick, ulong seed) => quick ? new(16, [128, 512], 11, seed) : new(32, [256, 1024, 4096], 31, seed);

    /// <summary>What each form keeps.</summary>
    public static IReadOnlyList<CacheRow> Caches { get; } =
    [
        new("mha", 2L * V3Heads * HeadDim),
        new("gqa-8", 2L * Groups * HeadDim),
        new("mqa", 2L * HeadDim),
        new("mla", LatentDim + RopeDim),
        new("mla-expanded", (long)V3Heads * (HeadDim + RopeDim + HeadDim)),
    ];

    /// <summary>The claim: MLA's cache is that of so many groups, and smaller than those of MHA and of GQA with 8 groups.</summary>
    public static bool Holds(IReadOnlyList<CacheRow> caches)
    {
        CacheRow Named(string name) => caches.Single(c => c.Name == name);
        return Named("mla").Groups == Claim && Named("mla").Bytes < Named("gqa-8").Bytes && Named("mla").Bytes < Named("mha").Bytes;
    }

    /// <summary>Times every form at every context, one token of each in turn, so that what else the machine does falls on all alike.</summary>
    public static IReadOnlyList<DecodeRow> Run(LatentSettings settings, int threads, Action<string, int, int> report)
    {
        var rows = new List<DecodeRow>();
        foreach (int context in settings.Contexts)
        {
            report($"context {context}", rows.Count / Timed.Length, settings.Contexts.Length);
            Form[] forms = Forms(settings, context, new SimdBackend(threads));
            double[][] times = [.. forms.Select(_ => new double[settings.Repeats])];
            foreach (Form form in forms)
                form.Token();
            for (int i = 0; i < settings.Repeats; i++)
            {
                for (int f = 0; f < forms.Length; f++)
                {
                    long started = Stopwatch.GetTimestamp();
                    forms[f].Token();
                    times[f][i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
                }
            }

            for (int f = 0; f < forms.Length; f++)
            {
                Array.Sort(times[f]);
                rows.Add(new DecodeRow(forms[f].Name, context, forms[f].CacheBytes, forms[f].Products, times[f][settings.Repeats / 2]));
            }
        }

        return rows;
    }

    /// <summary>The forms over a cache of so many tokens, in BF16; one decoded token each.</summary>
    private static Form[] Forms(LatentSettings settings, int context, SimdBackend backend)
    {
        int H = settings.Heads, perGroup = H / Groups;
        AttentionAttributes Attributes(int width) => new(1f / MathF.Sqrt(width), context - 1, AttentionRounding.None, 0, Accumulation.Lanes16);
        AttentionAttributes plain = Attributes(HeadDim), wide = Attributes(HeadDim + RopeDim);
        Tensor Of(string name, params long[] shape) => Values(settings.Seed, $"{name} {context}", shape);

        Tensor q = Of("q", 1, H, HeadDim), keys = Of("keys", context, H, HeadDim), values = Of("values", context, H, HeadDim), y = new(DType.F32, 1, H, HeadDim);
        var group = Enumerable.Range(0, Groups).Select(g => (
            Q: Of($"q {g}", 1, perGroup, HeadDim), Keys: Of($"keys {g}", context, 1, HeadDim), Values: Of($"values {g}", context, 1, HeadDim), Y: new Tensor(DType.F32, 1, perGroup, HeadDim))).ToArray();
        Tensor qWide = Of("q", 1, H, HeadDim + RopeDim), kvB = Of("kv_b", H, 2 * HeadDim, LatentDim), latents = Of("latents", context, 1, LatentDim + RopeDim);
        Tensor absorbed = new(DType.BF16, 1, H, LatentDim + RopeDim), z = new(DType.BF16, 1, H, LatentDim), out1 = new(DType.F32, 1, H, HeadDim);
        Tensor wideKeys = Of("wide keys", context, H, HeadDim + RopeDim), out2 = new(DType.F32, 1, H, HeadDim);
        long pairs = (long)H * context;
        return
        [
            new("mha", 2 * pairs * 2 * HeadDim, pairs * 2 * HeadDim, () => backend.Attention(q, keys, values, plain, y)),
            new("gqa-8", 2L * context * Groups * 2 * HeadDim, pairs * 2 * HeadDim, () =>
            {
                foreach ((Tensor gq, Tensor gk, Tensor gv, Tensor gy) in group)
                    backend.Attention(gq, gk, gv, plain, gy);
            }),
            new("mla", 2L * context * (LatentDim + RopeDim), pairs * (2 * LatentDim + RopeDim) + 2L * H * HeadDim * LatentDim, () =>
            {
                backend.AbsorbQuery(qWide, kvB, Accumulation.Lanes16, absorbed);
                backend.Attention(absorbed, latents, null, wide, z);
                backend.AbsorbOutput(z, kvB, Accumulation.Lanes16, out1);
            }),
            new("mla-expanded", 2 * pairs * (2 * HeadDim + RopeDim), pairs * (2 * HeadDim + RopeDim), () => backend.Attention(qWide, wideKeys, values, wide, out2)),
        ];
    }

    private static Tensor Values(ulong seed, string name, long[] shape)
    {
        var tensor = new Tensor(DType.BF16, shape);
        float[] x = new float[tensor.ElementCount];
        new RandomStream(seed, name).Fill(ValueMap.Bell, 0, x);
        Span<BFloat16> to = tensor.AsSpan<BFloat16>();
        for (int i = 0; i < x.Length; i++)
            to[i] = BFloat16.Round(x[i]);
        return tensor;
    }

    private sealed record Form(string Name, long CacheBytes, long Products, Action Token);
}
