using DeepSeek.Reference.Ops;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

public class RopeTableTests
{
    private static readonly YarnParameters V3 = new(40, 4096, 32, 1, 1, 1);

    /// <summary>The bits of docs/spec/rope.md 2.</summary>
    private static readonly uint[] Chain =
    [
        0x3F800000, 0x3F3FF911, 0x3F0FF59A, 0x3ED7E89B, 0x3EA1E89B, 0x3E72D423, 0x3E361887, 0x3E088D77,
        0x3DCCCCCD, 0x3D99940D, 0x3D6655C2, 0x3D1FC5BA, 0x3CDC321B, 0x3C968DC3, 0x3C4BF283, 0x3C088D77,
        0x3BB43959, 0x3B697066, 0x3B136A16, 0x3AB3A2CD, 0x3A4F3E37, 0x39D99312, 0x393A7753, 0x380BD472,
        0x37D1B718, 0x379D43A3, 0x376BDCF0, 0x3730DF51, 0x3704A2B3, 0x36C6ECDE, 0x36952C42, 0x365FBA50,
    ];

    private static readonly double[] Values =
    [
        1, .749894209, .0562341325, .0390069266, .0268793601, .0183781462, .0124479559,
        .00833450895, .0055, .00356199749, .0022493653, .00137051364, .000790569415, .000414990398,
        .000177827941, 3.33380358e-5,
    ];

    [Fact]
    public void Rule_N13_the_binary32_chain_gives_the_published_bits() =>
        Assert.Equal(Chain, Bits(RopeTable.Frequencies(64, 10000, V3, RopeTableKind.Float32Chain)));

    [Fact]
    public void Rule_N13_rounding_once_differs_from_the_chain_in_12_of_32_frequencies_by_one_ulp()
    {
        uint[] once = Bits(RopeTable.Frequencies(64, 10000, V3, RopeTableKind.RoundedOnce));
        int[] ulps = once.Zip(Chain, (a, b) => Math.Abs((int)a - (int)b)).ToArray();
        Assert.Equal(12, ulps.Count(u => u != 0));
        Assert.Equal(1, ulps.Max());
    }

    [Fact]
    public void Rule_N13_frequencies_have_the_values_of_the_formula()
    {
        float[] f = RopeTable.Frequencies(64, 10000, V3, RopeTableKind.RoundedOnce);
        int[] at = [0, 1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23];
        for (int i = 0; i < at.Length; i++)
            Assert.Equal(Values[i], f[at[i]], Values[i] * 1e-8 + Math.ScaleB(f[at[i]], -24));
    }

    [Theory]
    [InlineData(RopeTableKind.RoundedOnce)]
    [InlineData(RopeTableKind.Float32Chain)]
    public void A_base_next_to_1_has_a_table_too(RopeTableKind kind) =>
        Assert.All(RopeTable.Frequencies(4, Math.BitIncrement(1.0), new YarnParameters(4, 64, 32, 1, 1, 1), kind), f => Assert.InRange(f, 0.2f, 1f));

    [Fact]
    public void Without_yarn_frequencies_are_powers_of_the_base()
    {
        float[] f = RopeTable.Frequencies(4, 10000, null, RopeTableKind.RoundedOnce);
        Assert.Equal([1f, 0.01f], f);
        Assert.Equal([1f, 0.01f], RopeTable.Frequencies(4, 10000, null, RopeTableKind.Float32Chain));
    }

    [Theory]
    [InlineData(1.0, 0.1352337788608801)]
    [InlineData(0.707, 0.11472139)]
    public void The_softmax_scale_is_rounded_once(double mscale, double expected)
    {
        float scale = RopeTable.SoftmaxScale(192, V3 with { MScale = mscale, MScaleAllDim = mscale }, MScaleSource.AllDim);
        Assert.Equal(expected, scale, 1e-8);
        Assert.Equal(mscale == 1.0 ? (float)expected : scale, scale);
    }

    [Fact]
    public void Where_yarn_is_off_the_softmax_scale_is_the_inverse_root()
    {
        Assert.Equal(0.0625f, RopeTable.SoftmaxScale(256, null, MScaleSource.AllDim));
        Assert.Equal(0.0625f, RopeTable.SoftmaxScale(256, V3 with { Factor = 1 }, MScaleSource.MScale));
    }

    [Fact]
    public void The_magnitude_is_the_ratio_of_the_two_temperatures_or_that_of_one_or_left_alone()
    {
        Assert.Equal(1f, RopeTable.Magnitude(V3, MScaleSource.AllDim));
        Assert.Equal(1f, RopeTable.Magnitude(V3 with { MScaleAllDim = 0 }, MScaleSource.MScale));
        Assert.Equal(1.3688879454113936f, RopeTable.Magnitude(V3 with { MScaleAllDim = 0 }, MScaleSource.AllDim));
        Assert.Equal(1.3688879454113936f, RopeTable.Magnitude(V3 with { MScale = 0.9, MScaleAllDim = 0 }, MScaleSource.AllDim));
        Assert.Equal(1.3688879454113936f, RopeTable.Magnitude(V3 with { MScale = 0 }, MScaleSource.AllDim));
        Assert.Equal((float)(1.3319991508702542 / 1.3688879454113936), RopeTable.Magnitude(V3 with { MScale = 0.9 }, MScaleSource.AllDim));
    }

    [Fact]
    public void Yarn_is_switched_by_config_or_by_length()
    {
        Assert.Same(V3, YarnParameters.Active(V3, YarnSwitch.ByConfig, 1));
        Assert.Null(YarnParameters.Active(V3, YarnSwitch.ByLength, 4096));
        Assert.Same(V3, YarnParameters.Active(V3, YarnSwitch.ByLength, 4097));
        Assert.Null(YarnParameters.Active(null, YarnSwitch.ByConfig, 4097));
    }

    [Theory]
    [InlineData(63, 10000)]
    [InlineData(0, 10000)]
    [InlineData(64, 1)]
    [InlineData(64, double.NaN)]
    public void Impossible_numbers_are_refused(int dr, double theta) =>
        Assert.Throws<ContractException>(() => RopeTable.Frequencies(dr, theta, null, RopeTableKind.RoundedOnce));

    private static uint[] Bits(float[] x) => x.Select(BitConverter.SingleToUInt32Bits).ToArray();
}
