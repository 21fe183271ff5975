using System.Globalization;
using System.Numerics;

namespace DeepSeek.Reference.Text;

/// <summary>Reads the expressions of a template into functions of its names.</summary>
internal sealed class JinjaExpressions(IReadOnlyList<JinjaToken> tokens, string source)
{
    private const int Deepest = 64;

    private int depth;

    /// <summary>The piece that is read next.</summary>
    public int At { get; set; }

    /// <summary>That piece.</summary>
    public JinjaToken Next => tokens[At];

    /// <summary>Takes a piece if it is this one.</summary>
    public bool Take(JinjaKind kind, string text)
    {
        if (Next.Kind != kind || Next.Text != text)
            return false;
        At++;
        return true;
    }

    /// <summary>Takes a piece that must be there.</summary>
    public void Expect(JinjaKind kind, string text)
    {
        if (!Take(kind, text))
            throw Wrong($"'{Next.Text}' where '{text}' is expected");
    }

    /// <summary>Takes a name.</summary>
    public string Name()
    {
        if (Next.Kind != JinjaKind.Name)
            throw Wrong($"'{Next.Text}' where a name is expected");
        return tokens[At++].Text;
    }

    /// <summary>An error at the next piece.</summary>
    public DataException Wrong(string what) => new($"{source}, character {Next.At}: {what} is not understood in a chat template");

    /// <summary>a if c else b, or what binds closer.</summary>
    public Func<JinjaScope, object?> Expression()
    {
        if (++depth > Deepest)
            throw Wrong($"nesting beyond {Deepest}");
        Func<JinjaScope, object?> value = Or();
        if (Take(JinjaKind.Name, "if"))
        {
            Func<JinjaScope, object?> then = value, condition = Or();
            Func<JinjaScope, object?> otherwise = Take(JinjaKind.Name, "else") ? Expression() : _ => new JinjaUndefined("else");
            value = s => JinjaValue.Truth(condition(s)) ? then(s) : otherwise(s);
        }

        depth--;
        return value;
    }

    /// <summary>The list of a loop, where if begins its condition.</summary>
    public Func<JinjaScope, object?> Or()
    {
        Func<JinjaScope, object?> left = And();
        while (Take(JinjaKind.Name, "or"))
        {
            Func<JinjaScope, object?> a = left, b = And();
            left = s => a(s) is var value && JinjaValue.Truth(value) ? value : b(s);
        }

        return left;
    }

    private Func<JinjaScope, object?> And()
    {
        Func<JinjaScope, object?> left = Not();
        while (Take(JinjaKind.Name, "and"))
        {
            Func<JinjaScope, object?> a = left, b = Not();
            left = s => a(s) is var value && !JinjaValue.Truth(value) ? value : b(s);
        }

        return left;
    }

    private Func<JinjaScope, object?> Not()
    {
        if (!Take(JinjaKind.Name, "not"))
            return Comparison();
        if (++depth > Deepest)
            throw Wrong($"nesting beyond {Deepest}");
        Func<JinjaScope, object?> value = Not();
        depth--;
        return s => !JinjaValue.Truth(value(s));
    }

    private Func<JinjaScope, object?> Comparison()
    {
        Func<JinjaScope, object?> a = Sum();
        for (int count = 0; ; count++)
        {
            Func<JinjaScope, object?> left = a;
            bool not = Next is { Kind: JinjaKind.Name, Text: "not" } && tokens[At + 1] is { Kind: JinjaKind.Name, Text: "in" };
            if (not)
                At++;
            if (Take(JinjaKind.Name, "in"))
            {
                Func<JinjaScope, object?> b = Sum();
                a = s => JinjaValue.In(left(s), b(s)) != not;
            }
            else if (Next is { Kind: JinjaKind.Operator, Text: "==" or "!=" or "<" or ">" or "<=" or ">=" })
            {
                string operation = tokens[At++].Text;
                Func<JinjaScope, object?> b = Sum();
                a = s => Compare(operation, left(s), b(s));
            }
            else
            {
                return a;
            }

            if (count > 0)
                throw Wrong("a chain of comparisons");
        }
    }

