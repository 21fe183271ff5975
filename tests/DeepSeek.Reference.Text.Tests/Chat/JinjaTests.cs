namespace DeepSeek.Reference.Text.Tests.Chat;

/// <summary>The part of Jinja that is read gives what jinja2 gives under transformers' settings; the rest is named. Expected texts are jinja2's.</summary>
public sealed class JinjaTests
{
    private static readonly Dictionary<string, object?> Values = new()
    {
        ["s"] = "a-b-c",
        ["n"] = 7L,
        ["none_"] = null,
        ["list"] = new List<object?> { "x", "y", 3L },
        ["map"] = new Dictionary<string, object?> { ["k"] = "v", ["q"] = "\"é\n" },
    };

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

    [Theory]
    [InlineData("{{ raise_exception('no tools') }}", "no tools")]
    [InlineData("{{ 'a' + none_ }}", "between a string and a none")]
    [InlineData("{{ 'a' + missing }}", "'missing', which is not defined")]
    [InlineData("{{ missing.x }}", "'missing' is not defined")]
    [InlineData("{{ list }}", "list is printed")]
    [InlineData("{% for x in 3 %}{% endfor %}", "loop over a number")]
    [InlineData("{% set s.x = 1 %}", "no namespace")]
    [InlineData("{{ n % 0 }}", "between a number")]
    [InlineData("{{ 1 < 'a' }}", "compared")]
    public void What_values_do_not_allow_is_an_error(string template, string part) =>
        Assert.Contains(part, Assert.Throws<DataException>(() => new JinjaTemplate(template, "t").Render(Values)).Message, StringComparison.Ordinal);
}
