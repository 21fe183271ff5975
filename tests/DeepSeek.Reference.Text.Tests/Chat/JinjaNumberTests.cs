namespace DeepSeek.Reference.Text.Tests.Chat;

/// <summary>Numbers in templates are Python's: whole ones stay whole and have no largest. Expected texts are those of jinja2 3.1.6 and its json.</summary>
public sealed class JinjaNumberTests
{
    private const string Numbers = """{"m":{"n":3,"x":1e15,"big":123456789012345678901234567890,"f":1.5,"i":1e400,"z":-0,"y":1e16,"w":1000000000000000.1,"v":-12345678901234568.0,"t":1e-5,"l":[1,2]}}""";

    [Theory]
    [InlineData("{{ m.n }}|{{ m.n + 1 }}|{{ m.n is integer }}|{{ m.l[m.n - 2] }}|{{ m.f is integer }}|{{ m.f is number }}", "3|4|True|2|False|True")]
    [InlineData("{{ m | tojson }}", """{"n": 3, "x": 1000000000000000.0, "big": 123456789012345678901234567890, "f": 1.5, "i": Infinity, "z": 0, "y": 1e+16, "w": 1000000000000000.1, "v": -1.2345678901234568e+16, "t": 1e-05, "l": [1, 2]}""")]
    [InlineData("{{ m.x }}|{{ m.i }}|{{ m.big }}|{{ m.big // m.n }}", "1000000000000000.0|inf|123456789012345678901234567890|41152263004115226300411522630")]
    [InlineData("{{ (-9223372036854775807 - 1) // -1 }}|{{ (-9223372036854775807 - 1) % -1 }}|{{ 9223372036854775807 + 1 }}|{{ 9223372036854775807 * 4 }}", "9223372036854775808|0|9223372036854775808|36893488147419103228")]
    [InlineData("{{ -7 // 2 }}|{{ -7 % 3 }}|{{ 7 % -3 }}|{{ 7 // -3 }}|{{ 6 // -3 }}|{{ -6 % 3 }}", "-4|2|-2|-3|-2|0")]
    [InlineData("{{ m.n == 3 }}{{ m.y == 10000000000000000 }}{{ m.f < m.n }}{{ m.big > m.x }}{{ 9007199254740993 == 9007199254740992 }}{{ m.i > m.big }}", "TrueTrueTrueTrueFalseTrue")]
    [InlineData("{{ m.n is odd }}{{ m.z is even }}{{ 3 in [1, 3] }}", "TrueTrueTrue")]
    public void A_number_is_what_it_is_in_Python(string template, string text) => Assert.Equal(text, Jinja.Render(template, Numbers));

    [Fact]
    public void A_whole_number_beyond_Pythons_limit_is_refused()
    {
        string digits = new('9', 4300);
        Assert.Equal(digits, Jinja.Render("{{ n }}", $$"""{"n":{{digits}}}"""));
        Assert.Contains("4300 digits", Assert.Throws<DataException>(() => Jinja.Render("{{ n }}", $$"""{"n":9{{digits}}}""")).Message, StringComparison.Ordinal);
        Assert.Contains("4300 digits", Assert.Throws<DataException>(() => Jinja.Render("{{ n * n }}", $$"""{"n":{{digits}}}""")).Message, StringComparison.Ordinal);
        Assert.Contains("4300 digits", Assert.Throws<DataException>(() => Jinja.Render($$$"""{{ 9{{{digits}}} }}""")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_number_with_a_point_in_a_sum_is_named() =>
        Assert.Contains("+ between a number with a point and a whole number", Assert.Throws<DataException>(() => Jinja.Render("{{ m.f + 1 }}", Numbers)).Message, StringComparison.Ordinal);
}
