using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Tests.Model;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>Gradients under the recipes: their bits, what does not move them, and how far they are from binary32's.</summary>
public class TrainingPrecisionTests
{
    public static TheoryData<string> Variants => [.. All.Keys];

    private static Accumulation Hopper => Accumulation.TensorCore(TensorCore.HopperWgmmaBF16F32);

    private static Dictionary<string, TrainingPrecision> All { get; } = new()
    {
        ["bf16"] = TrainingPrecision.BF16,
        ["bf16-hopper"] = TrainingPrecision.BF16 with { BFloat16Sums = Hopper },
        ["bf16-exact"] = TrainingPrecision.BF16 with { BFloat16Sums = Accumulation.Exact },
        ["fp8"] = TrainingPrecision.Fp8,
        ["fp8-hopper"] = TrainingPrecision.Fp8 with { BFloat16Sums = Hopper },
        ["exact"] = TrainingPrecision.Fp8 with { Product = ScaledProduct.TorchReexpression },
        ["lanes16"] = TrainingPrecision.Fp8 with { Product = TrainingPrecision.Products.Single(p => p.Name == "lanes16").Product },
        ["tensor"] = TrainingPrecision.Fp8 with { Scaling = Fp8Scaling.Tensor },
        ["unpromoted"] = TrainingPrecision.Fp8 with { Scaling = Fp8Scaling.Tensor, Product = ScaledProduct.HopperWithoutPromotion },
    };

    [Theory]
    [InlineData("bf16", "949d04c3085ffc3f")]
    [InlineData("bf16-hopper", "c2770d56d490da92")]
    [InlineData("bf16-exact", "f01df9346e0c1d75")]
    [InlineData("fp8", "a701be1947ab4380")]
    [InlineData("fp8-hopper", "f4553282a421c683")]
    [InlineData("exact", "88c3d422e4bee53f")]
    [InlineData("lanes16", "def10ac983ba0896")]
    [InlineData("tensor", "f289007cf4ac8042")]
    public void A_recipes_gradients_have_these_bits(string variant, string digest) =>
        Assert.All<IBackwardBackend>([new ScalarBackend(), new SimdBackend(2)], backend => Assert.Equal(digest, PrecisionModel.Digest(PrecisionModel.Gradients(All[variant], backend))));

    /// <summary>Rule N16: sequences are summed in order, so that no split of a batch moves a bit.</summary>
    [Theory]
    [MemberData(nameof(Variants))]
    public void Rule_N16_a_split_batch_has_the_same_bits(string variant)
    {
        var model = new GradientModel(PrecisionModel.Config, SyntheticModel.Weights(PrecisionModel.Config).GetValueOrDefault, new SimdBackend(1), precision: All[variant]);
        GradientSet parts = model.NewGradients(BatchTotals.Of(PrecisionModel.Rows), PrecisionModel.Options);
        foreach (int[] row in PrecisionModel.Rows)
            model.Accumulate([row], parts);
        Assert.Equal(PrecisionModel.Digest(PrecisionModel.Gradients(All[variant])), PrecisionModel.Digest(parts));
    }

    /// <summary>What is computed again is what was.</summary>
    [Theory]
    [MemberData(nameof(Variants))]
    public void Recomputation_moves_no_bit(string variant) => Assert.Equal(
        PrecisionModel.Digest(PrecisionModel.Gradients(All[variant])), PrecisionModel.Digest(PrecisionModel.Gradients(All[variant] with { Recompute = false })));

    [Fact]
    public void Recomputation_moves_no_bit_in_binary32_or_without_query_compression()
    {
        Assert.Equal(PrecisionModel.Digest(PrecisionModel.Gradients(TrainingPrecision.Fp32)), PrecisionModel.Digest(PrecisionModel.Gradients(TrainingPrecision.Fp32 with { Recompute = true })));
        foreach (TrainingPrecision recipe in (TrainingPrecision[])[TrainingPrecision.BF16, TrainingPrecision.Fp8])
        {
            Assert.Equal(
                PrecisionModel.Digest(PrecisionModel.Gradients(recipe, config: SyntheticModel.V2)),
                PrecisionModel.Digest(PrecisionModel.Gradients(recipe with { Recompute = false }, config: SyntheticModel.V2)));
        }
    }

