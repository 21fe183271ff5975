using System.Text;

namespace DeepSeek.Reference.Text;

/// <summary>A template in the part of Jinja that DeepSeek's chat templates use: text, print, set, if and for. Anything else is refused by its name.</summary>
/// <remarks>Values and settings are those of Python's jinja2 in transformers: what does not exist prints as nothing, and no name set in a loop leaves it.</remarks>
internal sealed class JinjaTemplate
{
    private const int Deepest = 64;

    private readonly string source;
    private readonly IReadOnlyList<JinjaToken> tokens;
    private readonly JinjaExpressions expressions;
    private readonly Action<JinjaScope, StringBuilder> body;
    private int depth;

    /// <summary>Reads a template.</summary>
    /// <exception cref="DataException">It has a construct that is not read; names it and its place.</exception>
    public JinjaTemplate(string template, string source)
    {
        this.source = source;
        tokens = JinjaLexer.Cut(template, source);
        expressions = new JinjaExpressions(tokens, source);
        body = Block();
        if (expressions.Next.Kind != JinjaKind.End)
            throw expressions.Wrong($"'{expressions.Next.Text}' that nothing began");
    }

    /// <summary>Whether the template asks for a variable, and neither sets it nor asks whether it is there.</summary>
    public bool Needs(string variable)
    {
        int[] places = [.. Enumerable.Range(1, tokens.Count - 1).Where(i => tokens[i] is { Kind: JinjaKind.Name } name && name.Text == variable && tokens[i - 1] is not { Kind: JinjaKind.Operator, Text: "." })];
        return places.Length > 0 && !Array.Exists(places, i => tokens[i - 1] is { Kind: JinjaKind.Name, Text: "set" } || tokens[i + 1] is { Kind: JinjaKind.Name, Text: "is" });
    }

    /// <summary>The text for these values.</summary>
    /// <exception cref="DataException">The template refuses them, or does what they do not allow.</exception>
    public string Render(IEnumerable<KeyValuePair<string, object?>> values)
    {
        var scope = new JinjaScope(null);
        foreach ((string name, object? value) in values)
            scope.Set(name, value);
        var text = new StringBuilder();
        try
        {
            body(scope, text);
        }
        catch (JinjaException e)
        {
            throw new DataException($"{source}: {e.Message}", e);
        }

        return text.ToString();
    }

    /// <summary>Statements up to one of the tags that end or divide a block; the tag's name is left to be read.</summary>
    private Action<JinjaScope, StringBuilder> Block(params string[] ends)
    {
        if (++depth > Deepest)
            throw expressions.Wrong($"nesting beyond {Deepest}");
        var parts = new List<Action<JinjaScope, StringBuilder>>();
        while (expressions.Next.Kind != JinjaKind.End)
        {
            JinjaToken token = expressions.Next;
            expressions.At++;
            if (token.Kind == JinjaKind.Text)
            {
                parts.Add((_, text) => text.Append(token.Text));
            }
            else if (token.Kind == JinjaKind.PrintBegin)
            {
                Func<JinjaScope, object?> value = expressions.Expression();
                expressions.Expect(JinjaKind.PrintEnd, "}}");
                parts.Add((scope, text) => text.Append(JinjaValue.Print(value(scope))));
            }
            else if (expressions.Next.Kind == JinjaKind.Name && ends.Contains(expressions.Next.Text))
            {
                break;
            }
            else
            {
                parts.Add(Statement());
            }
        }

        depth--;
        Action<JinjaScope, StringBuilder>[] all = [.. parts];
        return (scope, text) =>
        {
            foreach (Action<JinjaScope, StringBuilder> part in all)
                part(scope, text);
        };
    }

    private Action<JinjaScope, StringBuilder> Statement()
    {
        string name = expressions.Name();
        switch (name)
        {
            case "set":
                return Set();
            case "if":
                return If();
            case "for":
                return For();
            default:
                expressions.At--;
                throw expressions.Wrong($"the statement {name}");
        }
    }