    private static bool Compare(string operation, object? a, object? b) => operation switch
    {
        "==" => JinjaValue.Same(a, b),
        "!=" => !JinjaValue.Same(a, b),
        "<" => JinjaValue.Order(a, b) < 0,
        ">" => JinjaValue.Order(a, b) > 0,
        "<=" => JinjaValue.Order(a, b) <= 0,
        _ => JinjaValue.Order(a, b) >= 0,
    };

    private Func<JinjaScope, object?> Sum()
    {
        Func<JinjaScope, object?> a = Joined();
        while (Next is { Kind: JinjaKind.Operator, Text: "+" or "-" })
        {
            string operation = tokens[At++].Text;
            Func<JinjaScope, object?> left = a, b = Joined();
            a = s => JinjaValue.Arithmetic(operation, left(s), b(s));
        }

        return a;
    }

    private Func<JinjaScope, object?> Joined()
    {
        Func<JinjaScope, object?> a = Product();
        while (Take(JinjaKind.Operator, "~"))
        {
            Func<JinjaScope, object?> left = a, b = Product();
            a = s => JinjaValue.Arithmetic("~", left(s), b(s));
        }

        return a;
    }

    private Func<JinjaScope, object?> Product()
    {
        Func<JinjaScope, object?> a = Signed();
        while (Next is { Kind: JinjaKind.Operator, Text: "*" or "%" or "//" })
        {
            string operation = tokens[At++].Text;
            Func<JinjaScope, object?> left = a, b = Signed();
            a = s => JinjaValue.Arithmetic(operation, left(s), b(s));
        }

        return Next is { Kind: JinjaKind.Operator, Text: "/" or "**" } ? throw Wrong($"the operator {Next.Text}") : a;
    }

    private Func<JinjaScope, object?> Signed()
    {
        bool negative = Take(JinjaKind.Operator, "-");
        Func<JinjaScope, object?> value = Postfix(Primary());
        if (negative)
            value = Negated(value);
        while (true)
        {
            if (Take(JinjaKind.Operator, "|"))
                value = Filtered(value);
            else if (Take(JinjaKind.Name, "is"))
                value = Tested(value);
            else
                return value;
        }
    }

    private static Func<JinjaScope, object?> Negated(Func<JinjaScope, object?> value) => s => JinjaValue.Arithmetic("-", BigInteger.Zero, value(s));

    private Func<JinjaScope, object?> Filtered(Func<JinjaScope, object?> value)
    {
        string name = Name();
        if (!JinjaCalls.HasFilter(name))
        {
            At--;
            throw Wrong($"the filter {name}");
        }

        Func<JinjaScope, object?>[] arguments = Take(JinjaKind.Operator, "(") ? Arguments() : [];
        if (!JinjaCalls.Takes(name, arguments.Length))
            throw Wrong($"the filter {name} with {arguments.Length} arguments");
        return s => JinjaCalls.Filter(name, value(s), [.. arguments.Select(a => a(s))]);
    }

    private Func<JinjaScope, object?> Tested(Func<JinjaScope, object?> value)
    {
        bool not = Take(JinjaKind.Name, "not");
        string name = Name();
        if (!JinjaCalls.HasTest(name))
        {
            At--;
            throw Wrong($"the test {name}");
        }

        return s => JinjaCalls.Test(name, value(s)) != not;
    }

    private Func<JinjaScope, object?> Postfix(Func<JinjaScope, object?> value)
    {
        while (true)
        {
            Func<JinjaScope, object?> of = value;
            if (Take(JinjaKind.Operator, "."))
            {
                string name = Name();
                if (!Take(JinjaKind.Operator, "("))
                {
                    value = s => JinjaValue.Attribute(of(s), name);
                    continue;
                }

                if (!JinjaCalls.HasMethod(name))
                    throw Wrong($"the method {name}()");
                Func<JinjaScope, object?>[] arguments = Arguments();
                if (!JinjaCalls.Takes(name, arguments.Length))
                    throw Wrong($"the method {name}() with {arguments.Length} arguments");
                value = s => JinjaCalls.Method(name, of(s), [.. arguments.Select(a => a(s))]);
            }
            else if (Take(JinjaKind.Operator, "["))
            {
                value = Subscript(of);
            }
            else
            {
                return Next is { Kind: JinjaKind.Operator, Text: "(" } ? throw Wrong("a call of a value") : value;
            }
        }
    }

