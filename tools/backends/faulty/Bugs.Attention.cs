using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

internal static partial class Bugs
{
    private const string Prompt = "attention[s=24,t=24,h=4,hk=4,d=48,dv=32,lse=yes]";
    private const string Decode = "attention[s=2,t=300,h=8,hk=1,d=96,dv=64,latent=yes,lse=yes]";
    private const string DecodeInBFloat16 = "attention[s=2,t=300,h=8,hk=1,d=96,dv=64,latent=yes,q=bf16,keys=bf16,y=bf16,lse=yes]";
    private const string Mla = "attention[s=1,t=192,h=16,hk=1,d=576,dv=512,latent=yes,scale=0.1352337]";

    /// <summary>Attention: which keys, heads and values.</summary>
    private static IEnumerable<Variant> Attentions()
    {
        yield return Variant.Instead<AttentionCall>("mask-one-too-many", "A query also sees the key after its own.", [Prompt],
            c => c with { Attributes = c.Attributes with { FirstPosition = c.Attributes.FirstPosition + 1 } });
        yield return Variant.Instead<AttentionCall>("mask-one-too-few", "A query does not see its own key.", [Prompt, Decode],
            c => c with { Attributes = c.Attributes with { FirstPosition = c.Attributes.FirstPosition - 1 } });
        yield return Variant.Instead<AttentionCall>("not-causal", "Every query sees all keys.", [Prompt],
            c => c with { Attributes = c.Attributes with { FirstPosition = (int)c.Keys.Shape[0] } });
        yield return Loop("leak-in-last-block", "In the block of 16 keys that holds the diagonal, every key is seen.", new AttentionLoop { Visible = (n, T) => Math.Min(T, (n + 15) / 16 * 16) },
            ["attention[s=24,t=40,h=4,hk=4,d=48,dv=32]"]);
        yield return Loop("last-partial-page-dropped", "Keys beyond the last whole page of 64 are left out.", new AttentionLoop { Visible = (n, _) => n < 64 ? n : n / 64 * 64 }, [Decode, DecodeInBFloat16]);
        yield return Loop("values-of-next-page", "The page table of the values is off by one: page p + 1 is read for p.", new AttentionLoop { ValueOf = (j, n) => j + 64 < n ? j + 64 : j }, [Mla, DecodeInBFloat16]);
        yield return Loop("pages-of-values-swapped", "The first two pages of 64 values are swapped.", new AttentionLoop { ValueOf = (j, n) => n >= 128 && j < 128 ? j ^ 64 : j }, [Mla, Decode]);
        yield return Loop("key-head-of-neighbour", "The last query head takes the key head before its own.", new AttentionLoop { HeadOf = (k, H) => k == H - 1 && k > 0 ? k - 1 : k }, [Prompt]);
        yield return Loop("split-border-twice", "The key at the border of two splits counts in both.", new AttentionLoop { Splits = 2, Overlap = 1 }, [Decode, Mla]);
        yield return Variant.Instead<AttentionCall>("latent-off-by-one", "The values begin at channel 1 of the latent.", [Mla],
            c => c with { Values = Shifted(c) });
        yield return Variant.Instead<AttentionCall>("rotated-part-ignored", "The last sixteenth of the channels, where positions are, does not enter the scores.", [Decode],
            c => c with { Q = WithoutTail(c.Q, (int)c.Q.Shape[2] / 16) });
        yield return Variant.Instead<AttentionCall>("missing-mscale", "The softmax scale lacks YaRN's mscale²: 192^-0.5 in place of 0.1352.", [Mla],
            c => c with { Attributes = c.Attributes with { Scale = c.Attributes.Scale / (1.3688879f * 1.3688879f) } });
        yield return Variant.Instead<AttentionCall>("scale-of-latent-width", "The softmax scale is that of the latent key's 576 channels.", [Mla],
            c => c with { Attributes = c.Attributes with { Scale = 1f / 24f } });
    }

