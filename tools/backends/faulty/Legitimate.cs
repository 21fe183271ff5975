using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

/// <summary>Evaluations that are as good as the contract's, and must never raise an alarm.</summary>
internal static partial class Legitimate
{
    private static readonly string[] Linears = ["linear[t=8,n=48,k=512]", "linear[t=8,n=64,k=512,y=bf16]", "linear[t=4,n=32,k=300,map=logspread]", "linear[t=8,n=32,k=256,x=bf16,weight=bf16]"];
    private static readonly string[] Fp8s = ["scaled_linear[t=8,n=32,k=512]", "scaled_linear[t=8,n=64,k=512,y=bf16]"];
    private static readonly string[] Attentions = ["attention[s=2,t=150,h=4,hk=1,d=48,dv=32,latent=yes,lse=yes]", "attention[s=6,t=70,h=2,hk=2,d=24,dv=16,q=bf16,keys=bf16,values=bf16,y=bf16]"];

    private const string OnlineInBlocks = "attention[s=6,t=150,h=4,hk=1,d=48,dv=32,latent=yes,lse=yes,schedule=canonical,passes=online,block=64,division=quotient]";
    private static readonly string[] DenseDecoding =
    [
        "attention[s=6,t=150,h=4,hk=1,d=48,dv=32,latent=yes,q=bf16,keys=bf16,lse=yes,schedule=flashmladense]",
        "attention[s=4,t=300,h=2,hk=1,d=72,dv=64,latent=yes,q=bf16,keys=bf16,y=bf16,schedule=flashmladense]",
    ];

    /// <summary>All legitimate variants.</summary>
    public static IReadOnlyList<Variant> All { get; } = [.. Sums(), .. ScaledSums(), .. Softmaxes(), .. UnderContracts(), .. Elements(), .. Choices(), .. Gradients()];

    private static IEnumerable<Variant> Sums()
    {
        yield return Product("sum-sequential", "One chain of fma, k ascending.", Dots.Sequential);
        yield return Product("sum-reversed", "One chain of fma, k descending.", Dots.Reversed);
        yield return Product("sum-pairwise", "Halves are added up.", Dots.Pairwise);
        yield return Product("sum-unfused", "A product and an addition in place of each fma.", Dots.Separate);
        yield return Product("sum-exact", "No rounding before the last.", Dots.Exact);
        yield return Product("sum-float64", "In binary64, rounded once.", Dots.Double);
        yield return Product("split-k-2", "K in two parts, added in binary32.", Dots.Split(2));
        yield return Product("split-k-4", "K in four parts, added in binary32.", Dots.Split(4));
        yield return Variant.Of<LinearCall>("sum-in-any-order", "The order differs from call to call.", Linears, (c, run) => Dots.Run(c, Dots.Strided(7 * run.Calls))) with { FreeOrder = true };
        yield return Variant.Instead<GroupedLinearCall>("grouped-sequential", "One chain a group's output.", ["grouped_linear[r=11,g=4,n=24,k=256]", "grouped_linear[r=11,g=4,n=24,k=256,y=bf16]"], c => c with { Accumulation = Accumulation.Sequential });
        yield return Variant.Instead<AbsorbQueryCall>("absorb-query-sequential", "One chain.", ["absorb_query[s=3,h=4,dn=32,dr=8,dv=32,c=64]"], c => c with { Accumulation = Accumulation.Sequential });
        yield return Variant.Instead<AbsorbOutputCall>("absorb-output-float64", "In binary64.", ["absorb_output[s=3,h=4,dn=32,dv=32,c=64]"], c => c with { Accumulation = Accumulation.Float64 });
    }