    private Func<JinjaScope, object?> Subscript(Func<JinjaScope, object?> of)
    {
        Func<JinjaScope, object?>? from = Next is { Kind: JinjaKind.Operator, Text: ":" } ? null : Expression();
        if (!Take(JinjaKind.Operator, ":"))
        {
            Expect(JinjaKind.Operator, "]");
            return s => JinjaValue.Item(of(s), from!(s));
        }

        Func<JinjaScope, object?>? to = Next is { Kind: JinjaKind.Operator, Text: "]" } ? null : Expression();
        Expect(JinjaKind.Operator, "]");
        return s => JinjaValue.Slice(of(s), from?.Invoke(s), to?.Invoke(s));
    }

    private Func<JinjaScope, object?>[] Arguments()
    {
        var arguments = new List<Func<JinjaScope, object?>>();
        while (!Take(JinjaKind.Operator, ")"))
        {
            if (arguments.Count > 0)
                Expect(JinjaKind.Operator, ",");
            if (Next.Kind == JinjaKind.Name && tokens[At + 1] is { Kind: JinjaKind.Operator, Text: "=" })
                throw Wrong($"the named argument {Next.Text}");
            arguments.Add(Expression());
        }

        return [.. arguments];
    }

    private Func<JinjaScope, object?> Primary()
    {
        JinjaToken token = Next;
        At++;
        switch (token.Kind)
        {
            case JinjaKind.String:
                string text = token.Text;
                while (Next.Kind == JinjaKind.String)
                    text += tokens[At++].Text;
                return _ => text;
            case JinjaKind.Number:
                BigInteger number = token.Text.Length <= JinjaValue.MostDigits ? BigInteger.Parse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture) : throw Wrong($"a number of more than {JinjaValue.MostDigits} digits");
                return _ => number;
            case JinjaKind.Name:
                return Named(token.Text);
            case JinjaKind.Operator when token.Text == "(":
                Func<JinjaScope, object?> inside = Expression();
                Expect(JinjaKind.Operator, ")");
                return inside;
            case JinjaKind.Operator when token.Text == "[":
                return List();
            default:
                At--;
                throw Wrong($"'{token.Text}'");
        }
    }

    private Func<JinjaScope, object?> List()
    {
        var items = new List<Func<JinjaScope, object?>>();
        while (!Take(JinjaKind.Operator, "]"))
        {
            if (items.Count > 0)
                Expect(JinjaKind.Operator, ",");
            items.Add(Expression());
        }

        return s => items.Select(item => item(s)).ToList();
    }

    private Func<JinjaScope, object?> Named(string name)
    {
        bool call = Next is { Kind: JinjaKind.Operator, Text: "(" };
        if (!call)
        {
            return name switch
            {
                "true" or "True" => _ => true,
                "false" or "False" => _ => false,
                "none" or "None" => _ => null,
                _ => s => s.Get(name),
            };
        }

        if (name == "namespace")
            return Namespace();
        if (name != "raise_exception")
            throw Wrong($"the function {name}()");
        At++;
        Func<JinjaScope, object?>[] arguments = Arguments();
        return s => throw new JinjaException($"the template refuses: {string.Join(' ', arguments.Select(a => JinjaValue.Print(a(s))))}");
    }

    private Func<JinjaScope, object?> Namespace()
    {
        At++;
        var fields = new List<(string Name, Func<JinjaScope, object?> Value)>();
        while (!Take(JinjaKind.Operator, ")"))
        {
            if (fields.Count > 0)
                Expect(JinjaKind.Operator, ",");
            string field = Name();
            Expect(JinjaKind.Operator, "=");
            fields.Add((field, Expression()));
        }

        return s =>
        {
            var made = new JinjaNamespace();
            foreach ((string field, Func<JinjaScope, object?> value) in fields)
                made.Fields[field] = value(s);
            return made;
        };
    }
}
