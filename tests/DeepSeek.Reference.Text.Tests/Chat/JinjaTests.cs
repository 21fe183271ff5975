namespace DeepSeek.Reference.Text.Tests.Chat;

/// <summary>The part of Jinja that is read gives what jinja2 gives under transformers' settings; the rest is named. Expected texts are jinja2's.</summary>
public sealed class JinjaTests
{
    private static readonly Dictionary<string, object?> Values = Jinja.Values("""{"s":"a-b-c","n":7,"none_":null,"list":["x","y",3],"map":{"k":"v","q":"\"é\n"}}""");

    [Theory]
    [InlineData("{{ s }}|{{ missing }}|{{ none_ }}|{{ true }}|{{ 1 + 2 * 3 - 4 }}", "a-b-c||None|True|3")]
    [InlineData("{{ 'a' 'b' ~ 1 ~ none }}", "ab1None")]
    [InlineData("{{ s.split('-')[-1] }}{{ s.split('-', 1)[1] }}{{ s.split('-') | length }}", "cb-c3")]
    [InlineData("{{ s[1:] }}|{{ s[:-2] }}|{{ list[0] }}|{{ list[9] }}|{{ map['k'] }}|{{ map.k }}|{{ map.none }}", "-b-c|a-b|x||v|v|")]
    [InlineData("{{ map | tojson }}", "{\"k\": \"v\", \"q\": \"\\\"é\\n\"}")]
    [InlineData("{{ list | join(',') }} {{ list | last }} {{ '  t ' | trim }} {{ 'T' | lower }}{{ missing | default('d') }}", "x,y,3 3 t td")]
    [InlineData("{{ 'x' in list }}{{ 'z' not in list }}{{ 'b' in s }}{{ 'k' in map }}", "TrueTrueTrueTrue")]
    [InlineData("{{ missing is defined }}{{ s is not none }}{{ none_ is none }}{{ s is string }}{{ map is mapping }}", "FalseTrueTrueTrueTrue")]
    [InlineData("{{ not s == 'a' }}{{ 1 < 2 and 3 >= 3 or missing.x }}{{ n // 2 }}{{ n % 4 }}{{ -n }}", "TrueTrue33-7")]
    [InlineData("{{ 'y' if n > 5 else 'z' }}{{ 'y' if n > 9 }}", "y")]
    [InlineData("{% if n == 1 %}a{% elif n == 7 %}b{% else %}c{% endif %}", "b")]
    [InlineData("{% for x in list %}{{ loop.index }}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}", "1x,2y,33")]
    [InlineData("{% for x in list if x != 'y' %}{{ x }}{% else %}none{% endfor %}{% for x in [] %}{% else %}none{% endfor %}", "x3none")]
    [InlineData("{% for k, v in map.items() %}{{ k }}={{ v | length }};{% endfor %}", "k=1;q=3;")]
    [InlineData("{% for x in list %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop['last'] }};{% endfor %}", "032310yFalse;121310x3False;210310yTrue;")]
    [InlineData("{% for x in list %}{{ loop is mapping }}{{ loop is sequence }}{{ loop is iterable }}{% endfor %}", "FalseFalseTrueFalseFalseTrueFalseFalseTrue")]
    [InlineData("{{ missing is sequence }}{{ missing is iterable }}{{ missing == other }}{{ true is odd }}{{ false is even }}{{ true is number }}{{ true is integer }}{{ true == 1 }}{{ list[true] }}", "TrueTrueTrueTrueTrueTrueFalseTruey")]
    [InlineData("a\u2028b\u0085c\fd\r\ne\rf", "a\u2028b\u0085c\fd\ne\nf")]
    [InlineData("a\n\u3000{% if true %}b{% endif %}", "a\nb")]
    [InlineData("{% set a = 1 %}{% for x in list %}{% set a = 2 %}{{ a }}{% endfor %}{{ a }}", "2221")]
    [InlineData("{% set ns = namespace(a=1, b='') %}{% for x in list %}{% set ns.a = ns.a + 1 %}{% endfor %}{{ ns.a }}{{ ns.b }}", "4")]
    [InlineData("a \n {%- if true -%} \n b {%- endif %} c", "ab c")]
    [InlineData("a\n  {% if true %}\n  b\n  {% endif %}\nc\n", "a\n  b\nc")]
    [InlineData("a {# no #} b{#- no -#} c", "a  bc")]
    [InlineData("a\n{{ 'b' }}\nc", "a\nb\nc")]
    [InlineData("{{ \"it's\\n\\\"\" }}", "it's\n\"")]
    [InlineData("  {%+ if true %}x{% endif %}", "  x")]
    [InlineData("{{ s.startswith('a') and s.endswith('c') }}{{ s.replace('-', '+') }}{{ ' z '.strip() }}{{ s.upper() }}{{ map.get('none') }}", "Truea+b+czA-B-CNone")]
    public void A_template_renders(string template, string text) => Assert.Equal(text, new JinjaTemplate(template, "t").Render(Values));

