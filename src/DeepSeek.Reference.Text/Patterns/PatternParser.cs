using System.Globalization;
using System.Text;

namespace DeepSeek.Reference.Text;

/// <summary>Reads the regular expressions of tokenizer.json: Oniguruma's syntax as far as byte-level tokenizers use it.</summary>
/// <remarks>Alternatives, groups, (?i:...) on ASCII, (?=...), (?!...), classes with ranges and escapes, \p by general category, greedy and possessive counts. All else is refused by name.</remarks>
internal sealed class PatternParser
{
    private const int MostCopies = 1000;

    private readonly string source;
    private readonly int[] text;
    private int at;
    private int depth;

    private PatternParser(string pattern, string source)
    {
        this.source = source;
        text = [.. pattern.EnumerateRunes().Select(r => r.Value)];
    }

    /// <summary>The parsed pattern.</summary>
    /// <param name="pattern">The expression.</param>
    /// <param name="source">What errors name: file and field.</param>
    /// <exception cref="DataException">The pattern has a construct that is not read, or is malformed.</exception>
    public static PatternNode Parse(string pattern, string source)
    {
        var parser = new PatternParser(pattern, source);
        PatternNode node = parser.Alternatives(ignoreCase: false);
        if (parser.at < parser.text.Length)
            throw parser.Refuse("')' without '('");
        return node;
    }

    private PatternNode Alternatives(bool ignoreCase)
    {
        if (++depth > 64)
            throw Refuse("groups nested more than 64 deep");
        var nodes = new List<PatternNode> { Chain(ignoreCase) };
        while (Take('|'))
            nodes.Add(Chain(ignoreCase));
        depth--;
        return nodes.Count == 1 ? nodes[0] : new PatternNode.Choice(nodes);
    }

    private PatternNode.Chain Chain(bool ignoreCase)
    {
        var nodes = new List<PatternNode>();
        while (at < text.Length && text[at] is not ('|' or ')'))
            nodes.Add(Counted(Atom(ignoreCase)));
        return new PatternNode.Chain(nodes);
    }

    private PatternNode Atom(bool ignoreCase)
    {
        int c = text[at++];
        switch (c)
        {
            case '(':
                return Group(ignoreCase);
            case '[':
                return new PatternNode.One(Class(ignoreCase));
            case '\\':
                return new PatternNode.One(CodePointSet.Of([Escape(ignoreCase)]));
            case '.':
                return new PatternNode.One(CodePointSet.Of([CodePointSet.Part.Range('\n', '\n')], negated: true));
            case '^' or '$':
                throw Refuse($"the anchor '{(char)c}'");
            case '*' or '+' or '?':
                throw Refuse($"'{(char)c}' with nothing before it");
            default:
                return new PatternNode.One(CodePointSet.Of(Cased(c, c, ignoreCase)));
        }
    }

    private PatternNode Group(bool ignoreCase)
    {
        bool look = false, negative = false;
        if (Take('?'))
        {
            if (Take('i'))
            {
                ignoreCase = true;
                if (!Take(':'))
                    throw Refuse("an option of a group other than (?i:...)");
            }
            else if (Take('=') || (negative = Take('!')))
            {
                look = true;
            }
            else if (!Take(':'))
            {
                throw Refuse($"the group (?{(at < text.Length ? char.ConvertFromUtf32(text[at]) : "")}");
            }
        }

        PatternNode inside = Alternatives(ignoreCase);
        if (!Take(')'))
            throw Refuse("'(' without ')'");
        return look ? new PatternNode.Look(inside, negative) : inside;
    }

    private PatternNode Counted(PatternNode node)
    {
        int from, to;
        if (Take('*'))
            (from, to) = (0, int.MaxValue);
        else if (Take('+'))
            (from, to) = (1, int.MaxValue);
        else if (Take('?'))
            (from, to) = (0, 1);
        else if (Take('{'))
            (from, to) = Counts();
        else
            return node;
        if (Take('?'))
            throw Refuse("a lazy count");
        bool possessive = Take('+');
        if (at < text.Length && text[at] is '*' or '?' or '{')
            throw Refuse("a count of a count");
        bool single = node is PatternNode.One;
        if (possessive && !single)
            throw Refuse("a possessive count of a group");
        if (node is PatternNode.Look || (to == int.MaxValue && node.Least == 0))
            throw Refuse("a count of what can match nothing");
        if (!single && (from > MostCopies || (to != int.MaxValue && to > MostCopies)))
            throw Refuse($"a group more than {MostCopies} times");
        return new PatternNode.Repeat(node, from, to, possessive);
    }

    /// <summary>{n}, {n,} or {n,m}, after the brace.</summary>
    private (int From, int To) Counts()
    {
        int? from = Number();
        int? to = from;
        if (Take(','))
            to = Number() ?? int.MaxValue;
        if (from is null || to < from || !Take('}'))
            throw Refuse("a count other than {n}, {n,} and {n,m}");
        return (from.Value, to!.Value);
    }

    private int? Number()
    {
        int start = at;
        long value = 0;
        while (at < text.Length && text[at] is >= '0' and <= '9')
        {
            value = (value * 10) + (text[at++] - '0');
            if (value > 1_000_000)
                throw Refuse("a count above 1000000");
        }

        return at == start ? null : (int)value;
    }

