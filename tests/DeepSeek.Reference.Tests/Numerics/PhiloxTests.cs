using DeepSeek.Reference.Numerics;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

public class PhiloxTests
{
    private const ulong Seed = 0x0123456789ABCDEF;
    private const string Name = "model.embed_tokens.weight";

    [Theory]
    [InlineData(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0xa4093822u, 0x299f31d0u, 0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Rule_N14_Philox_gives_the_known_answers(uint k0, uint k1, uint c0, uint c1, uint c2, uint c3, uint w0, uint w1, uint w2, uint w3) =>
        Assert.Equal((w0, w1, w2, w3), Philox.Block(k0, k1, c0, c1, c2, c3));

    [Theory]
    [InlineData("", 0x811C9DC5u)]
    [InlineData("a", 0xE40C292Cu)]
    [InlineData("foobar", 0xBF9CF968u)]
    public void Rule_N14_names_are_hashed_by_FNV_1a(string name, uint hash) => Assert.Equal(hash, Philox.HashName(name));

    [Property]
    public bool Rule_N14_filling_gives_each_element_as_computed_alone(ulong seed, uint stream, ulong first, byte count)
    {
        var random = new RandomStream(seed, Name, stream);
        float[] values = new float[count];
        foreach (ValueMap map in Enum.GetValues<ValueMap>())
        {
            random.Fill(map, first % (1ul << 60), values);
            for (int i = 0; i < values.Length; i++)
            {
                if (BitConverter.SingleToUInt32Bits(values[i]) != BitConverter.SingleToUInt32Bits(random.Value(map, first % (1ul << 60) + (ulong)i)))
                    return false;
            }
        }

        return true;
    }

    [Theory]
    [InlineData(ValueMap.Uniform, -1.0, 1 - 1.0 / (1 << 23))]
    [InlineData(ValueMap.Int, -8, 8)]
    [InlineData(ValueMap.Bell, -131070.0 / 65536, 131070.0 / 65536)]
    [InlineData(ValueMap.LogSpread, -65280.0, 65280.0)]
    [InlineData(ValueMap.Outlier, -256, 256)]
    [InlineData(ValueMap.Tie, -0.5, 1)]
    public void Rule_N14_values_stay_in_their_range_and_centre(ValueMap map, double lowest, double highest)
    {
        float[] x = new float[1 << 16];
        new RandomStream(Seed, Name).Fill(map, 0, x);
        Assert.InRange(x.Min(), lowest, 0);
        Assert.InRange(x.Max(), 0, highest);
        double mean = x.Average(v => (double)v);
        double deviation = Math.Sqrt(x.Average(v => ((double)v - mean) * ((double)v - mean)));
        Assert.InRange(Math.Abs(mean - (map == ValueMap.Tie ? 0.25 : 0)), 0, deviation / 50);
    }

    [Fact]
    public void Rule_N14_the_extreme_words_give_the_extreme_values()
    {
        Assert.Equal(-1f, ValueMaps.OfWord(ValueMap.Uniform, 0));
        Assert.Equal(1f - 1f / (1 << 23), ValueMaps.OfWord(ValueMap.Uniform, ~0u));
        Assert.Equal(-8f, ValueMaps.OfWord(ValueMap.Int, 0));
        Assert.Equal(8f, ValueMaps.OfWord(ValueMap.Int, ~0u));
        Assert.Equal(-131070f / 65536, ValueMaps.Bell(0, 0));
        Assert.Equal(131070f / 65536, ValueMaps.Bell(~0u, ~0u));
        Assert.Equal(1f / 65536, ValueMaps.OfWord(ValueMap.LogSpread, 0));
        Assert.Equal(-65280f, ValueMaps.OfWord(ValueMap.LogSpread, ~0u));
        Assert.Equal(128 * ValueMaps.Bell(5, 6), ValueMaps.Outlier(5, 6, 512));
        Assert.Equal(0xFF7FFFFFu, BitConverter.SingleToUInt32Bits(ValueMaps.OfWord(ValueMap.Boundary, ~0u)));
    }

    /// <summary>The table of docs/spec/random.md, computed in another language.</summary>
    [Theory]
    [InlineData(ValueMap.Uniform, 0xBF464E12u, 0x3F5A976Cu, 0xBEE07A3Cu, 0xBEFEDDA4u)]
    [InlineData(ValueMap.Int, 0xC0E00000u, 0x40E00000u, 0xC0800000u, 0xC0800000u)]
    [InlineData(ValueMap.Bell, 0x3F387200u, 0xBEDDEA00u, 0xBE284C00u, 0xBEA74C00u)]
    [InlineData(ValueMap.LogSpread, 0x3F010000u, 0xBE4C0000u, 0x38CA0000u, 0x3F160000u)]
    [InlineData(ValueMap.Outlier, 0x3F387200u, 0xBE284C00u, 0xBF6FEF00u, 0xBECFE000u)]
    [InlineData(ValueMap.Boundary, 0x00800000u, 0xCB800000u, 0x3F800001u, 0x3F800001u)]
    [InlineData(ValueMap.Tie, 0xBF000000u, 0x3F800000u, 0x00000000u, 0x00000000u)]
    public void Rule_N14_the_first_elements_have_the_documented_bits(ValueMap map, uint b0, uint b1, uint b2, uint b3)
    {
        float[] x = new float[4];
        new RandomStream(Seed, Name).Fill(map, 0, x);
        Assert.Equal([b0, b1, b2, b3], x.Select(BitConverter.SingleToUInt32Bits));
    }
}