    private static IEnumerable<Variant> Gradients()
    {
        string[] wgrads = ["linear_wgrad[t=300,n=8,k=48]", "linear_wgrad[t=64,n=16,k=64,map=logspread]"];
        yield return Variant.Instead<LinearDgradCall>("dgrad-sequential", "One chain of fma over the out-features.", ["linear_dgrad[t=8,n=512,k=48]", "linear_dgrad[t=8,n=256,k=64,weight=bf16]"], c => c with { Accumulation = Accumulation.Sequential });
        yield return Variant.Instead<LinearWgradCall>("wgrad-sequential", "One chain of fma over the positions.", wgrads, c => c with { Accumulation = Accumulation.Sequential });
        yield return Variant.Of<LinearWgradCall>("wgrad-begins-at-c", "The chain over the positions begins at C, where the contract adds the whole sum.", wgrads, BeginningAtC);
        yield return Variant.Instead<GroupedLinearWgradCall>("k-grouped-float64", "Each group's sum in binary64.", ["grouped_linear_wgrad[r=200,g=4,n=8,k=32]"], c => c with { Accumulation = Accumulation.Float64 });
        yield return Variant.After<EmbeddingBackwardCall>("embedding-backward-in-order", "Rows are added to C one after the other.", ["embedding_backward[v=7,d=64,t=64]"], c => c.DWeight, InOrder);
        yield return Variant.Of<RmsNormBackwardCall>("norm-backward-two-terms", "dx as the difference of r g and r x̂ c.", ["rms_norm_backward[t=32,n=128]", "rms_norm_backward[t=8,n=512,weight=bf16]"],
            (c, run) => Bugs.Norm(c, run, (g, h, sum, r, n) => r * g - r * (h * (sum / n))));
        yield return Variant.After<SwiGluBackwardCall>("swiglu-backward-by-difference", "1 - σ(a) as a difference.", ["swiglu_backward[n=4096]", "swiglu_backward[n=2000,map=logspread]"],
            c => c.DGate, (c, d) => Bugs.Slope(c, d, (s, a) => s * (1 + a * (1 - s))));
        yield return Variant.Instead<RopeBackwardCall>("rope-backward-separate", "Both products are rounded before they are added.", ["rope_backward[t=8,h=4,d=48,dr=32,start=5]"],
            c => c with { Attributes = c.Attributes with { Rotation = RopeRotation.Separate } });
        yield return Variant.Instead<AttentionBackwardCall>("attention-backward-sequential", "Every sum as one chain.", ["attention_backward[s=8,t=64,h=2,d=64,dv=32]"],
            c => c with { Attributes = c.Attributes with { Accumulation = Accumulation.Sequential } });
        yield return Variant.Instead<AttentionBackwardCall>("attention-backward-float64", "Every sum in binary64.", ["attention_backward[s=8,t=64,h=2,d=64,dv=32]"],
            c => c with { Attributes = c.Attributes with { Accumulation = Accumulation.Float64 } });
        yield return Variant.Of<GateBackwardCall>("gate-backward-unfused", "Products and additions in place of the fma.", ["gate_backward[t=16,e=32,k=4,other=yes]"],
            (c, _) => Bugs.Gate(c, (dw, mean, total) => (dw - mean) * c.Attributes.Scale / total));
    }

    private static void InOrder(EmbeddingBackwardCall c, float[] d)
    {
        float[] dy = Values.Of(c.Dy);
        int width = (int)c.Dy.Shape[1];
        Values.Of(c.C).CopyTo(d, 0);
        for (int i = 0; i < dy.Length; i++)
            d[c.Ids.AsReadOnlySpan<int>()[i / width] * width + i % width] += dy[i];
    }

    private static void BeginningAtC(LinearWgradCall c, VariantRun run)
    {
        float[] dy = Values.Of(c.Dy), x = Values.Of(c.X), d = Values.Of(c.C);
        int T = (int)c.Dy.Shape[0], N = (int)c.Dy.Shape[1], K = (int)c.X.Shape[1];
        for (int i = 0; i < d.Length; i++)
        {
            for (int t = 0; t < T; t++)
                d[i] = MathF.FusedMultiplyAdd(dy[t * N + i / K], x[t * K + i % K], d[i]);
        }

        Values.Store(d, c.DWeight);
    }

    private static IEnumerable<Variant> ScaledSums()
    {
        HopperChain hopper = HopperChain.AsMeasured, wide = new(25, 23);
        yield return Scaled("blocks-reversed", "Blocks are added from the last to the first.", ScaledDots.Blocks((i, n) => n - 1 - i, (acc, part) => acc + part, hopper));
        yield return Scaled("blocks-unfused", "A product and an addition in place of the fma of a block.", ScaledDots.Blocks((i, _) => i, (acc, part) => acc + part, hopper));
        yield return Scaled("accumulator-f25", "The unit keeps 25 fraction bits, not 13.", ScaledDots.Blocks((i, _) => i, (acc, part) => acc + part, wide));
        yield return Scaled("scaled-split-k-2", "K in two parts, added in binary32.", ScaledDots.Split(2, x => x));
        yield return Scaled("scaled-split-k-4", "K in four parts, added in binary32.", ScaledDots.Split(4, x => x));
        yield return Variant.Instead<ScaledLinearCall>("blocks-exact", "Each block's sum is exact.", Fp8s, c => c with { Product = ScaledProduct.TorchReexpression });
        yield return Variant.Instead<ScaledLinearCall>("scales-one-by-one", "The sum is multiplied with one scale, then with the other.", Fp8s, c => c with { Product = ScaledProduct.TritonFp8Gemm });
        yield return Variant.Instead<GroupedScaledLinearCall>("grouped-blocks-exact", "Each block's sum is exact.", ["grouped_scaled_linear[r=11,g=3,n=32,k=512]"], c => c with { Product = ScaledProduct.TorchReexpression });
    }