    /// <summary>A bracketed class, after the bracket.</summary>
    private CodePointSet Class(bool ignoreCase)
    {
        bool negated = Take('^');
        var parts = new List<CodePointSet.Part>();
        for (bool first = true; ; first = false)
        {
            if (at >= text.Length)
                throw Refuse("'[' without ']'");
            if (text[at] == ']' && !first)
                break;
            if (text[at] == '[')
                throw Refuse("a class within a class; write \\[ for the bracket");
            if (text[at] == '&' && at + 1 < text.Length && text[at + 1] == '&')
                throw Refuse("an intersection of classes");
            if (ClassEscape() is { } named)
                parts.Add(named);
            else
                parts.AddRange(Range(ignoreCase));
        }

        at++;
        return CodePointSet.Of(parts, negated);
    }

    private List<CodePointSet.Part> Range(bool ignoreCase)
    {
        int first = ClassCharacter();
        int last = first;
        if (at + 1 < text.Length && text[at] == '-' && text[at + 1] != ']')
        {
            at++;
            last = ClassCharacter();
            if (last < first)
                throw Refuse("a range that ends before it begins");
        }

        return Cased(first, last, ignoreCase);
    }

    private int ClassCharacter()
    {
        int c = text[at++];
        if (c != '\\')
            return c;
        return EscapedCharacter() ?? throw Refuse("a range from or to a class");
    }

    /// <summary>The class that an escape inside brackets names, or null with nothing taken where a character stands.</summary>
    private CodePointSet.Part? ClassEscape()
    {
        if (text[at] != '\\')
            return null;
        int start = at++;
        if (NamedClass() is { } named)
            return named;
        at = start;
        return null;
    }

    private CodePointSet.Part Escape(bool ignoreCase)
    {
        if (NamedClass() is { } named)
            return named;
        int c = EscapedCharacter() ?? throw Refuse("an escape");
        return CodePointSet.Of(Cased(c, c, ignoreCase)).AsPart();
    }

    /// <summary>\s, \d, \w, \p and their complements, after the backslash; null with nothing taken for another escape.</summary>
    private CodePointSet.Part? NamedClass()
    {
        if (at >= text.Length)
            throw Refuse("a backslash at the end");
        int c = text[at];
        CodePointSet? set = (c | 0x20) switch { 's' => UnicodeClass.Space, 'd' => UnicodeClass.Digit, 'w' => UnicodeClass.Word, _ => null };
        if (set is not null)
        {
            at++;
            return set.AsPart() with { Negated = c is 'S' or 'D' or 'W' };
        }

        if (c is not ('p' or 'P'))
            return null;
        at++;
        if (!Take('{'))
            throw Refuse("\\p without {");
        bool negated = Take('^') != (c == 'P');
        var name = new StringBuilder();
        while (at < text.Length && text[at] != '}')
            name.Append(char.ConvertFromUtf32(text[at++]));
        if (!Take('}'))
            throw Refuse("\\p{ without }");
        uint categories = UnicodeClass.Named(name.ToString());
        return categories != 0 ? CodePointSet.Part.Of(categories, negated) : throw Refuse($"\\p{{{name}}}; general categories are known, such as \\p{{L}}");
    }

    /// <summary>The code point of an escape, after the backslash; null where it names none.</summary>
    private int? EscapedCharacter()
    {
        int c = text[at++];
        return c switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            'a' => '\a',
            'e' => 0x1B,
            'x' when Take('{') => Hexadecimal(8, closing: true),
            'x' => Hexadecimal(2, closing: false),
            'u' => Hexadecimal(4, closing: false),
            < 0x80 when char.IsAsciiLetterOrDigit((char)c) => throw Refuse($"the escape \\{(char)c}"),
            _ => c,
        };
    }

    private int Hexadecimal(int most, bool closing)
    {
        int start = at;
        while (at < text.Length && at - start < most && text[at] < 0x80 && char.IsAsciiHexDigit((char)text[at]))
            at++;
        string digits = string.Concat(text[start..at].Select(d => (char)d));
        bool good = digits.Length > 0 && (closing ? Take('}') : digits.Length == most);
        return good && int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) && Rune.IsValid(value)
            ? value
            : throw Refuse("an escape by number that names no code point");
    }

    /// <summary>A range, with the other case of its ASCII letters and of what folds to them.</summary>
    private List<CodePointSet.Part> Cased(int first, int last, bool ignoreCase)
    {
        var parts = new List<CodePointSet.Part> { CodePointSet.Part.Range(first, last) };
        if (!ignoreCase)
            return parts;
        if (last > 0x7F)
            throw Refuse("(?i: on what is not ASCII");
        for (int c = first; c <= last; c++)
        {
            if (!char.IsAsciiLetter((char)c))
                continue;
            parts.Add(CodePointSet.Part.Range(c ^ 0x20, c ^ 0x20));
            if ((c | 0x20) == 's')
                parts.Add(CodePointSet.Part.Range(0x17F, 0x17F));
            if ((c | 0x20) == 'k')
                parts.Add(CodePointSet.Part.Range(0x212A, 0x212A));
        }

        return parts;
    }

    private bool Take(int c)
    {
        if (at >= text.Length || text[at] != c)
            return false;
        at++;
        return true;
    }

    private DataException Refuse(string what) => new($"{source}: {what} is not read in a pattern, at character {at}");
}
