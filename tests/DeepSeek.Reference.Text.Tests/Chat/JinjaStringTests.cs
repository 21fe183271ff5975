using System.Text.Json;

namespace DeepSeek.Reference.Text.Tests.Chat;

/// <summary>Strings in templates are Python's: of code points, with its white space and its cases. Expected texts are those of jinja2 3.1.6.</summary>
public sealed class JinjaStringTests
{
    [Theory]
    [InlineData("{{ '𝄞é' | length }}|{{ '𝄞x'[0] }}|{{ '𝄞x'[1] }}|{{ '𝄞x'[-1] }}|{{ '𝄞x'[5] }}|{{ 'a𝄞b'[1:] }}|{{ 'a𝄞b'[:-1] }}", "2|𝄞|x|x||𝄞b|a𝄞")]
    [InlineData("{% for c in 'a𝄞b' %}{{ c }};{% endfor %}", "a;𝄞;b;")]
    [InlineData("{{ '𝄟x𝄞'.strip('𝄞') }}|{{ 'xxayx'.strip('x') }}|{{ 'xay' | trim('yx') }}|{{ 'xax'.lstrip('x') }}|{{ 'xax'.rstrip('x') }}", "𝄟x|ay|a|ax|xa")]
    [InlineData("{{ '\u3000a\u00a0\u001f' | trim }}|{{ '\u3000a'.strip() }}|{{ '\u200ba'.strip() | length }}|{{ 'a\u3000b'.split()[1] }}|{{ ' a  b '.split() | length }}", "a|a|2|b|2")]
    [InlineData("{{ 'abc'.replace('', '-') }}|{{ 'abc' | replace('', '-', 2) }}|{{ ''.replace('', '-') }}|{{ 'a𝄞'.replace('', '-') }}", "-a-b-c-|-a-bc|-|-a-𝄞-")]
    [InlineData("{{ 'aaa'.replace('a', 'b', 2) }}|{{ 'aaa' | replace('a', 'b', 1) }}|{{ 'aaa'.replace('a', 'b', -1) }}|{{ 'aaa' | replace('a', 'b', none) }}|{{ 'aaa' | replace('a', 'bb', 0) }}", "bba|baa|bbb|bbb|aaa")]
    [InlineData("{{ 'a,b,c'.split(',', -3) | length }}|{{ 'a,b,c'.split(',', 0) | length }}|{{ 'a,b,c'.split(',', 1)[1] }}|{{ ' a b'.split(none) | length }}", "3|1|b,c|2")]
    [InlineData("{{ 'ßﬁŉıǆ' | upper }}|{{ 'ΐᾳ'.upper() }}|{{ 'İ' | lower | length }}|{{ 'ΑΣ ΣΑ Σ' | lower }}|{{ 'ΑΣ.Α ΑΣ. '.lower() }}", "SSFI\u02BCNIǄ|\u0399\u0308\u0301\u0391\u0399|2|ας σα σ|ασ.α ας. ")]
    [InlineData("{{ '\uffff' < '𝄞' }}{{ '𝄞' > '\uffff' }}{{ 'a' < 'ab' }}{{ 'b' <= 'a' }}", "TrueTrueTrueFalse")]
    public void A_string_is_what_it_is_in_Python(string template, string text) => Assert.Equal(text, Jinja.Render(template));

    [Fact]
    public void Half_a_surrogate_pair_is_one_character()
    {
        var values = new Dictionary<string, object?> { ["s"] = "\ud834x\ud834\udd1e\udd1e" };
        Assert.Equal("4|x|\ud834\udd1e|\udd1e", new JinjaTemplate("{{ s | length }}|{{ s[1] }}|{{ s[2] }}|{{ s[3:] }}", "t").Render(values));
    }

    [Theory]
    [InlineData("""[{"role":"user","role":"user","content":"x"}]""", "'role' stands twice")]
    [InlineData("""[{"role":"user","content":{"a":{"b":1,"b":2}}}]""", "'b' stands twice")]
    [InlineData("""[{"role":"user","content":"\ud800"}]""", "half a surrogate pair")]
    [InlineData("""[{"role":"user","\ud800":"x"}]""", "half a surrogate pair")]
    public void Messages_that_are_not_sound_are_refused(string messages, string part)
    {
        foreach (ChatTemplate template in new[] { ChatTemplate.DeepSeekV3, ChatTemplate.Parse("x") })
            Assert.Contains(part, Assert.Throws<DataException>(() => template.Render(JsonDocument.Parse(messages).RootElement)).Message, StringComparison.Ordinal);
    }
}
