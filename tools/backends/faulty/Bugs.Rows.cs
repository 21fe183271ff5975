using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

internal static partial class Bugs
{
    private const string Hidden = "rms_norm[t=8,n=7168]";
    private const string HiddenInBFloat16 = "rms_norm[t=32,n=7168,contract=deepseekinference]";

    /// <summary>RMSNorm.</summary>
    private static IEnumerable<Variant> Norms()
    {
        yield return Norm("eps-outside", "ε is added to the root, not to the mean square.", ["rms_norm[t=32,n=1536,eps=1e-05]", "rms_norm[t=8,n=512,eps=0.01,map=logspread]"],
            (x, eps) => 1f / (MathF.Sqrt(MeanSquare(x)) + eps));
        yield return Variant.Instead<RmsNormCall>("eps-missing", "ε is not added.", ["rms_norm[t=32,n=1536,eps=1e-05]"], c => c with { Epsilon = 0f });
        yield return Variant.Instead<RmsNormCall>("norm-weight-rounding", "The rounding to bfloat16 before the weight is left out.", [HiddenInBFloat16],
            c => c with { Rounding = RmsNormRounding.None });
        yield return Variant.Instead<RmsNormCall>("norm-rounded-before-weight", "x·r is rounded to bfloat16 before the weight though the contract keeps it.", [Hidden],
            c => c with { Rounding = RmsNormRounding.BeforeWeight });
        yield return Variant.Instead<RmsNormCall>("norm-weight-plus-one", "The weight is 1 + w.", [Hidden], c => c with { Weight = Values.Map(c.Weight, w => 1f + w) });
        yield return Norm("norm-subtracts-mean", "The mean is taken off first, as LayerNorm does.", ["rms_norm[t=8,n=512]"], (x, eps) => Correct.ReciprocalSqrt(Variance(x) + eps), Mean);
        yield return Norm("norm-without-mean", "The sum of squares is not divided by n.", ["rms_norm[t=8,n=512]"], (x, eps) => Correct.ReciprocalSqrt(MeanSquare(x) * x.Length + eps));
        yield return Norm("rsqrt-12-bits", "1/√x is an estimate of 12 bits.", [Hidden], (x, eps) => Approximations.ReciprocalSqrt(MeanSquare(x) + eps));
        yield return Norm("norm-padded-length", "The mean divides by n rounded up to a multiple of 64.", ["rms_norm[t=8,n=1500]", "rms_norm[t=8,n=7167]"],
            (x, eps) => Correct.ReciprocalSqrt(MeanSquare(x) * x.Length / ((x.Length + 63) / 64 * 64) + eps));
        yield return Norm("norm-squares-bf16", "Squares are rounded to bfloat16 before they are added.", ["rms_norm[t=32,n=512]"], (x, eps) => Correct.ReciprocalSqrt(MeanOf(x, v => BFloat16.RoundToFloat(v * v)) + eps));
        yield return Norm("norm-tail-dropped", "The squares beyond a multiple of 64 are left out of the sum.", ["rms_norm[t=8,n=1500]"],
            (x, eps) => Correct.ReciprocalSqrt(MeanSquare(x[..(x.Length / 64 * 64)]) * (x.Length / 64 * 64) / x.Length + eps));
    }

    /// <summary>SwiGLU.</summary>
    private static IEnumerable<Variant> Activations()
    {
        yield return Variant.Instead<SwiGluCall>("gate-and-up-swapped", "SiLU is taken of the up projection.", ["swiglu[n=4096]"], c => c with { Gate = c.Up, Up = c.Gate });
        yield return Activation("silu-10-bits", "SiLU uses a sigmoid of 10 bits.", x => x * Approximations.Sigmoid(x), ["swiglu[n=4096]", "swiglu[n=65536,gate=bf16,up=bf16,y=bf16]"]);
        yield return Activation("silu-by-polynomial", "SiLU uses an exponential by a polynomial of degree 3.", x => x / (1f + Approximations.Exp(-x)), ["swiglu[n=4096]"]);
        yield return Activation("gelu-for-silu", "The activation is GELU.", Approximations.Gelu, ["swiglu[n=4096]"]);
        yield return Activation("silu-clamped", "The gate is clamped to 10.", x => Correct.SiLU(MathF.Min(x, 10f)), ["swiglu[n=65536,map=outlier]"]);
        yield return Activation("silu-bf16", "SiLU is rounded to bfloat16 though the contract keeps it.", x => BFloat16.RoundToFloat(Correct.SiLU(x)), ["swiglu[n=4096]", "swiglu[n=65536,gate=bf16,up=bf16,y=bf16]"]);
        yield return Variant.Instead<SwiGluCall>("silu-not-rounded", "SiLU is not rounded to bfloat16 though the contract says so.", ["swiglu[n=65536,contract=deepseekinference]"],
            c => c with { Rounding = SwiGluRounding.None });
        yield return Variant.Instead<SwiGluCall>("index-of-16-bits", "The gate's index is kept in 16 bits: it begins again at 65536.", ["swiglu[n=66048]"],
            c => c with { Gate = Values.With(c.Gate, g => g.AsSpan(0, g.Length - 65536).CopyTo(g.AsSpan(65536))) });
    }

