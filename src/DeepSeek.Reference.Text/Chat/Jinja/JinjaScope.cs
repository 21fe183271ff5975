using System.Numerics;

namespace DeepSeek.Reference.Text;

/// <summary>The names that a template can see; each turn of a loop has names of its own.</summary>
internal sealed class JinjaScope(JinjaScope? outer)
{
    private readonly Dictionary<string, object?> names = [];

    /// <summary>The value of a name, or <see cref="JinjaUndefined"/>.</summary>
    public object? Get(string name)
    {
        for (JinjaScope? scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope.names.TryGetValue(name, out object? value))
                return value;
        }

        return new JinjaUndefined(name);
    }

    private JinjaScope? Outer { get; } = outer;

    /// <summary>Sets a name of this turn.</summary>
    public void Set(string name, object? value) => names[name] = value;
}

/// <summary>The value of what does not exist: false, empty when printed, an error in every other use.</summary>
internal sealed record JinjaUndefined(string Name);

/// <summary>What namespace() makes: its fields outlive the loops that set them.</summary>
internal sealed class JinjaNamespace
{
    /// <summary>The fields.</summary>
    public Dictionary<string, object?> Fields { get; } = [];
}

/// <summary>The loop of a turn: what of it is read.</summary>
internal sealed class JinjaLoop(List<object?> items, int at)
{
    /// <summary>A part of it.</summary>
    /// <exception cref="JinjaException">There is no such part here; Python may have it.</exception>
    public object? Get(string name) => name switch
    {
        "index" => new BigInteger(at + 1),
        "index0" => new BigInteger(at),
        "revindex" => new BigInteger(items.Count - at),
        "revindex0" => new BigInteger(items.Count - at - 1),
        "first" => at == 0,
        "last" => at == items.Count - 1,
        "length" => new BigInteger(items.Count),
        "previtem" => at == 0 ? new JinjaUndefined("previtem") : items[at - 1],
        "nextitem" => at == items.Count - 1 ? new JinjaUndefined("nextitem") : items[at + 1],

        // Of loops that call themselves, which are not read.
        "depth" => BigInteger.One,
        "depth0" => BigInteger.Zero,
        _ => throw new JinjaException($"loop.{name} is not read in a chat template"),
    };
}
