using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

public class CorrectSpanTests
{
    public static TheoryData<string> Functions => [.. ExhaustiveFunctions.Names];

    [Theory]
    [MemberData(nameof(Functions))]
    public void Rule_N1_a_span_of_any_length_and_alignment_gives_the_scalar_bits(string function)
    {
        ElementForms forms = ElementForms.Of(function);
        var random = new Random(70);
        float[] x = new float[96], y = new float[96];
        foreach ((string path, SpanForm form) in forms.Paths)
        {
            for (int length = 0; length <= 70; length++)
            {
                for (int offset = 0; offset < 16; offset++)
                {
                    Fill(random, x);
                    Array.Fill(y, -7f);
                    form(x.AsSpan(offset, length), y.AsSpan(15 - offset, length));
                    for (int i = 0; i < length; i++)
                    {
                        uint want = ElementForms.Bits(forms.Scalar(x[offset + i])), got = ElementForms.Bits(y[15 - offset + i]);
                        if (want != got)
                            Assert.Fail($"{function}({ElementForms.Bits(x[offset + i]):x8}), {path}, {i} of {length} at {offset}: {got:x8}, want {want:x8}");
                    }
                    Assert.True(y.AsSpan(0, 15 - offset).IndexOfAnyExcept(-7f) < 0, "written before the span");
                    Assert.True(y.AsSpan(15 - offset + length).IndexOfAnyExcept(-7f) < 0, "written behind the span");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public void In_place_is_allowed(string function)
    {
        ElementForms forms = ElementForms.Of(function);
        float[] x = new float[45], y = new float[45];
        Fill(new Random(3), x);
        forms.Span(x, y);
        forms.Span(x, x);
        Assert.Equal(y.Select(ElementForms.Bits), x.Select(ElementForms.Bits));
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public void Spans_of_two_lengths_are_refused(string function) =>
        Assert.Throws<ShapeException>(() => ElementForms.Of(function).Span(new float[3], new float[4]));

    /// <summary>Half ordinary numbers, half any encoding: NaN, infinities, subnormals, huge angles among them.</summary>
    private static void Fill(Random random, Span<float> x)
    {
        for (int i = 0; i < x.Length; i++)
            x[i] = random.Next(2) == 0 ? ElementForms.Value((uint)random.NextInt64(1L << 32)) : (random.NextSingle() - 0.3f) * 20;
    }
}
