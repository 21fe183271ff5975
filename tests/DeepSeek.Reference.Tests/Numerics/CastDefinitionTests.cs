using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

/// <summary>Casts against definitions by real numbers; the run over all 2^32 arguments is in docs/spec/fp8-formats.md 6.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class CastDefinitionTests
{
    public static TheoryData<string> Casts => [.. ExhaustiveCasts.Names];

    [Theory]
    [MemberData(nameof(Casts))]
    public void Rule_N18_a_million_arguments_over_all_encodings(string cast)
    {
        // Every 4096th encoding, each displaced by a hash so that no bit pattern is favoured.
        float[] x = new float[ExhaustiveRun.Chunk];
        for (uint start = 0; start < 1 << 20; start += (uint)x.Length)
        {
            for (uint i = 0; i < x.Length; i++)
                x[i] = ElementForms.Value(((start + i) << 12) + (((start + i) * 2654435761u) >> 20));
            Check(cast, x);
        }
    }

    [Theory]
    [MemberData(nameof(Casts))]
    public void Rule_N18_every_border_of_every_binade(string cast)
    {
        // Fractions of eight bits, at the top and from bit 9 on: all values of all formats and all ties, each with its two neighbours.
        var x = new List<float>();
        for (uint field = 0; field <= 255; field++)
        {
            for (uint fraction = 0; fraction < 1 << 8; fraction++)
            {
                foreach (uint shifted in (uint[])[fraction << 15, fraction << 9])
                {
                    for (int step = -1; step <= 1; step++)
                        x.Add(ElementForms.Value((uint)((field << 23 | shifted) + step) ^ (fraction * 0x9E3779B1 & 0x80000000)));
                }
            }
        }

        foreach (float[] chunk in x.Chunk(ExhaustiveRun.Chunk))
            Check(cast, chunk);
    }

    [Theory]
    [MemberData(nameof(Casts))]
    public void Rule_N18_every_bfloat16_and_every_binary16(string cast)
    {
        Check(cast, [.. Enumerable.Range(0, 1 << 16).Select(code => BFloat16.FromBits((ushort)code).ToSingle())]);
        Check(cast, [.. Enumerable.Range(0, 1 << 16).Select(code => (float)BitConverter.UInt16BitsToHalf((ushort)code))]);
    }

    [Fact]
    public void A_format_stands_for_its_casts() =>
        Assert.Equal(["e4m3-saturate", "e4m3-nan"], ExhaustiveCasts.Named("e4m3"));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_cast_of_another_policy_is_found_wrong_from_the_border_on(bool consecutive)
    {
        // 32 encodings up to 464, and 4064 beyond, in the scalar form and in the span form.
        float[] x = [.. Enumerable.Range(0, 4096).Select(i => ElementForms.Value(0x43E80000u - 31 + (uint)i))];
        IReadOnlyList<WrongResult> wrong = ExhaustiveCasts.Wrong("e4m3-nan", "e4m3-saturate", consecutive, x);
        Assert.Equal(2 * 4064, wrong.Count);
        Assert.Equal(new WrongResult(0x43E80001, 0x7F, 0x7E), wrong[0]);
        Assert.Equal(new WrongResult(0x43E80001, 0x7F, 0x7E), wrong[4064]);
        Assert.Empty(ExhaustiveCasts.Wrong("e4m3-nan", "e4m3-nan", consecutive, x));
    }

    [Theory]
    [MemberData(nameof(Casts))]
    public void Blocks_of_consecutive_arguments_are_judged_as_single_ones(string cast)
    {
        // Across zero, a binade's end, the smallest normal, infinity, NaN and the change of sign.
        foreach (uint first in (uint[])[0xFFFFF800, 0x3C6FF800, 0x007FF800, 0x477EF800, 0x7F7FF800, 0x7FFFF800, 0xFF7FF800])
        {
            float[] x = [.. Enumerable.Range(0, 4096).Select(i => ElementForms.Value(unchecked(first + (uint)i)))];
            Assert.Empty(ExhaustiveCasts.Wrong(cast, cast, consecutive: true, x));
            Assert.Empty(ExhaustiveCasts.Wrong(cast, cast, consecutive: false, x));
        }
    }

    [Fact]
    public void A_run_does_not_depend_on_threads()
    {
        ExhaustiveResult one = ExhaustiveCasts.Run("e5m2-infinity", 0x476F0000, 0x30000, threads: 1);
        ExhaustiveResult two = ExhaustiveCasts.Run("e5m2-infinity", 0x476F0000, 0x30000, threads: 2);
        Assert.Equal((0x30000ul, 0ul), (one.Tested, one.Wrong));
        Assert.Equal((one.Tested, one.Wrong), (two.Tested, two.Wrong));
        Assert.Throws<ContractException>(() => ExhaustiveCasts.Run("e4m4", 0, 1, 1));
    }

    /// <summary>The definition decides by values alone: these are the borders of the formats as their specifications print them.</summary>
    [Fact]
    public void The_definition_knows_the_borders()
    {
        var e4m3 = NearestCode.WithFraction(3, 7, 0x7E);
        Assert.Equal([0x00, 0x01, 0x02, 0x07, 0x08, 0x6A, 0x7E, 0x7E, 0x7F], Codes(e4m3, 0.0009765625, 0.0009765626, 0.0029296875, 0.0136, 0.0148, 84, 448, 464, 464.0001));
        var e5m2 = NearestCode.WithFraction(2, 15, 0x7B);
        Assert.Equal([0x00, 0x01, 0x7B, 0x7C], Codes(e5m2, Math.ScaleB(1, -17), Math.ScaleB(1.01, -17), 61439.99, 61440));
        var up = NearestCode.Exponent(PowerOfTwoRounding.Up);
        Assert.Equal([127, 128, 128, 129], Codes(up, 1, 1.0000001, 2, 3));
    }

    private static IEnumerable<int> Codes(NearestCode nearest, params double[] x)
    {
        int near = 0;
        return [.. x.Select(v => nearest.Of(v, ref near))];
    }

    private static void Check(string cast, float[] x)
    {
        IReadOnlyList<WrongResult> wrong = ExhaustiveCasts.Wrong(cast, x);
        Assert.True(wrong.Count == 0, wrong.Count == 0 ? "" : $"{cast} of {wrong[0].Argument:x8}: {wrong[0].Got:x}, want {wrong[0].Want:x}");
    }
}
