using DeepSeek.Reference.TensorCores;
using Xunit;

namespace DeepSeek.Reference.Tests.TensorCores;

/// <summary>Rule N20 on dot products small enough to check by hand.</summary>
public sealed class MicroVectorTests
{
    private const uint One = 0x38;      // E4M3 1.0
    private const uint Tiny = 0x04;     // E4M3 2^-7
    private const uint Largest = 0x7E;  // E4M3 448

    private static TensorCore Unit => TensorCore.HopperWgmmaE4M3F32;

    [Fact]
    public void Rule_N20_thirty_two_ones_are_32() => Assert.Equal(0x42000000u, Unit.Define(All(One), All(One), 0));

    [Fact]
    public void Rule_N20_products_below_the_kept_bits_are_cut_one_by_one() =>
        Assert.Equal(0x3F800000u, Unit.Define(OneAnd(Tiny), OneAnd(Tiny), 0)); // 1 + 31 · 2^-14

    [Fact]
    public void Rule_N20_the_last_kept_bit_is_the_thirteenth()
    {
        uint[] a = First(One, 0x08); // 1, 2^-6
        uint[] b = First(One, Tiny); // 1, 2^-7
        Assert.Equal(0x3F800400u, Unit.Define(a, b, 0));
    }

    [Fact]
    public void Rule_N20_a_negative_term_is_cut_toward_zero() =>
        Assert.Equal(0x3F800000u, Unit.Define(First(One, Tiny | 0x80), First(One, Tiny), 0)); // 1 - 2^-14; rounding down gave 0.99987793

    [Theory]
    [InlineData(0x46800000u, 0x46800000u)] // C = 2^14: every 1 is cut
    [InlineData(0x46000000u, 0x46008000u)] // C = 2^13: 8224
    public void Rule_N20_the_accumulator_is_aligned_with_the_products(uint c, uint d) => Assert.Equal(d, Unit.Define(All(One), All(One), c));

    [Theory]
    [InlineData(0x3F800200u, 0x3F800000u)] // 1 + 2^-14
    [InlineData(0x3F800400u, 0x3F800400u)] // 1 + 2^-13
    public void Rule_N20_the_accumulator_is_cut_as_well(uint c, uint d) => Assert.Equal(d, Unit.Define(All(0), All(0), c));

    [Fact]
    public void Rule_N20_the_largest_products_are_exact() => Assert.Equal(6422528f, Float(Unit.Define(All(Largest), All(Largest), 0)));

    [Fact]
    public void Rule_N20_a_product_beyond_two_is_not_normalised() =>
        Assert.Equal(3.0625f, Float(Unit.Define(First(0x3E), First(0x3E), 0))); // 1.75 · 1.75

    [Fact]
    public void Rule_N20_two_blocks_of_128_by_steps_of_32()
    {
        uint[] a = Series(37, 11, k => k % 2 != 0);
        uint[] b = Series(53, 29, k => k / 3 % 2 != 0);
        uint[] after = [0xC44B4000, 0xC62D3400, 0x46761400, 0x46E62C00, 0xC6429800, 0xC6BA9800, 0x45448000, 0x468B3400];
        uint d = 0;
        for (int step = 0; step < 8; step++)
        {
            d = Unit.Define(a.AsSpan(32 * step, 32), b.AsSpan(32 * step, 32), step % 4 == 0 ? 0 : d);
            Assert.Equal(after[step], d);
        }

        Assert.Equal(47268f, Float(Unit.Define(a, b, 0)));
    }

    [Fact]
    public void A_unit_is_found_by_its_name_and_every_name_is_one_units()
    {
        Assert.Same(TensorCore.HopperWgmmaE4M3F32, TensorCore.Parse("hopper-wgmma-e4m3-f32"));
        Assert.Same(TensorCore.HopperWgmmaE4M3F32, TensorCore.Parse("Hopper-WGMMA-E4M3-F32"));
        Assert.Equal(TensorCore.All.Count, TensorCore.All.Select(unit => unit.Name).Distinct().Count());
        Assert.All(TensorCore.All, unit => Assert.Same(unit, TensorCore.Parse(unit.Name)));
        Assert.Contains("hopper-wgmma-bf16-f32", Assert.Throws<ContractException>(() => TensorCore.Parse("hopper")).Message, StringComparison.Ordinal);
    }

    private static float Float(uint code) => BitConverter.UInt32BitsToSingle(code);

    private static uint[] All(uint code) => [.. Enumerable.Repeat(code, 32)];

    private static uint[] OneAnd(uint code) => [One, .. Enumerable.Repeat(code, 31)];

    private static uint[] First(params uint[] codes) => [.. codes, .. new uint[32 - codes.Length]];

    private static uint[] Series(int step, int start, Func<int, bool> negative) =>
        [.. Enumerable.Range(0, 256).Select(k => (uint)((step * k + start) % 120) | (negative(k) ? 0x80u : 0))];
}
