using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Faulty;

internal static partial class Bugs
{
    private const string Combined = "combine[t=16,d=256,e=32,k=8]";

    /// <summary>The way to the experts and back.</summary>
    private static IEnumerable<Variant> Experts()
    {
        yield return Variant.Instead<DispatchCall>("dispatch-of-neighbour", "The last token's rows hold the token before it.", ["dispatch[t=9,d=64,e=16,k=4]"],
            c => c with { X = Values.Gather(c.X, (t, k) => (t == (int)c.X.Shape[0] - 1 ? t - 1 : t, k)) });
        yield return Variant.After<CombineCall>("combine-accumulator-bf16", "The sum over experts is kept in bfloat16.", [Combined, "combine[t=16,d=512,e=32,k=8,y=bf16]"],
            c => c.Y, (c, y) => Combine(c, y, (sum, w, o) => BFloat16.RoundToFloat(sum + BFloat16.RoundToFloat(w * o))));
        yield return Variant.Instead<CombineCall>("weights-bf16", "The experts' weights are rounded to bfloat16.", [Combined],
            c => c with { Weights = Values.Map(c.Weights, BFloat16.RoundToFloat) });
        yield return Variant.Instead<CombineCall>("shared-expert-missing", "The shared expert's output is not added.", [Combined], c => c with { Shared = null });
        yield return Variant.After<CombineCall>("shared-expert-twice", "The shared expert's output is added twice.", [Combined], c => c.Y, (c, y) => AddTo(y, Values.Of(c.Shared!)));
        yield return Variant.Instead<CombineCall>("weight-of-neighbour-slot", "Each expert gets the weight of the next slot.", [Combined],
            c => c with { Weights = Values.Gather(c.Weights, (t, s) => (t, (s + 1) % (int)c.Weights.Shape[1])) });
        yield return Variant.Instead<CombineCall>("last-slot-dropped", "The last slot's expert takes no part.", [Combined],
            c => c with { Weights = WithoutTail(c.Weights, 1) });
        yield return Variant.After<CombineCall>("empty-slot-taken", "A slot of -1 counts as the first row.", ["combine[t=9,d=64,e=8,k=3,holes=yes]"],
            c => c.Y, (c, y) => TakeEmpty(c, y));
        yield return Variant.Instead<CombineCall>("last-expert-row-of-neighbour", "The last row of the experts' outputs is the one before it.", [Combined],
            c => c with { ExpertOutputs = Values.Gather(c.ExpertOutputs, (r, k) => (r == (int)c.ExpertOutputs.Shape[0] - 1 ? r - 1 : r, k)) });
    }

    internal static void Combine(CombineCall c, float[] y, Func<float, float, float, float> step)
    {
        float[] o = Values.Of(c.ExpertOutputs), w = Values.Of(c.Weights);
        float[]? shared = c.Shared is null ? null : Values.Of(c.Shared);
        int d = (int)c.Y.Shape[1], K = c.Plan.Slots;
        for (int i = 0; i < y.Length; i++)
        {
            float sum = 0f;
            for (int s = 0; s < K; s++)
            {
                int row = c.Plan.RowOf[i / d * K + s];
                if (row >= 0)
                    sum = step(sum, w[i / d * K + s], o[row * d + i % d]);
            }

            y[i] = shared is null ? sum : sum + shared[i];
        }
    }

    private static void TakeEmpty(CombineCall c, float[] y)
    {
        float[] o = Values.Of(c.ExpertOutputs), w = Values.Of(c.Weights);
        int d = (int)c.Y.Shape[1], K = c.Plan.Slots;
        for (int i = 0; i < c.Plan.RowOf.Count; i++)
        {
            for (int k = 0; k < d && c.Plan.RowOf[i] < 0; k++)
                y[i / K * d + k] += w[i] * o[k];
        }
    }
}