    private static IEnumerable<Variant> Softmaxes()
    {
        yield return Loop("attention-one-block", "All keys at once; P·V before the division.", new AttentionLoop());
        yield return Loop("online-64", "Online softmax over blocks of 64 keys.", new AttentionLoop { Block = 64 });
        yield return Loop("online-128", "Online softmax over blocks of 128 keys.", new AttentionLoop { Block = 128 });
        yield return Loop("split-kv-2", "Two splits of the keys, combined by their maxima.", new AttentionLoop { Splits = 2 });
        yield return Loop("split-kv-4-online", "Four splits of online softmax.", new AttentionLoop { Splits = 4, Block = 16 });
        yield return Loop("attention-scores-sequential", "Scores by one chain.", new AttentionLoop { Dot = Dots.Sequential });
        yield return Loop("attention-exp2", "e^x as 2^(x log2 e), the product rounded.", new AttentionLoop { Exp = ByExp2 });
        yield return Loop("attention-query-scaled", "The query is scaled, not the score.", new AttentionLoop { ScalesQuery = true });
        yield return Variant.Instead<AttentionCall>("attention-float64", "All sums in binary64.", Attentions, c => c with { Attributes = c.Attributes with { Accumulation = Accumulation.Float64 } });
        yield return Variant.Of<SoftmaxCall>("softmax-float64", "Softmax in binary64.", ["softmax[t=4,n=300]", "softmax[t=4,n=300,x=bf16,y=bf16]"], (c, _) => Bugs.Rows(c.X, c.Y, Softmax64));
        yield return Variant.Of<SoftmaxCall>("softmax-exp2", "e^x as 2^(x log2 e).", ["softmax[t=4,n=300]"], (c, _) => Bugs.Rows(c.X, c.Y, (x, y) => Bugs.SoftmaxRow(x, y, ByExp2, x.Length)));
        yield return Variant.Of<LogSoftmaxCall>("log-softmax-float64", "Log-softmax in binary64.", ["log_softmax[t=4,n=300]"], (c, _) => Bugs.Rows(c.X, c.Y, LogSoftmax64));
    }

    private static IEnumerable<Variant> UnderContracts()
    {
        yield return Variant.Of<AttentionCall>("contract-one-block", "All keys at once where blocks of 64 are declared.", [OnlineInBlocks], (c, _) => new AttentionLoop().Run(c));
        yield return Variant.Of<AttentionCall>("contract-online-128", "Blocks of 128 where 64 are declared.", [OnlineInBlocks], (c, _) => new AttentionLoop { Block = 128 }.Run(c));
        yield return Variant.Of<AttentionCall>("contract-split-kv-2", "Two splits where none is declared.", [OnlineInBlocks], (c, _) => new AttentionLoop { Splits = 2 }.Run(c));
        yield return Under("contract-block-128", "Blocks of 128.", c => c with { Block = 128 });
        yield return Under("contract-denominator-sequential", "The denominator as one chain.", c => c with { Order = WeightOrder.Sequential });
        yield return Under("contract-reciprocal", "A product with the reciprocal of the denominator.", c => c with { Division = AttentionDivision.Reciprocal });
        yield return Under("contract-exact-scores", "Scores without rounding before the last.", c => c with { QueryKey = Accumulation.Exact });
        yield return Under("contract-float64-values", "P·V in binary64.", c => c with { WeightValue = Accumulation.Float64 });
        yield return Under("contract-ampere", "Another matrix unit.", c => c with { QueryKey = Accumulation.TensorCore(TensorCores.TensorCore.AmpereMmaBF16F32), WeightValue = Accumulation.TensorCore(TensorCores.TensorCore.AmpereMmaBF16F32) });
    }

    private static Variant Under(string name, string sentence, Func<AttentionContract, AttentionContract> other) =>
        Variant.Instead<AttentionCall>(name, sentence, DenseDecoding, c => c with { Attributes = c.Attributes with { Contract = other(c.Attributes.Contract!) } });

    private static Variant Product(string name, string sentence, Dot dot) => Variant.Of<LinearCall>(name, sentence, Linears, (c, _) => Dots.Run(c, dot));

    private static Variant Scaled(string name, string sentence, ScaledDot dot) => Variant.Of<ScaledLinearCall>(name, sentence, Fp8s, (c, _) => ScaledDots.Run(c, dot));

    private static Variant Loop(string name, string sentence, AttentionLoop loop) => Variant.Of<AttentionCall>(name, sentence, Attentions, (c, _) => loop.Run(c));

    private static float ByExp2(float x) => Correct.Exp2(x * 1.44269504f);

    private static void Softmax64(ReadOnlySpan<float> x, Span<float> y)
    {
        double m = double.NegativeInfinity, sum = 0;
        foreach (float v in x)
            m = Math.Max(m, v);
        foreach (float v in x)
            sum += Math.Exp(v - m);
        for (int k = 0; k < x.Length; k++)
            y[k] = (float)(Math.Exp(x[k] - m) / sum);
    }

    private static void LogSoftmax64(ReadOnlySpan<float> x, Span<float> y)
    {
        double m = double.NegativeInfinity, sum = 0;
        foreach (float v in x)
            m = Math.Max(m, v);
        foreach (float v in x)
            sum += Math.Exp(v - m);
        for (int k = 0; k < x.Length; k++)
            y[k] = (float)(x[k] - m - Math.Log(sum));
    }
}