    /// <summary>Rotary positions.</summary>
    private static IEnumerable<Variant> Positions()
    {
        const string Heads = "rope[t=16,h=4,d=64,dr=32,start=5]";
        yield return Variant.Instead<RopeCall>("half-for-interleaved", "Pairs are (i, i + dr/2), not (2i, 2i + 1).", [Heads, "rope[t=8,h=8,d=192,dr=64,start=100,contract=deepseekinference]"],
            c => c with { Attributes = c.Attributes with { Layout = RopeLayout.Half } });
        yield return Variant.Instead<RopeCall>("position-off-by-one", "Positions begin one too late.", [Heads], c => c with { Positions = Values.Map(c.Positions, p => p + 1) });
        yield return Variant.Instead<RopeCall>("position-restarts", "Positions begin at 0 in every chunk.", [Heads], c => c with { Positions = Values.Map(c.Positions, p => p - 5) });
        yield return Variant.Instead<RopeCall>("rotated-backwards", "The sine has the wrong sign.", [Heads], c => c with { Frequencies = Values.Map(c.Frequencies, f => -f) });
        yield return Variant.Instead<RopeCall>("frequencies-bf16", "The frequencies are kept in bfloat16.", ["rope[t=16,h=4,d=64,dr=32,start=5]", "rope[t=8,h=2,d=64,dr=64,start=4000]"],
            c => c with { Frequencies = Values.Map(c.Frequencies, BFloat16.RoundToFloat) });
        yield return Variant.Instead<RopeCall>("cosines-bf16", "Cosine and sine, the products and the sum are rounded to bfloat16.", [Heads],
            c => c with { Attributes = c.Attributes with { Rotation = RopeRotation.EveryStep } });
        yield return Variant.Instead<RopeCall>("magnitude-ignored", "Cosine and sine lack their factor.", ["rope[t=16,h=4,d=64,dr=32,magnitude=1.01]"],
            c => c with { Attributes = c.Attributes with { Magnitude = 1f } });
        yield return Variant.Instead<RopeCall>("positions-of-fp16", "Positions are kept in binary16: beyond 2048 odd ones are lost.", ["rope[t=8,h=2,d=64,dr=64,start=4001]"],
            c => c with { Positions = Values.Map(c.Positions, p => (float)(Half)p) });
        yield return Variant.Instead<RopeCall>("last-pair-unrotated", "The last pair of each head has frequency 0.", ["rope[t=16,h=4,d=64,dr=32,start=5]"],
            c => c with { Frequencies = Values.With(c.Frequencies, f => f[^1] = 0f) });
    }

    internal delegate float RootOf(ReadOnlySpan<float> x, float epsilon);

    internal delegate float CentreOf(ReadOnlySpan<float> x);

    internal static Variant Norm(string name, string sentence, IReadOnlyList<string> cases, RootOf root, CentreOf? centre = null) => Variant.Of<RmsNormCall>(name, sentence, cases, (c, _) =>
    {
        float[] w = Values.Of(c.Weight);
        Rows(c.X, c.Y, (x, y) =>
        {
            float r = root(x, c.Epsilon), mean = centre is null ? 0f : centre(x);
            for (int k = 0; k < x.Length; k++)
                y[k] = (x[k] - mean) * r * w[k];
        });
    });

    internal static Variant Activation(string name, string sentence, Func<float, float> silu, IReadOnlyList<string> cases) => Variant.Of<SwiGluCall>(name, sentence, cases, (c, _) =>
        Values.Store([.. Values.Of(c.Gate).Zip(Values.Of(c.Up), (g, u) => silu(g) * u)], c.Y));

    private static float MeanSquare(ReadOnlySpan<float> x) => Dots.Lanes(x, x) / x.Length;

    private static float MeanOf(ReadOnlySpan<float> x, Func<float, float> term)
    {
        float sum = 0f;
        foreach (float v in x)
            sum += term(v);
        return sum / x.Length;
    }

    private static float Mean(ReadOnlySpan<float> x) => MeanOf(x, v => v);

    private static float Variance(ReadOnlySpan<float> x)
    {
        float mean = Mean(x);
        return MeanOf(x, v => (v - mean) * (v - mean));
    }
}
