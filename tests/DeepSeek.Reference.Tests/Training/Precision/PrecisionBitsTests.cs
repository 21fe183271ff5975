using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Model;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>Digests of gradients under the recipes, the same on every instruction set.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class PrecisionBitsTests
{
    [Fact]
    public void Bfloat16_has_these_bits() => Assert.Equal("949d04c3085ffc3f", PrecisionModel.Digest(PrecisionModel.Gradients(TrainingPrecision.BF16)));

    /// <summary>More positions than a tile of 128 x 1 has: Wgrad's sums are promoted, and have two scales.</summary>
    [Theory]
    [InlineData(Fp8Scaling.Tiles, "deepgemm-sm90", "4cc8c1075ef3ea8a")]
    [InlineData(Fp8Scaling.Tensor, "deepgemm-sm90", "96e763c9591b2f48")]
    [InlineData(Fp8Scaling.Tensor, "hopper-without-promotion", "61a6a5618b3afb07")]
    public void Fp8_has_these_bits_where_a_sequence_has_two_tiles(Fp8Scaling scaling, string product, string digest) => Assert.Equal(
        digest, PrecisionModel.Digest(PrecisionModel.Gradients(TrainingPrecision.Fp8 with { Scaling = scaling, Product = ScaledProduct.Parse(product) }, rows: [SyntheticModel.Ids(150, 3)])));
}
