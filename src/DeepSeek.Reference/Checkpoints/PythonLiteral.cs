using System.Globalization;

namespace DeepSeek.Reference;

/// <summary>A reader of the few Python literals that a .npy header holds: quoted strings, booleans, tuples of integers.</summary>
internal ref struct PythonLiteral(ReadOnlySpan<char> text, string source)
{
    private readonly ReadOnlySpan<char> text = text;
    private int at;

    /// <summary>An error at the place reached.</summary>
    public readonly DataException Fail(string what) => new($"{source}: {what} (character {at} of the header); the file is damaged");

    /// <summary>Moves past a character if it comes next.</summary>
    public bool Skip(char c)
    {
        SkipSpace();
        if (at >= text.Length || text[at] != c)
            return false;
        at++;
        return true;
    }

    /// <summary>Moves past a character that must come next.</summary>
    public void Expect(char c)
    {
        if (!Skip(c))
            throw Fail($"'{c}' is missing");
    }

    /// <summary>A string in single or double quotes, without escapes.</summary>
    public string String()
    {
        char quote = Skip('\'') ? '\'' : Skip('"') ? '"' : throw Fail("a plain dtype or key in quotes is expected");
        int length = text[at..].IndexOf(quote);
        if (length < 0 || text.Slice(at, length).ContainsAny('\\', '\n', '\r'))
            throw Fail("a string does not end");
        string value = text.Slice(at, length).ToString();
        at += length + 1;
        return value;
    }

    /// <summary>True or False.</summary>
    public bool Boolean()
    {
        foreach ((string word, bool value) in new[] { ("True", true), ("False", false) })
        {
            if (Skip(word[0]))
            {
                at--;
                if (!text[at..].StartsWith(word, StringComparison.Ordinal))
                    break;
                at += word.Length;
                return value;
            }
        }

        throw Fail("True or False is expected");
    }

    /// <summary>A tuple of non-negative integers.</summary>
    public List<long> Tuple()
    {
        var values = new List<long>();
        Expect('(');
        while (!Skip(')'))
        {
            values.Add(Integer());
            if (!Skip(','))
            {
                // (3) is a number in brackets, not a tuple.
                if (values.Count == 1)
                    throw Fail("',' is missing");
                Expect(')');
                break;
            }
        }

        return values;
    }

    /// <summary>Refuses anything but white space to the end.</summary>
    public void End()
    {
        SkipSpace();
        if (at != text.Length)
            throw Fail("more text follows the dictionary");
    }

    private void SkipSpace()
    {
        while (at < text.Length && text[at] is ' ' or '\n' or '\t' or '\r')
            at++;
    }

    private long Integer()
    {
        int length = 0;
        SkipSpace();
        while (at + length < text.Length && char.IsAsciiDigit(text[at + length]))
            length++;
        if (!long.TryParse(text.Slice(at, length), NumberStyles.None, CultureInfo.InvariantCulture, out long value))
            throw Fail("an integer from 0 to 2^63 - 1 is expected");
        at += length;
        return value;
    }
}
