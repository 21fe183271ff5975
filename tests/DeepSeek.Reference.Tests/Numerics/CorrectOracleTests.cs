using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

/// <summary>Against the oracle of <see cref="ExhaustiveFunctions"/>; the run over all 2^32 arguments is in docs/spec/elementary-functions.md.</summary>
public class CorrectOracleTests
{
    public static TheoryData<string> Functions => [.. ExhaustiveFunctions.Names];

    [Theory]
    [MemberData(nameof(Functions))]
    public void Rule_N5_a_million_arguments_over_all_encodings(string function)
    {
        // Every 4096th encoding, each displaced by a hash so that no bit pattern is favoured.
        float[] x = new float[1 << 20];
        for (uint i = 0; i < x.Length; i++)
            x[i] = ElementForms.Value((i << 12) + ((i * 2654435761u) >> 20));
        Check(function, x);
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public void Rule_N5_all_binades_and_the_ends_of_each_range(string function)
    {
        var x = new List<float>();
        for (uint field = 0; field <= 255; field++)
        {
            foreach (uint fraction in (uint[])[0, 1, 2, 3, 0x3FFFFF, 0x400000, 0x400001, 0x7FFFFE, 0x7FFFFF])
            {
                x.Add(ElementForms.Value(field << 23 | fraction));
                x.Add(ElementForms.Value(0x80000000 | field << 23 | fraction));
            }
        }
        foreach (float end in Ends)
        {
            uint bits = ElementForms.Bits(end);
            for (int i = -64; i <= 64; i++)
            {
                x.Add(ElementForms.Value((uint)(bits + i)));
                x.Add(ElementForms.Value((uint)(bits + i) ^ 0x80000000));
            }
        }
        Check(function, [.. x]);
    }

    /// <summary>Where results overflow, underflow, saturate or where a kernel changes its way.</summary>
    private static IEnumerable<float> Ends =>
    [
        88.72284f, 89.5f, 87.33655f, 103.27893f, 103.97208f, 104.5f, 126f, 127f, 128f, 129f, 149f, 150f, 151f, 17.32868f, 30f,
        9.010913f, 10f, 16.635532f, 105f, 110f, 120f, 0.00048828125f, 0.5f, 1f, 1.5f, 2f, 0.34657359f, 1.0397208f,
        1048576f, 524288f, 3.1415927f, 1.5707964f, 0.70710678f, 1.4142135f, 0.29289323f, 0.41421357f,
        .. Enumerable.Range(0, 33).Select(i => (45 + 2 * i) / 64f),
        .. Enumerable.Range(-10, 20).Select(i => i / 64f + 0.0078125f),
    ];

    [Theory]
    [MemberData(nameof(Functions))]
    public void The_oracles_filter_and_its_integers_say_the_same(string function)
    {
        var random = new Random(5);
        for (int i = 0; i < 300; i++)
        {
            float x = (function is "log" or "log2" or "log1p" or "rsqrt" ? 1 : 2 * random.Next(2) - 1)
                * MathF.ScaleB(1 + random.NextSingle(), random.Next(-20, 6));
            Assert.Equal(ExhaustiveFunctions.Nearest(function, x), ExactFunctions.Nearest(function, x));
        }
    }

    [Fact]
    public void The_oracles_rounding_is_nearest_even_down_to_the_subnormals_and_up_to_infinity()
    {
        Assert.Equal(0x3F800000u, ExactFunctions.Round((1 << 24) + 1, 24)); // 1 + 2^-24: a tie, to the even 1
        Assert.Equal(0x3F800002u, ExactFunctions.Round((1 << 24) + 3, 24)); // a tie, to the even 1 + 2^-22
        Assert.Equal(0x40000000u, ExactFunctions.Round((1 << 25) - 1, 24)); // a carry into the next binade
        Assert.Equal(0x00000000u, ExactFunctions.Round(1, 150)); // 2^-150: a tie, to 0
        Assert.Equal(0x00000002u, ExactFunctions.Round(3, 150));
        Assert.Equal(0x00800000u, ExactFunctions.Round((1 << 24) - 1, 150)); // the largest subnormal and a half
        Assert.Equal(0xFF800000u, ExactFunctions.Round(-(System.Numerics.BigInteger.One << 128), 0));
    }

    [Fact]
    public void A_run_counts_its_stages_and_does_not_depend_on_threads()
    {
        ExhaustiveResult one = ExhaustiveFunctions.Run("silu", 0x007F0000, 0x20000, threads: 1);
        ExhaustiveResult two = ExhaustiveFunctions.Run("silu", 0x007F0000, 0x20000, threads: 2);
        Assert.Equal(0ul, one.Wrong);
        Assert.Equal(0x20000ul, one.BySpecial + one.ByFilter + one.BySeries + one.ByIntegers);
        Assert.True(one.BySeries >= 0x8000, "half of the subnormals are ties when halved");
        Assert.Equal((one.Tested, one.Wrong, one.BySeries), (two.Tested, two.Wrong, two.BySeries));
        Assert.Throws<ContractException>(() => ExhaustiveFunctions.Run("gamma", 0, 1, 1));
    }

    private static void Check(string function, float[] x)
    {
        var oracle = new FunctionOracle(function);
        var want = new uint[x.Length];
        for (int i = 0; i < x.Length; i++)
            want[i] = ElementForms.Bits(oracle.Nearest(x[i], out _));
        var y = new float[x.Length];
        foreach ((string path, SpanForm form) in ElementForms.Of(function).Paths)
        {
            form(x, y);
            for (int i = 0; i < x.Length; i++)
            {
                if (ElementForms.Bits(y[i]) != want[i])
                    Assert.Fail($"{function}({ElementForms.Bits(x[i]):x8}), {path}: {ElementForms.Bits(y[i]):x8}, want {want[i]:x8}");
            }
        }
    }
}
