using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>Block-scaled products by units other than Hopper's: the twin is chosen by a unit's constants, and has the definition's bits.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public sealed class ScaledUnitTests
{
    private static readonly ScalarBackend Scalar = new();

    /// <summary>Every unit that multiplies E4M3 by E4M3 into binary32.</summary>
    private static readonly TensorCore[] Known = [.. TensorCore.All.Where(ScaledProduct.Takes)];

    [Property(MaxTest = 300)]
    public void Rule_N20_N21_definition_and_twin_agree_for_any_constants(
        byte known, byte length, byte fraction, byte output, byte zero, byte t, byte n, ushort k, byte promotion, bool extreme, bool withNaN, int seed)
    {
        TensorCore unit = Known[known % Known.Length];
        int L = 2 << length % 5;
        unit = unit.Order == FusedOrder.PairsOfFour ? unit : unit with
        {
            K = unit.ScaleBlock == 0 ? Math.Max(L, 8 << fraction % 3) : 32,
            FusedLength = L,
            FractionBits = 5 + fraction % 22,
            OutputFractionBits = output % 24,
            ZeroExponent = (zero % 5) switch { 0 => -20, 1 => -100, 2 => -111, 3 => -131, _ => -133 },
        };
        Compare(t % 7, n % 70, k % 300, Product(unit, promotion), extreme, withNaN, 1 + (seed & 1), seed);
    }

    [Property(MaxTest = 200)]
    public void Rule_N20_N21_definition_and_twin_agree_for_every_unit(byte known, byte t, byte n, ushort k, byte promotion, bool extreme, bool withNaN, int seed) =>
        Compare(t % 11, n % 70, k % 600, Product(Known[known % Known.Length], promotion), extreme, withNaN, 1 + (seed & 1), seed);

    [Fact]
    public void Rule_N20_every_unit_with_C_in_the_sum_has_its_twin()
    {
        foreach (TensorCore unit in Known)
            Assert.Equal(Isa.Any && unit.Entry == AccumulatorEntry.InTheSum, ScaledLinear.HasTwin(Product(unit, 0)));
    }

    [Fact]
    public void Rule_N20_the_twin_is_chosen_by_constants_and_not_by_name()
    {
        TensorCore hopper = TensorCore.HopperWgmmaE4M3F32, blackwell = TensorCore.BlackwellTcgen05E4M3F32;
        Assert.True(HopperSum.Fits(hopper with { Name = "another" }));
        Assert.True(HopperSum.Fits(blackwell with { FractionBits = 13, OutputFractionBits = 13 }));
        TensorCore[] others =
        [
            blackwell, hopper with { FractionBits = 14 }, hopper with { FractionBits = 12 }, hopper with { FusedLength = 16 }, hopper with { OutputFractionBits = 23 },
        ];
        foreach (TensorCore unit in others)
            Assert.True(!HopperSum.Fits(unit) && UnitSum.Fits(unit), unit.ToString());
        TensorCore[] without =
        [
            hopper with { Rounding = OutputRounding.NearestEven }, hopper with { Alignment = AlignmentRounding.Downward }, hopper with { NormalisesProducts = true },
            hopper with { FlushesSubnormals = true }, hopper with { Entry = AccumulatorEntry.AddedAfter }, hopper with { ZeroExponent = -20 },
            hopper with { FractionBits = 26 }, hopper with { FractionBits = 5 }, hopper with { A = ElementFormat.E5M2 }, hopper with { K = 48 },
        ];
        foreach (TensorCore unit in without)
            Assert.False(UnitSum.Fits(unit) || HopperSum.Fits(unit));
    }

    // The largest sum there is, of both signs; a NaN; beyond the largest number; below the least; zeros.
    [Theory]
    [InlineData(0x7E, 0x7E, 1f, 0x4AC40000u)]
    [InlineData(0x7E, 0xFE, 1f, 0xCAC40000u)]
    [InlineData(0x7F, 0x7E, 1f, 0x7FFFFFFFu)]
    [InlineData(0x7E, 0x7E, 1.7014118E38f, 0x7F800000u)]
    [InlineData(0x01, 0x01, 5.877472E-39f, 0x00000000u)]
    [InlineData(0x00, 0xFE, 1f, 0x00000000u)]
    public void Rule_N21_scales_inside_the_sum_at_their_ends(int a, int b, float scale, uint expected)
    {
        foreach (IBackend backend in new IBackend[] { Scalar, new SimdBackend(1) })
        {
            Tensor x = new(DType.F8_E4M3, 5, 32), w = new(DType.F8_E4M3, 33, 32), sx = new(DType.F32, 5, 1), sw = new(DType.F32, 33, 1), y = new(DType.F32, 5, 33);
            x.AsSpan<byte>().Fill((byte)a);
            w.AsSpan<byte>().Fill((byte)b);
            sx.AsSpan<float>().Fill(scale);
            sw.AsSpan<float>().Fill(scale);
            backend.ScaledLinear(x, sx, w, sw, ScaledProduct.DeepGemmSm100, null, y);
            foreach (float d in y.AsReadOnlySpan<float>())
            {
                if (expected == 0x7FFFFFFF)
                    Assert.True(float.IsNaN(d));
                else
                    Assert.Equal($"{expected:x8}", $"{BitConverter.SingleToUInt32Bits(d):x8}");
            }
        }
    }

    [Fact]
    public void Rule_N21_a_NaN_scale_makes_its_row_or_column_NaN_and_no_other()
    {
        var samples = new Fp8Samples(3);
        Tensor x = samples.Codes(false, 6, 300), w = samples.Codes(false, 40, 300), sx = samples.PowersOfTwo(false, 6, 3), sw = samples.PowersOfTwo(false, 40, 3);
        sx.AsSpan<float>()[4 * 3 + 2] = float.NaN;
        sw.AsSpan<float>()[35 * 3] = -float.NaN;
        foreach (IBackend backend in new IBackend[] { Scalar, new SimdBackend(1) })
        {
            var y = new Tensor(DType.F32, 6, 40);
            backend.ScaledLinear(x, sx, w, sw, ScaledProduct.DeepGemmSm100, null, y);
            for (int i = 0; i < 240; i++)
                Assert.Equal(i / 40 == 4 || i % 40 == 35, float.IsNaN(y.AsReadOnlySpan<float>()[i]));
        }
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(3f)]
    [InlineData(-1f)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(2.938736E-39f)]
    public void Rule_N21_a_scale_in_the_sum_that_is_no_power_of_two_is_refused(float scale)
    {
        var samples = new Fp8Samples(3);
        Tensor x = samples.Codes(false, 2, 200), w = samples.Codes(false, 40, 200), sx = samples.PowersOfTwo(false, 2, 2), sw = samples.PowersOfTwo(false, 40, 2);
        foreach (IBackend backend in new IBackend[] { Scalar, new SimdBackend(1), new SimdBackend(2) })
        {
            foreach ((Tensor tensor, string name) in new[] { (sx, "xScale"), (sw, "weightScale") })
            {
                float was = tensor.AsSpan<float>()[3];
                tensor.AsSpan<float>()[3] = scale;
                DataException refused = Assert.Throws<DataException>(() => backend.ScaledLinear(x, sx, w, sw, ScaledProduct.DeepGemmSm100, null, new Tensor(DType.F32, 2, 40)));
                Assert.Contains($"{name} holds", refused.Message, StringComparison.Ordinal);
                tensor.AsSpan<float>()[3] = was;
            }
        }
    }

    private static ScaledProduct Product(TensorCore unit, byte promotion) => unit.ScaleBlock != 0
        ? ScaledProduct.DeepGemmSm100 with { Name = unit.Name, Block = Accumulation.TensorCore(unit) }
        : ScaledProduct.DeepGemmSm90 with
        {
            Name = unit.Name,
            Block = Accumulation.TensorCore(unit),
            Promotion = (promotion % 4) switch { 0 => 0, 1 => Math.Max(32, unit.K), 2 => Math.Max(64, unit.K), _ => 128 },
        };

    private static void Compare(int T, int N, int K, ScaledProduct product, bool extreme, bool withNaN, int threads, int seed)
    {
        var samples = new Fp8Samples(seed);
        int B = product.ScalesOf(K);
        Tensor x = samples.Codes(withNaN, T, K), w = samples.Codes(withNaN, N, K);
        if (T > 2)
            x.AsSpan<byte>().Slice(K, K).Clear();
        Tensor sx = samples.ScalesFor(product, extreme, T, B), sw = samples.ScalesFor(product, extreme, seed % 3 == 0 ? (N + 127) / 128 : N, B);
        Tensor expected = new(DType.F32, T, N), actual = new(DType.F32, T, N);
        Scalar.ScaledLinear(x, sx, w, sw, product, null, expected);
        new SimdBackend(threads).ScaledLinear(x, sx, w, sw, product, null, actual);
        TensorCore unit = product.Block.Unit!;
        LinearTests.AssertSameBits(expected, actual,
            $"scaled_linear[t={T},n={N},k={K},{unit},K={unit.K},L={unit.FusedLength},F={unit.FractionBits},out={unit.OutputFractionBits},ez={unit.ZeroExponent},promotion={product.Promotion},seed={seed}]");
    }
}