    private Action<JinjaScope, StringBuilder> Set()
    {
        string name = expressions.Name();
        string? field = expressions.Take(JinjaKind.Operator, ".") ? expressions.Name() : null;
        expressions.Expect(JinjaKind.Operator, "=");
        Func<JinjaScope, object?> value = expressions.Expression();
        CloseTag();
        if (field is null)
            return (scope, _) => scope.Set(name, value(scope));
        return (scope, _) =>
        {
            if (scope.Get(name) is not JinjaNamespace space)
                throw new JinjaException($"{name}.{field} is set, but {name} is no namespace");
            space.Fields[field] = value(scope);
        };
    }

    private Action<JinjaScope, StringBuilder> If()
    {
        var branches = new List<(Func<JinjaScope, object?> Condition, Action<JinjaScope, StringBuilder> Body)>();
        Action<JinjaScope, StringBuilder>? otherwise = null;
        for (string tag = "if"; tag != "endif"; tag = expressions.Name())
        {
            Func<JinjaScope, object?>? condition = tag == "else" ? null : expressions.Expression();
            CloseTag();
            if (otherwise is not null)
                throw expressions.Wrong($"{tag} behind else");
            if (condition is null)
                otherwise = Block("endif", "else", "elif");
            else
                branches.Add((condition, Block("endif", "else", "elif")));
        }

        CloseTag();
        return (scope, text) =>
        {
            foreach ((Func<JinjaScope, object?> condition, Action<JinjaScope, StringBuilder> then) in branches)
            {
                if (JinjaValue.Truth(condition(scope)))
                {
                    then(scope, text);
                    return;
                }
            }

            otherwise?.Invoke(scope, text);
        };
    }

    private Action<JinjaScope, StringBuilder> For()
    {
        var names = new List<string> { expressions.Name() };
        while (expressions.Take(JinjaKind.Operator, ","))
            names.Add(expressions.Name());
        expressions.Expect(JinjaKind.Name, "in");
        Func<JinjaScope, object?> list = expressions.Or();
        Func<JinjaScope, object?>? condition = expressions.Take(JinjaKind.Name, "if") ? expressions.Expression() : null;
        CloseTag();
        Action<JinjaScope, StringBuilder> turn = Block("endfor", "else");
        Action<JinjaScope, StringBuilder>? otherwise = null;
        if (expressions.Name() == "else")
        {
            CloseTag();
            otherwise = Block("endfor");
            expressions.Expect(JinjaKind.Name, "endfor");
        }

        CloseTag();
        return (scope, text) =>
        {
            List<object?> items = [.. Items(list(scope)).Where(item => condition is null || JinjaValue.Truth(condition(Turn(scope, names, item))))];
            for (int i = 0; i < items.Count; i++)
            {
                JinjaScope inner = Turn(scope, names, items[i]);
                inner.Set("loop", new JinjaLoop(items, i));
                turn(inner, text);
            }

            if (items.Count == 0)
                otherwise?.Invoke(scope, text);
        };
    }

    private static IEnumerable<object?> Items(object? value) => value switch
    {
        List<object?> list => list,
        Dictionary<string, object?> map => map.Keys,
        string text => JinjaText.Characters(text),
        _ => throw new JinjaException($"a loop over a {JinjaValue.Kind(value)}"),
    };

    private static JinjaScope Turn(JinjaScope scope, List<string> names, object? item)
    {
        var inner = new JinjaScope(scope);
        if (names.Count == 1)
        {
            inner.Set(names[0], item);
            return inner;
        }

        if (item is not List<object?> parts || parts.Count != names.Count)
            throw new JinjaException($"a loop over {names.Count} names, but not over lists of as many items");
        for (int i = 0; i < names.Count; i++)
            inner.Set(names[i], parts[i]);
        return inner;
    }

    private void CloseTag() => expressions.Expect(JinjaKind.BlockEnd, "%}");
}
