using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Backends;

/// <summary>Attributes of a call that came from outside, by name; those of an object carry its name (<c>product.order</c>). Each is read once.</summary>
internal sealed class AttributeSet(string operation, IReadOnlyDictionary<string, object> values)
{
    private readonly HashSet<string> read = [];

    /// <summary>Whether any attribute of an object was given.</summary>
    public bool HasObject(string name) => values.Keys.Any(k => k.StartsWith(name + ".", StringComparison.Ordinal));

    /// <summary>A whole number.</summary>
    public int Whole(string name) => Take(name) is long whole && whole is >= int.MinValue and <= int.MaxValue ? (int)whole : throw Bad(name, "is no whole number of 32 bits");

    /// <summary>A binary32 number; one without a fraction may come as a whole number.</summary>
    public float Real(string name) => Take(name) switch
    {
        double real when (float)real == real || double.IsNaN(real) => (float)real,
        long whole when (long)(float)whole == whole => whole,
        _ => throw Bad(name, "is no binary32 number"),
    };

    /// <summary>A binary32 number, or null for <see cref="CallAttributes.None"/>.</summary>
    public float? Optional(string name)
    {
        if (Take(name) is not string text)
            return Real(name);
        return text == CallAttributes.None ? null : throw Bad(name, $"is '{text}', neither a number nor {CallAttributes.None}");
    }

    /// <summary>A word.</summary>
    public string Text(string name) => Take(name) as string ?? throw Bad(name, "is no text");

    /// <summary>Yes or no.</summary>
    public bool Flag(string name) => Take(name) is bool flag ? flag : throw Bad(name, "is neither true nor false");

    /// <summary>Whole numbers.</summary>
    public int[] List(string name) => Take(name) as int[] ?? throw Bad(name, "is no list of whole numbers");

    /// <summary>A value of an enum.</summary>
    public T Name<T>(string name) where T : struct, Enum => Value<T>(Text(name)) ?? throw Bad(name, $"is '{values[name]}', none of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}");

    /// <summary>A kind of accumulation, or the name of a matrix unit.</summary>
    public Accumulation Accumulation(string name)
    {
        string text = Text(name);
        if (TensorCore.All.FirstOrDefault(unit => unit.Name == text) is { } core)
            return Ops.Accumulation.TensorCore(core);
        return Value<AccumulationKind>(text) is { } kind && kind != AccumulationKind.TensorCore ? new Accumulation(kind) : throw Bad(name, $"is '{text}', neither an accumulation nor a matrix unit");
    }

    /// <summary>A dtype by its name in safetensors.</summary>
    public DType DType(string name) => DTypes.TryParse(Text(name), out DType dtype) ? dtype : throw Bad(name, $"is '{values[name]}', which is no dtype");

    /// <summary>Refuses attributes that were not read: they may change what is computed.</summary>
    /// <exception cref="ContractException">There is one.</exception>
    public void End()
    {
        foreach (string name in values.Keys)
        {
            if (!read.Contains(name))
                throw new ContractException($"{operation} has no attribute '{name}' in this version; take caller and library of one release");
        }
    }

    private static T? Value<T>(string text) where T : struct, Enum
    {
        foreach (T value in Enum.GetValues<T>())
        {
            if (string.Equals(value.ToString(), text, StringComparison.OrdinalIgnoreCase))
                return value;
        }

        return null;
    }

    private object Take(string name)
    {
        read.Add(name);
        return values.TryGetValue(name, out object? value) ? value : throw new ContractException($"{operation} needs an attribute '{name}' (docs/spec/worker.md 4)");
    }

    private ContractException Bad(string name, string what) => new($"{operation}: attribute '{name}' {what}");
}
