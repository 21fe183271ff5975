using DeepSeek.Reference.Layouts;

namespace DeepSeek.Reference.Backends;

/// <summary>Layouts that a user chose for operands: <c>x_scale=mn[align=16],linear:y=k[pad=3]</c>.</summary>
/// <remarks>A name without an operation holds for all of them; <c>weight</c> holds for <c>weight.0</c>, <c>weight.1</c>, ... too. The more particular choice wins.</remarks>
internal sealed class LayoutChoice
{
    private readonly Dictionary<string, Layout> of = [];

    /// <summary>No choice: tensors are contiguous.</summary>
    public static LayoutChoice None { get; } = new();

    /// <summary>The choices of a text.</summary>
    /// <exception cref="ContractException">It is not NAME=LAYOUT, or names no layout.</exception>
    public static LayoutChoice Parse(string text)
    {
        var choice = new LayoutChoice();
        foreach (string one in Split(text))
        {
            int equals = one.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals + 1 == one.Length)
                throw new ContractException($"'{one}' is not NAME=LAYOUT, such as x_scale=mn[align=16]");
            string name = one[..equals].Trim().ToLowerInvariant();
            if (!choice.of.TryAdd(name, Layout.Parse(one[(equals + 1)..])))
                throw new ContractException($"operand '{name}' has two layouts; give it one");
        }

        return choice;
    }

    /// <summary>The layout chosen for an operand; null for none.</summary>
    public Layout? For(Operation operation, string operand)
    {
        string op = OperationNames.Of(operation), stem = Stem(operand);
        foreach (string name in (string[])[$"{op}:{operand}", $"{op}:{stem}", operand, stem])
        {
            if (of.TryGetValue(name, out Layout? layout))
                return layout;
        }

        return null;
    }

    /// <summary>weight.0 is an element of the list weight.</summary>
    public static string Stem(string operand)
    {
        int dot = operand.LastIndexOf('.');
        return dot > 0 && operand[(dot + 1)..].All(char.IsAsciiDigit) ? operand[..dot] : operand;
    }

    /// <summary>Parts between the commas that no bracket holds.</summary>
    private static IEnumerable<string> Split(string text)
    {
        int depth = 0, start = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            depth += i == text.Length ? 0 : text[i] switch { '[' => 1, ']' => -1, _ => 0 };
            if (i < text.Length && (text[i] != ',' || depth > 0))
                continue;
            if (!string.IsNullOrWhiteSpace(text[start..i]))
                yield return text[start..i].Trim();
            start = i + 1;
        }
    }
}
