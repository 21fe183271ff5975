using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Tests.Backends;
using DeepSeek.Reference.Training;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

[Trait(InstructionSets.Trait, InstructionSets.Every)]
public sealed class AdamWTests
{
    private const double Rate = 2.2e-4;

    public static TheoryData<string, bool> Kinds => new()
    {
        { "f32", false }, { "f32", true }, { "bf16-before", false }, { "bf16-before", true }, { "bf16-kept", false }, { "bf16-kept", true },
    };

    /// <summary>The rows are the Python witness's, made of whole numbers.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Rule_N25_three_clipped_steps_have_the_witness_s_bits(string moments, bool decays)
    {
        foreach (bool simd in (bool[])[false, true])
        {
            float[] theta = RecipeGolden.Bell("theta", 0), m = new float[RecipeGolden.Count], v = new float[RecipeGolden.Count];
            BFloat16[] m16 = new BFloat16[m.Length], v16 = new BFloat16[v.Length];
            var options = new AdamWOptions { MomentUse = moments == "bf16-kept" ? MomentUse.AsKept : MomentUse.BeforeRounding };
            for (int t = 1; t <= 3; t++)
            {
                float[] g = RecipeGolden.Bell($"g{t}", 0);
                float scale = GradientNorm.ClipScale(GradientNorm.Of([GradientNorm.DefineSquares(g)]), 1f);
                var step = new AdamWStep(options, t, Rate, decays, scale);
                switch (moments, simd)
                {
                    case ("f32", false): AdamW.Define(theta, g, m, v, step); break;
                    case ("f32", true): AdamW.Simd(theta, g, m, v, step); break;
                    case (_, false): AdamW.Define(theta, g, m16, v16, step); break;
                    default: AdamW.Simd(theta, g, m16, v16, step); break;
                }

                if (moments != "f32")
                {
                    BFloat16Spans.Widen(m16, m);
                    BFloat16Spans.Widen(v16, v);
                }

                string row = $"adamw.{moments}.{(decays ? "decay" : "plain")}.{t}.";
                Assert.Equal(RecipeGolden.Row(row + "theta"), theta);
                Assert.Equal(RecipeGolden.Row(row + "m"), m);
                Assert.Equal(RecipeGolden.Row(row + "v"), v);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(1000)]
    [InlineData(235000)]
    public void Rule_N25_corrections_are_one_quotient_of_binary64(long t)
    {
        var step = new AdamWStep(new AdamWOptions(), t, Rate);
        Assert.Equal(RecipeGolden.Row($"corrections.{t}"), new[] { step.Correction1, step.Correction2 });
    }

    [Property(MaxTest = 200)]
    public bool Rule_N1_AdamW_definition_and_twin_agree_in_every_bit(int seed)
    {
        var s = new Samples(seed);
        float[] theta = s.Values(s.Length()), g = s.Values(theta.Length), m = s.Values(theta.Length), v = s.Values(theta.Length);
        float[] theta2 = [.. theta], m2 = [.. m], v2 = [.. v];
        AdamWStep step = AnyStep(s);
        AdamW.Define(theta, g, m, v, step);
        AdamW.Simd(theta2, g, m2, v2, step);
        return Samples.Same(theta, theta2) && Samples.Same(m, m2) && Samples.Same(v, v2);
    }

    [Property(MaxTest = 200)]
    public bool Rule_N1_AdamW_with_bfloat16_moments_agrees_with_its_twin(int seed)
    {
        var s = new Samples(seed);
        float[] theta = s.Values(s.Length()), g = s.Values(theta.Length), theta2 = [.. theta];
        BFloat16[] m = Array.ConvertAll(s.Values(theta.Length), BFloat16.Round), v = Array.ConvertAll(s.Values(theta.Length), BFloat16.Round), m2 = [.. m], v2 = [.. v];
        AdamWStep step = AnyStep(s);
        AdamW.Define(theta, g, m, v, step);
        AdamW.Simd(theta2, g, m2, v2, step);
        return Samples.Same(theta, theta2) && Same(m, m2) && Same(v, v2);
    }

    [Property(MaxTest = 100)]
    public bool Rule_N1_AdamW_at_every_width(int seed)
    {
        var s = new Samples(seed);
        float[] theta = s.Values(s.Length()), g = s.Values(theta.Length), m = s.Values(theta.Length), v = s.Values(theta.Length);
        float[] theta0 = [.. theta], m0 = [.. m], v0 = [.. v];
        AdamWStep step = AnyStep(s);
        AdamW.Define(theta, g, m, v, step);

        bool Agrees<L>() where L : struct, ILanes<L>
        {
            float[] a = [.. theta0], b = [.. m0], c = [.. v0];
            AdamW.Step<L>(a, g, b, c, step);
            return Samples.Same(theta, a) && Samples.Same(m, b) && Samples.Same(v, c);
        }

        return Agrees<Lanes128>() && (!Isa.Has256 || Agrees<Lanes256>()) && (!Isa.Has512 || Agrees<Lanes512>());
    }

    /// <summary>No gradient has ever come: the weight decays by 1 - ηλ a step, or stays.</summary>
    [Fact]
    public void A_parameter_without_gradient_only_decays()
    {
        float[] decaying = [1f], staying = [1f], zero = [0f];
        AdamW.Define(decaying, zero, new float[1], new float[1], new AdamWStep(new AdamWOptions(), 1, 0.5));
        AdamW.Define(staying, zero, new float[1], new float[1], new AdamWStep(new AdamWOptions(), 1, 0.5, decays: false));
        Assert.Equal(0.95f, decaying[0]);
        Assert.Equal(1f, staying[0]);
    }

    /// <summary>The first step moves every weight by the learning rate, whatever the gradient's size: m/√v is its sign.</summary>
    [Fact]
    public void The_first_step_is_the_sign_of_the_gradient()
    {
        float[] theta = [0f, 0f, 0f], g = [1e-3f, -1e4f, 1f];
        AdamW.Define(theta, g, new float[3], new float[3], new AdamWStep(new AdamWOptions(), 1, 0.25));
        Assert.Equal(0.25, -theta[0], 1e-5);
        Assert.Equal(0.25, theta[1], 1e-6);
        Assert.Equal(0.25, -theta[2], 1e-6);
    }

    [Fact]
    public void Settings_without_an_answer_are_refused()
    {
        Assert.Contains("Beta1 is 1;", Assert.Throws<ContractException>(() => new AdamWOptions { Beta1 = 1 }.Validate()).Message, StringComparison.Ordinal);
        Assert.Contains("Beta2", Assert.Throws<ContractException>(() => new AdamWOptions { Beta2 = double.NaN }.Validate()).Message, StringComparison.Ordinal);
        Assert.Contains("ε is 0;", Assert.Throws<ContractException>(() => new AdamWOptions { Epsilon = 0 }.Validate()).Message, StringComparison.Ordinal);
        Assert.Contains("decay is -1;", Assert.Throws<ContractException>(() => new AdamWOptions { WeightDecay = -1 }.Validate()).Message, StringComparison.Ordinal);
        Assert.Contains("step 0;", Assert.Throws<ContractException>(() => new AdamWStep(new AdamWOptions(), 0, Rate)).Message, StringComparison.Ordinal);
        Assert.Contains("learning rate is -0.1;", Assert.Throws<ContractException>(() => new AdamWStep(new AdamWOptions(), 1, -0.1)).Message, StringComparison.Ordinal);
        Assert.Contains("learning rate is NaN;", Assert.Throws<ContractException>(() => new AdamWStep(new AdamWOptions(), 1, double.NaN)).Message, StringComparison.Ordinal);
        Assert.Contains("learning rate is 1E+39;", Assert.Throws<ContractException>(() => new AdamWStep(new AdamWOptions(), 1, 1e39)).Message, StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => AdamW.Define(new float[2], new float[1], new float[2], new float[2], default));
    }

    private static AdamWStep AnyStep(Samples s)
    {
        var options = new AdamWOptions { MomentUse = s.OneOf<MomentUse>(), Epsilon = s.Coin() ? 1e-8 : 1e-3, WeightDecay = s.Coin() ? 0.1 : 0 };
        return new AdamWStep(options, 1 + s.Int(5), Rate, s.Coin(), s.Coin() ? 1f : 0.37f);
    }

    private static bool Same(BFloat16[] a, BFloat16[] b) => a.Zip(b).All(p => p.First.Bits == p.Second.Bits || (BFloat16.IsNaN(p.First) && BFloat16.IsNaN(p.Second)));
}