    /// <summary>Weights that change between passes are cast, and turned, again.</summary>
    [Theory]
    [InlineData("bf16")]
    [InlineData("bf16-hopper")]
    [InlineData("fp8")]
    public void Weights_are_cast_anew_for_each_pass(string variant)
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(PrecisionModel.Config);
        var model = new GradientModel(PrecisionModel.Config, weights.GetValueOrDefault, new SimdBackend(1), precision: All[variant]);
        string before = PrecisionModel.Digest(model.Gradients(PrecisionModel.Rows, PrecisionModel.Options));
        weights["model.layers.0.self_attn.o_proj.weight"].AsSpan<float>()[0] += 1;
        Assert.NotEqual(before, PrecisionModel.Digest(model.Gradients(PrecisionModel.Rows, PrecisionModel.Options)));
        weights["model.layers.0.self_attn.o_proj.weight"].AsSpan<float>()[0] -= 1;
        Assert.Equal(before, PrecisionModel.Digest(model.Gradients(PrecisionModel.Rows, PrecisionModel.Options)));
    }

    /// <summary>Weights that are bfloat16 already are taken as they are, and what a unit has of them turned is as fresh.</summary>
    [Fact]
    public void Weights_of_bfloat16_are_turned_anew_for_each_pass()
    {
        const string Name = "model.layers.0.self_attn.o_proj.weight";
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(PrecisionModel.Config);
        var narrow = new Tensor(DType.BF16, weights[Name].Shape);
        new SimdBackend(1).Cast(weights[Name], narrow);
        weights[Name] = narrow;
        GradientModel model = Make();
        string before = PrecisionModel.Digest(model.Gradients(PrecisionModel.Rows, PrecisionModel.Options));
        narrow.AsSpan<BFloat16>()[0] = BFloat16.FromBits((ushort)(narrow.AsSpan<BFloat16>()[0].Bits ^ 0x8000));
        string after = PrecisionModel.Digest(Make().Gradients(PrecisionModel.Rows, PrecisionModel.Options));
        Assert.NotEqual(before, after);
        Assert.Equal(after, PrecisionModel.Digest(model.Gradients(PrecisionModel.Rows, PrecisionModel.Options)));

        GradientModel Make() => new(PrecisionModel.Config, weights.GetValueOrDefault, new SimdBackend(1), precision: All["bf16-hopper"]);
    }

    /// <summary>
    /// A rounding to bfloat16 is off by 2^-9 at most, one to E4M3 by 2^-4; a gradient has passed tens of them, of random sign. So the median parameter is off by a few times one, and a
    /// transposed operand, a wrong scale or a lost factor, which are of the gradient's own size, are far beyond. Every token has every expert here: a choice that a rounding turns is a step, not an error.
    /// </summary>
    [Theory]
    [InlineData("bf16", 0.03)]
    [InlineData("bf16-hopper", 0.03)]
    [InlineData("fp8", 0.2)]
    [InlineData("exact", 0.2)]
    [InlineData("tensor", 0.2)]
    public void Gradients_are_near_those_of_binary32(string variant, double bound)
    {
        GradientSet exact = Unrouted(TrainingPrecision.Fp32), rounded = Unrouted(All[variant]);
        Assert.InRange(Median(rounded, exact), bound / 20, bound);
        Assert.InRange(Math.Abs(rounded.Losses.Total / exact.Losses.Total - 1), 0, bound / 10);
    }

    /// <summary>Sums that keep 13 bits differ from exact ones by less than a rounding to E4M3 does: 2^-13 a product against 2^-4.</summary>
    [Fact]
    public void The_accumulation_matters_less_than_the_codes()
    {
        GradientSet exact = Unrouted(All["exact"]), hopper = Unrouted(All["fp8"]), wide = Unrouted(TrainingPrecision.Fp32);
        Assert.InRange(Median(hopper, exact), double.Epsilon, Median(exact, wide) / 2);
    }

    /// <summary>So does Hopper's bfloat16 unit, which keeps 25 bits: 2^-25 a product against 2^-9.</summary>
    [Fact]
    public void The_bfloat16_units_sums_matter_less_than_its_operands()
    {
        GradientSet exact = Unrouted(All["bf16-exact"]), hopper = Unrouted(All["bf16-hopper"]), wide = Unrouted(TrainingPrecision.Fp32);
        Assert.InRange(Median(hopper, exact), double.Epsilon, Median(exact, wide) / 2);
    }

    [Fact]
    public void Parts_that_do_not_fit_together_are_refused()
    {
        Assert.Contains("fp8.scales tensor", Refused(TrainingPrecision.Fp8 with { Product = ScaledProduct.HopperWithoutPromotion }), StringComparison.Ordinal);
        Assert.Contains("inside its sum", Refused(TrainingPrecision.Fp8 with { Product = ScaledProduct.DeepGemmSm100 }), StringComparison.Ordinal);
        Assert.Contains("take fp32, bf16 or fp8", Assert.Throws<ContractException>(() => TrainingPrecision.Parse("fp16")).Message, StringComparison.Ordinal);
        Assert.Contains("fp8.accumulation 'none'", Assert.Throws<ContractException>(() => new TrainOptions { Precision = "fp8", Fp8Accumulation = "none" }.Arithmetic()).Message, StringComparison.Ordinal);

        Assert.Contains("bf16.accumulation 'none'", Assert.Throws<ContractException>(() => new TrainOptions { Precision = "bf16", BFloat16Accumulation = "none" }.Arithmetic()).Message, StringComparison.Ordinal);
        Assert.Contains("fp32 has none", Refused(TrainingPrecision.Fp32 with { BFloat16Sums = Hopper }), StringComparison.Ordinal);
        Assert.Contains("does not multiply bfloat16", Refused(TrainingPrecision.BF16 with { BFloat16Sums = Accumulation.TensorCore(TensorCore.HopperWgmmaE4M3F32) }), StringComparison.Ordinal);
        Assert.Contains("needs a matrix unit", Refused(TrainingPrecision.BF16 with { BFloat16Sums = new Accumulation(AccumulationKind.TensorCore) }), StringComparison.Ordinal);

        NumericContract units = NumericContract.Canonical with { Accumulation = Hopper };
        Assert.Contains("BFloat16Sums", Assert.Throws<ContractException>(() => new GradientModel(PrecisionModel.Config, SyntheticModel.Weights(PrecisionModel.Config).GetValueOrDefault, new SimdBackend(1), units)).Message, StringComparison.Ordinal);

        static string Refused(TrainingPrecision precision) => Assert.Throws<ContractException>(() => PrecisionModel.Gradients(precision)).Message;
    }

    private static GradientSet Unrouted(TrainingPrecision precision) =>
        PrecisionModel.Gradients(precision, config: PrecisionModel.Config with { NRoutedExperts = 3, NGroup = 1, TopkGroup = 1 }, calm: true);

    private static double Median(GradientSet g, GradientSet of)
    {
        double[] errors = [.. of.Names.Select(name => PrecisionModel.Error(g, of, name)).Order()];
        return errors[errors.Length / 2];
    }
}