    [Theory]
    [InlineData("{% macro f() %}{% endmacro %}", "statement macro")]
    [InlineData("{% include 'x' %}", "statement include")]
    [InlineData("{% generation %}", "statement generation")]
    [InlineData("{{ s | map('x') }}", "filter map")]
    [InlineData("{{ s is divisibleby }}", "test divisibleby")]
    [InlineData("{{ s.title() }}", "method title()")]
    [InlineData("{{ range(3) }}", "function range()")]
    [InlineData("{{ strftime_now('%d') }}", "function strftime_now()")]
    [InlineData("{{ map | tojson(indent=2) }}", "named argument indent")]
    [InlineData("{{ {'a': 1} }}", "'{'")]
    [InlineData("{{ 1 / 2 }}", "operator /")]
    [InlineData("{{ 1 < 2 < 3 }}", "chain")]
    [InlineData("{% if x %}", "''")]
    [InlineData("{% for x in list %}{{ loop.cycle('a') }}{% endfor %}", "method cycle()")]
    [InlineData("{{ list | join(',', 'k') }}", "filter join with 2 arguments")]
    [InlineData("{{ map | tojson(2) }}", "filter tojson with 1 arguments")]
    [InlineData("{{ s.startswith('a', 1) }}", "method startswith() with 2 arguments")]
    [InlineData("{{ s.replace('a') }}", "method replace() with 1 arguments")]
    [InlineData("{% endif %}", "statement endif")]
    [InlineData("{% set x %}a{% endset %}", "where '='")]
    [InlineData("{{ x", "does not end")]
    [InlineData("{# x", "does not end")]
    [InlineData("{{ 'x }}", "does not end")]
    [InlineData("{{ ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))) }}", "nesting")]
    public void A_construct_that_is_not_read_is_named_with_its_place(string template, string part)
    {
        string message = Assert.Throws<DataException>(() => new JinjaTemplate(template, "t")).Message;
        Assert.Contains(part, message, StringComparison.Ordinal);
        Assert.StartsWith("t, character ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tag_too_long_to_be_walked_is_refused_and_not_a_crash()
    {
        foreach (string piece in new[] { " + 1", " | trim", ".x", " ~ 'a'", " or x" })
            Assert.Contains("more than 1000 pieces", Assert.Throws<DataException>(() => new JinjaTemplate($"{{{{ x{string.Concat(Enumerable.Repeat(piece, 100000))} }}}}", "t")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ raise_exception('no tools') }}", "no tools")]
    [InlineData("{{ 'a' + none_ }}", "between a string and a none")]
    [InlineData("{{ 'a' + missing }}", "'missing', which is not defined")]
    [InlineData("{{ missing.x }}", "'missing' is not defined")]
    [InlineData("{{ list }}", "list is printed")]
    [InlineData("{% for x in 3 %}{% endfor %}", "loop over a whole number")]
    [InlineData("{% set s.x = 1 %}", "no namespace")]
    [InlineData("{{ n % 0 }}", "divided by 0")]
    [InlineData("{% for x in list %}{{ loop.changed }}{% endfor %}", "loop.changed is not read")]
    [InlineData("{% for x in list %}{{ loop.indx }}{% endfor %}", "loop.indx is not read")]
    [InlineData("{% for x in list %}{{ loop }}{% endfor %}", "a loop is printed")]
    [InlineData("{{ map.items }}", "items of a mapping without a call")]
    [InlineData("{{ s is odd }}", "whether a string is odd")]
    [InlineData("{{ 1 < 'a' }}", "compared")]
    public void What_values_do_not_allow_is_an_error(string template, string part) =>
        Assert.Contains(part, Assert.Throws<DataException>(() => new JinjaTemplate(template, "t").Render(Values)).Message, StringComparison.Ordinal);
}