    /// <summary>Attention and softmax: how the probabilities are computed.</summary>
    private static IEnumerable<Variant> SoftmaxParts()
    {
        yield return Loop("online-without-rescale", "A new maximum does not rescale what was summed before.", new AttentionLoop { Block = 16, Rescales = false }, [Decode]);
        yield return Loop("split-kv-without-rescale", "Splits of the keys are combined without bringing them to one maximum.", new AttentionLoop { Splits = 4, RescalesSplits = false }, [Decode, Mla]);
        yield return Loop("split-kv-bf16-combine", "The splits' results are stored in bfloat16 before they are combined.", new AttentionLoop { Splits = 4, Partial = BFloat16.RoundToFloat }, [Decode, "attention[s=4,t=512,h=16,hk=1,d=96,dv=64,latent=yes,q=bf16,keys=bf16,y=bf16]"]);
        yield return Loop("softmax-without-maximum", "The maximum is not subtracted: large scores overflow.", new AttentionLoop { SubtractsMaximum = false, Lse = (_, s) => Correct.Log(s) }, ["attention[s=4,t=96,h=4,hk=1,d=64,dv=32,latent=yes,scale=1.5,map=outlier]"]);
        yield return Loop("lse-base-2", "The log-sum-exp is in base 2.", new AttentionLoop { Lse = (m, s) => (m + Correct.Log(s)) * 1.442695f }, [Decode]);
        yield return Loop("lse-without-maximum", "The log-sum-exp lacks the maximum.", new AttentionLoop { Lse = (_, s) => Correct.Log(s) }, [Decode]);
        yield return Variant.Instead<AttentionCall>("contract-weights-fp8", "Weights are rounded to E4M3 where the contract keeps bfloat16.", ["attention[s=6,t=150,h=4,hk=1,d=48,dv=32,latent=yes,lse=yes,q=bf16,keys=bf16,schedule=flashmladense]"],
            c => c with { Attributes = c.Attributes with { Contract = c.Attributes.Contract! with { Weights = DType.F8_E4M3, WeightValue = Accumulation.Exact } } });
        yield return Variant.Instead<AttentionCall>("contract-weights-bf16", "Weights are rounded to bfloat16 where the contract keeps binary32.", ["attention[s=6,t=150,h=4,hk=1,d=48,dv=32,latent=yes,lse=yes,schedule=canonical,passes=online,division=quotient,block=64]"],
            c => c with { Attributes = c.Attributes with { Contract = c.Attributes.Contract! with { Weights = DType.BF16 } } });
        yield return Loop("probabilities-bf16", "Probabilities are rounded to bfloat16 before P·V.", new AttentionLoop { Weight = BFloat16.RoundToFloat }, [Decode, "attention[s=4,t=512,h=16,hk=1,d=96,dv=64,latent=yes]"]);
        yield return Loop("probabilities-fp8", "Probabilities are rounded to E4M3 before P·V.", new AttentionLoop { Weight = x => Float8E4M3.FromSingle(x, Fp8Overflow.Saturate).ToSingle() }, [Decode, DecodeInBFloat16]);
        yield return Loop("denominator-bf16", "The denominator sums probabilities that were rounded to bfloat16.", new AttentionLoop { SummedAs = BFloat16.RoundToFloat }, [Decode]);
        yield return Loop("scores-bf16", "Scores are rounded to bfloat16 before the softmax.", new AttentionLoop { Score = BFloat16.RoundToFloat }, [Decode]);
        yield return Loop("query-scaled-in-bf16", "The query is scaled and rounded to bfloat16 before the product.", new AttentionLoop { ScalesQuery = true, Query = BFloat16.RoundToFloat }, [Decode]);
        yield return Loop("scores-in-tf32", "Queries are rounded to TF32 for the scores.", new AttentionLoop { Query = Tf32 }, [Decode]);
        yield return Loop("exp-by-polynomial", "The exponential is a polynomial of degree 3, wrong in the 13th bit.", new AttentionLoop { Exp = Approximations.Exp }, [Decode]);
        yield return Variant.Of<SoftmaxCall>("softmax-row-without-maximum", "Softmax of a row does not subtract the maximum.", ["softmax[t=16,n=512,map=logspread]"],
            (c, _) => Rows(c.X, c.Y, (x, y) =>
            {
                float sum = 0f;
                for (int k = 0; k < x.Length; k++)
                    sum += y[k] = Correct.Exp(x[k]);
                for (int k = 0; k < x.Length; k++)
                    y[k] /= sum;
            }));
        yield return Variant.Of<SoftmaxCall>("softmax-tail-dropped", "The denominator leaves out the elements beyond a multiple of 16.", ["softmax[t=16,n=131]"],
            (c, _) => Rows(c.X, c.Y, (x, y) => SoftmaxRow(x, y, Correct.Exp, x.Length / 16 * 16)));
        yield return Variant.Of<SoftmaxCall>("softmax-exp-by-polynomial", "The exponential is a polynomial of degree 3.", ["softmax[t=16,n=512]"],
            (c, _) => Rows(c.X, c.Y, (x, y) => SoftmaxRow(x, y, Approximations.Exp, x.Length)));
        yield return Variant.After<LogSoftmaxCall>("log-softmax-base-2", "The logarithm is in base 2.", ["log_softmax[t=4,n=257]"], c => c.Y, (_, y) => Scale(y, 1.442695f));
    }

    private static Variant Loop(string name, string sentence, AttentionLoop loop, IReadOnlyList<string> cases) => Variant.Of<AttentionCall>(name, sentence, cases, (c, _) => loop.Run(c));

    private static Tensor Shifted(AttentionCall c)
    {
        float[] keys = Values.Of(c.Keys);
        int D = (int)c.Keys.Shape[2], Dv = (int)c.Y.Shape[2], rows = keys.Length / D;
        float[] values = new float[rows * Dv];
        for (int i = 0; i < values.Length; i++)
            values[i] = keys[i / Dv * D + i % Dv + 1];
        var shifted = new Tensor(c.Keys.DType, c.Keys.Shape[0], c.Keys.Shape[1], Dv);
        Values.Store(values, shifted);
        return shifted;
    }

    internal delegate void RowFunction(ReadOnlySpan<float> x, Span<float> y);

    internal static void Rows(Tensor x, Tensor y, RowFunction row)
    {
        float[] from = Values.Of(x), to = new float[y.ElementCount];
        int n = (int)x.Shape[^1];
        for (int t = 0; t < from.Length / n; t++)
            row(from.AsSpan(t * n, n), to.AsSpan(t * n, n));
        Values.Store(to, y);
    }

    internal static void SoftmaxRow(ReadOnlySpan<float> x, Span<float> y, Func<float, float> exp, int summed)
    {
        float m = float.NegativeInfinity, sum = 0f;
        foreach (float v in x)
            m = MathF.Max(m, v);
        for (int k = 0; k < x.Length; k++)
        {
            y[k] = exp(x[k] - m);
            sum += k < summed ? y[k] : 0f;
        }

        for (int k = 0; k < x.Length; k++)
            y[k] /= sum;
    }

    private static void Scale(float[] y, float factor)
    {
        for (int i = 0; i < y.Length; i++)
            y[i] *= factor;
    }
}
