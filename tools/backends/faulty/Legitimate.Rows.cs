using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

internal static partial class Legitimate
{
    /// <summary>Norms, activations, positions, sums over experts: other orders, element functions one unit off.</summary>
    private static IEnumerable<Variant> Elements()
    {
        string[] norms = ["rms_norm[t=4,n=1000]", "rms_norm[t=4,n=512,y=bf16]"];
        yield return Norm("norm-float64", "The mean square in binary64.", norms, (x, eps) => (float)(1 / Math.Sqrt(Square64(x) / x.Length + eps)));
        yield return Norm("norm-sequential", "One chain.", norms, (x, eps) => Correct.ReciprocalSqrt(Dots.Sequential(x, x) / x.Length + eps));
        yield return Norm("norm-root-then-quotient", "A root, then a quotient: two roundings.", norms, (x, eps) => 1f / MathF.Sqrt(Dots.Lanes(x, x) / x.Length + eps));
        yield return Activation("silu-one-ulp-off", "SiLU one unit in the last place off for one argument in four, to either side.", x => Values.Near(Correct.SiLU(x)));
        yield return Activation("silu-by-sigmoid", "x times the rounded sigmoid.", x => x * Correct.Sigmoid(x));
        yield return Activation("silu-by-quotient", "x over 1 + e^-x, each step rounded.", x => x / (1f + Correct.Exp(-x)));
        yield return Variant.Instead<RopeCall>("rope-separate", "Both products are rounded before they are added.", ["rope[t=8,h=2,d=48,dr=32,start=5]", "rope[t=8,h=2,d=48,dr=32,start=77,y=bf16]"],
            c => c with { Attributes = c.Attributes with { Rotation = RopeRotation.Separate } });
        yield return Variant.Instead<CombineCall>("combine-separate", "A product and an addition in place of the fma.", ["combine[t=8,d=64,e=16,k=4]", "combine[t=8,d=64,e=16,k=4,y=bf16]"], c => c with { Rounding = CombineRounding.Separate });
        yield return Variant.Of<CombineCall>("combine-by-slot", "Experts are added in the order of slots.", ["combine[t=8,d=64,e=16,k=4]", "combine[t=8,d=64,e=16,k=4,y=bf16]"], (c, _) =>
        {
            float[] y = new float[c.Y.ElementCount];
            Bugs.Combine(c, y, (sum, w, o) => MathF.FusedMultiplyAdd(w, o, sum));
            Values.Store(y, c.Y);
        });
        yield return Variant.After<AddCall>("add-as-it-is", "The sum has one right answer.", ["add[n=1000]"], c => c.Y, (_, _) => { });
    }

    /// <summary>Choices and quantisers: other algorithms with the same rule.</summary>
    private static IEnumerable<Variant> Choices()
    {
        string[] routers = ["gate[t=16,e=64,k=8,groups=8,kept=4]", "gate[t=16,e=32,k=4,groups=8,kept=4,map=tie]"];
        yield return Gate("gate-by-sorting", "All experts are sorted; ties go to the lower index.", new GateLoop(), routers);
        yield return Gate("sigmoid-one-ulp-off", "The sigmoid one unit in the last place off for one argument in four, to either side.", new GateLoop { Sigmoid = x => Values.Near(Correct.Sigmoid(x)) }, ["gate[t=16,e=64,k=8,groups=8,kept=4]"]);
        yield return Variant.Of<QuantizeCall>("quantise-in-loops", "The tile's maximum in another order.", ["quantize[t=8,k=300]", "quantize[t=8,k=300,scales=ue8m0,x=bf16]", "quantize[t=130,k=140,tile=block128x128]"],
            (c, _) => new QuantiserLoop { Amax = tile => tile.Reverse().Max(MathF.Abs) }.Run(c));
        yield return Variant.Of<DequantizeCall>("dequantise-float64", "The product in binary64, rounded once.", ["dequantize[t=8,k=300]"], (c, _) =>
        {
            float[] codes = Values.Of(c.Codes), scales = Values.Of(c.Scales);
            var grid = new TileGrid(c.Tile, (int)c.Codes.Shape[0], (int)c.Codes.Shape[1]);
            int K = (int)c.Codes.Shape[1];
            Values.Store([.. codes.Select((v, i) => (float)((double)v * scales[grid.ScaleOf(i / K, i % K)]))], c.Y);
        });
    }

    private static Variant Norm(string name, string sentence, IReadOnlyList<string> cases, Bugs.RootOf root) => Bugs.Norm(name, sentence, cases, root);

    private static Variant Activation(string name, string sentence, Func<float, float> silu) => Bugs.Activation(name, sentence, silu, ["swiglu[n=2000]", "swiglu[n=2000,gate=bf16,up=bf16,y=bf16]"]);

    private static Variant Gate(string name, string sentence, GateLoop loop, IReadOnlyList<string> cases) => Bugs.Gate(name, sentence, loop, cases);

    private static double Square64(ReadOnlySpan<float> x)
    {
        double sum = 0;
        foreach (float v in x)
            sum += (double)v * v;
        return sum;
    }
}
