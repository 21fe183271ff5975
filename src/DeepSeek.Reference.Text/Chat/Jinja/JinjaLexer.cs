using System.Text;

namespace DeepSeek.Reference.Text;

/// <summary>Cuts a template into its pieces, under the settings of transformers: trim_blocks and lstrip_blocks are on.</summary>
internal sealed class JinjaLexer
{
    private static readonly string[] Operators = ["==", "!=", "<=", ">=", "//", "**", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ".", ",", ":", "|"];

    private const int MostPieces = 1000;

    private readonly string source;
    private readonly string template;
    private readonly List<JinjaToken> tokens = [];
    private int at;

    private JinjaLexer(string template, string source) => (this.template, this.source) = (template, source);

    /// <summary>The pieces, with an end behind the last.</summary>
    /// <exception cref="DataException">A tag, a comment or a string does not end.</exception>
    public static IReadOnlyList<JinjaToken> Cut(string template, string source)
    {
        // One line break at the very end is not part of a template.
        string text = template.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        var lexer = new JinjaLexer(text.EndsWith('\n') ? text[..^1] : text, source);
        lexer.Run();
        return lexer.tokens;
    }

    private void Run()
    {
        bool strips = false, trims = false;
        while (at < template.Length)
        {
            int open = NextOpen();
            string text = template[at..open];
            if (strips)
                text = JinjaText.Strip(text, null, begin: true, end: false);
            else if (trims && text.StartsWith('\n'))
                text = text[1..];
            int textAt = at;
            at = open;
            if (open == template.Length)
            {
                Add(JinjaKind.Text, text, textAt);
                break;
            }

            char kind = template[open + 1];
            at += 2;
            if (At('-'))
                text = JinjaText.Strip(text, null, begin: false, end: true);
            else if (kind != '{' && !At('+'))
                text = WithoutIndent(text, textAt);
            Add(JinjaKind.Text, text, textAt);
            if (At('-') || At('+'))
                at++;
            if (kind == '#')
                (strips, trims) = Comment(open);
            else
                (strips, trims) = Tag(kind == '%', open);
        }

        Add(JinjaKind.End, "", template.Length);
    }

    private bool At(char c) => at < template.Length && template[at] == c;

    private int NextOpen()
    {
        for (int i = at; i + 1 < template.Length; i++)
        {
            if (template[i] == '{' && template[i + 1] is '%' or '{' or '#')
                return i;
        }

        return template.Length;
    }

    /// <summary>lstrip_blocks: blanks between a line's begin and a block go.</summary>
    private string WithoutIndent(string text, int textAt)
    {
        int line = text.LastIndexOf('\n') + 1;
        bool fromLineBegin = line > 0 || textAt == 0 || template[textAt - 1] == '\n';
        return fromLineBegin && text[line..].All(JinjaText.IsBlank) ? text[..line] : text;
    }

    private (bool Strips, bool Trims) Comment(int open)
    {
        int end = template.IndexOf("#}", at, StringComparison.Ordinal);
        if (end < 0)
            throw Wrong(open, "a comment that does not end");
        bool strips = template[end - 1] == '-';
        at = end + 2;
        return (strips, true);
    }

    private (bool Strips, bool Trims) Tag(bool block, int open)
    {
        Add(block ? JinjaKind.BlockBegin : JinjaKind.PrintBegin, template[open..(open + 2)], open);
        string close = block ? "%}" : "}}";
        int braces = 0, first = tokens.Count;
        while (true)
        {
            while (at < template.Length && JinjaText.IsBlank(template[at]))
                at++;
            if (at >= template.Length)
                throw Wrong(open, "a tag that does not end");
            ReadOnlySpan<char> rest = template.AsSpan(at);
            bool strips = rest[0] == '-' && rest[1..].StartsWith(close), keeps = rest[0] == '+' && rest[1..].StartsWith(close);
            if (strips || keeps || (braces == 0 && rest.StartsWith(close)))
            {
                Add(block ? JinjaKind.BlockEnd : JinjaKind.PrintEnd, close, at);
                at += close.Length + (strips || keeps ? 1 : 0);
                return (strips, block && !keeps);
            }

            // Each piece may lie one call deeper than the one before.
            if (tokens.Count - first > MostPieces)
                throw Wrong(open, $"a tag of more than {MostPieces} pieces");
            braces += rest[0] == '{' ? 1 : rest[0] == '}' ? -1 : 0;
            One();
        }
    }

    private void One()
    {
        int start = at;
        char c = template[at];
        if (char.IsAsciiLetter(c) || c == '_')
        {
            while (at < template.Length && (char.IsAsciiLetterOrDigit(template[at]) || template[at] == '_'))
                at++;
            Add(JinjaKind.Name, template[start..at], start);
        }
        else if (char.IsAsciiDigit(c))
        {
            while (at < template.Length && char.IsAsciiDigit(template[at]))
                at++;
            Add(JinjaKind.Number, template[start..at], start);
        }
        else if (c is '\'' or '"')
        {
            Add(JinjaKind.String, Quoted(c), start);
        }
        else
        {
            string found = Array.Find(Operators, o => template.AsSpan(start).StartsWith(o)) ?? throw Wrong(start, $"'{c}'");
            at += found.Length;
            Add(JinjaKind.Operator, found, start);
        }
    }

    private string Quoted(char quote)
    {
        int start = at++;
        var text = new StringBuilder();
        for (; at < template.Length && template[at] != quote; at++)
        {
            if (template[at] != '\\' || at + 1 == template.Length)
            {
                text.Append(template[at]);
                continue;
            }

            char escaped = template[++at];
            text.Append(escaped switch
            {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\\' or '\'' or '"' => escaped,
                _ => throw Wrong(at, $"the escape \\{escaped}"),
            });
        }

        if (at++ >= template.Length)
            throw Wrong(start, "a string that does not end");
        return text.ToString();
    }

    private void Add(JinjaKind kind, string text, int start)
    {
        if (kind != JinjaKind.Text || text.Length > 0)
            tokens.Add(new JinjaToken(kind, text, start));
    }

    private DataException Wrong(int where, string what) => new($"{source}, character {where}: {what} is not understood in a chat template");
}
