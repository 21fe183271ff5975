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
