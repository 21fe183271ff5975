using System.Globalization;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>Reads the arguments of a case id one by one; what is read, in the order it is read, is the canonical id.</summary>
/// <remarks>
/// Sizes are always written; any other argument only where it differs from its default. Defaults come from the case's contract, so
/// <c>rms_norm[t=3,n=64,contract=huggingface]</c> takes that dialect's dtypes and roundings. An argument that nobody read is an error.
/// </remarks>
internal sealed partial class CaseFields
{
    private const ulong DefaultSeed = 0x2a;
    private const string DefaultMap = "bell";
    private const long LongestList = 1 << 18;

    private readonly CaseId id;
    private readonly HashSet<string> read = [];
    private readonly List<KeyValuePair<string, string>> canonical = [];
    private readonly List<KeyValuePair<string, string>> tail = [];
    private readonly List<CaseInput> inputs = [];
    private readonly List<KeyValuePair<string, Tensor>> layout = [];
    private readonly List<CaseOutput> outputs = [];

    public CaseFields(CaseId id)
    {
        this.id = id;
        string contract = Take("contract") ?? "canonical";
        try
        {
            Contract = NumericContract.Parse(contract);
        }
        catch (ContractException e)
        {
            throw Bad("contract", e.Message);
        }

        Seed = ReadSeed();
        Map = Take("map") ?? DefaultMap;
        if (!CaseInputs.IsValueMap(Map))
            throw Bad("map", $"'{Map}' is not a value map; there are {string.Join(", ", CaseInputs.ValueMapNames)}");
        if (Map != DefaultMap)
            tail.Add(new("map", Map));
        if (Contract != NumericContract.Canonical)
            tail.Add(new("contract", Contract.Name.ToLowerInvariant()));
        if (Seed != DefaultSeed)
            tail.Add(new("seed", SeedText(Seed)));
    }

    /// <summary>The preset that gives the defaults.</summary>
    public NumericContract Contract { get; }

    /// <summary>The seed of every input.</summary>
    public ulong Seed { get; }

    /// <summary>The value map of every input of real numbers.</summary>
    public string Map { get; }

    /// <summary>A size, always written; 0 to 2^24.</summary>
    public int Size(string key)
    {
        string text = Take(key) ?? throw Bad(key, "this size is missing");
        return Keep(key, text, defaultValue: null, max: 1 << 24);
    }

    /// <summary>Refuses a list of whole numbers that a case of a few characters would hold in memory itself: 2^18 is far above any model's.</summary>
    public void RequireList(string key, long count)
    {
        if (count > LongestList)
            throw Bad(key, string.Create(CultureInfo.InvariantCulture, $"the case would hold a list of {count} numbers, and {LongestList} is the most; take smaller sizes"));
    }

    /// <summary>A whole number with a default.</summary>
    public int Whole(string key, int defaultValue) =>
        Take(key) is string text ? Keep(key, text, defaultValue, max: 1 << 24) : defaultValue;

    /// <summary>A binary32 attribute, written in the shortest form that reads back to it.</summary>
    public float Number(string key, float defaultValue)
    {
        if (Take(key) is not string text)
            return defaultValue;
        if (!float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) || !float.IsFinite(value))
            throw Bad(key, $"'{text}' is not a finite number");
        if (value != defaultValue)
            canonical.Add(new(key, value.ToString("R", CultureInfo.InvariantCulture).ToLowerInvariant()));
        return value;
    }

    /// <summary>yes or no.</summary>
    public bool Flag(string key, bool defaultValue)
    {
        if (Take(key) is not string text)
            return defaultValue;
        bool value = text switch
        {
            "yes" => true,
            "no" => false,
            _ => throw Bad(key, $"'{text}' is neither yes nor no"),
        };
        if (value != defaultValue)
            canonical.Add(new(key, text));
        return value;
    }

    /// <summary>A value of an enum, by its name in lower case.</summary>
    public T Choice<T>(string key, T defaultValue) where T : struct, Enum
    {
        if (Take(key) is not string text)
            return defaultValue;
        foreach (T value in Enum.GetValues<T>())
        {
            if (string.Equals(value.ToString(), text, StringComparison.OrdinalIgnoreCase))
            {
                if (!value.Equals(defaultValue))
                    canonical.Add(new(key, text));
                return value;
            }
        }

        throw Bad(key, $"'{text}' is none of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}");
    }

    /// <summary>The accumulation, <c>sum=</c>: a kind, or the name of a matrix unit.</summary>
    public Accumulation Sum() => Sum("sum", Contract.Accumulation);

    /// <summary>An accumulation under a key of its own.</summary>
    private Accumulation Sum(string key, Accumulation defaultValue)
    {
        if (TensorCore.All.FirstOrDefault(unit => unit.Name == id[key]) is not { } unit)
            return Choice(key, defaultValue.Kind) is var kind && kind == defaultValue.Kind ? defaultValue
                : kind != AccumulationKind.TensorCore ? new Accumulation(kind) : throw Bad(key, $"name the matrix unit, such as {TensorCore.HopperWgmmaBF16F32}");
        read.Add(key);
        if (Accumulation.TensorCore(unit) != defaultValue)
            canonical.Add(new(key, unit.Name));
        return Accumulation.TensorCore(unit);
    }

    /// <summary>The arithmetic of a block-scaled product, <c>product=</c>: the name of a preset; by default the contract's, or DeepGEMM's on Hopper where it has none.</summary>
    public ScaledProduct Product()
    {
        ScaledProduct defaultValue = Contract.Fp8Product ?? ScaledProduct.DeepGemmSm90;
        if (Take("product") is not string text)
            return defaultValue;
        if (ScaledProduct.Presets.FirstOrDefault(p => p.Name == text) is not { } product)
            throw Bad("product", $"'{text}' is none of {string.Join(", ", ScaledProduct.Presets.Select(p => p.Name))}");
        if (product != defaultValue)
            canonical.Add(new("product", text));
        return product;
    }

    /// <summary>Declares an input of real numbers; its name is the key of its dtype (f32, bf16), which defaults to the contract's.</summary>
    public void Input(string name, DType? dtype, params ReadOnlySpan<long> shape) =>
        inputs.Add(new CaseInput(name, Map, RealType(name, dtype), new Shape(shape)));

    /// <summary>Declares an input with a fixed dtype and a map of its own.</summary>
    public void FixedInput(string name, string map, DType dtype, params ReadOnlySpan<long> shape) =>
        inputs.Add(new CaseInput(name, map, dtype, new Shape(shape)));

    /// <summary>Declares an input that multiplies another: as <see cref="Input"/>, but under map=subnormal it is bell, since a product of two subnormal numbers is nothing but zero.</summary>
    public void Factor(string name, DType? dtype, params ReadOnlySpan<long> shape) =>
        inputs.Add(new CaseInput(name, Map == CaseInputs.Subnormal ? DefaultMap : Map, RealType(name, dtype), new Shape(shape)));

    /// <summary>Declares an input of binary32 whatever the contract: a gradient, or what a forward saved.</summary>
    public void Single(string name, params ReadOnlySpan<long> shape) => FixedInput(name, Map, DType.F32, shape);

    /// <summary>Declares an input of binary32 that multiplies another: as <see cref="Factor"/>.</summary>
    public void SingleFactor(string name, params ReadOnlySpan<long> shape) =>
        FixedInput(name, Map == CaseInputs.Subnormal ? DefaultMap : Map, DType.F32, shape);

    /// <summary>Declares an input that the case's forward makes from the inputs before it.</summary>
    public void Forward(string name, DType dtype, params ReadOnlySpan<long> shape) => FixedInput(name, CaseInputs.Forward, dtype, shape);

    /// <summary>Declares whole numbers that the id gives: a run takes the tensor of that name where it is given another.</summary>
    public Tensor Given(string name, int[] values)
    {
        Tensor tensor = Tensor.From(values, values.Length);
        layout.Add(new(name, tensor));
        return tensor;
    }

    /// <summary>Declares an output; its name is the key of its dtype.</summary>
    public void Output(string name, DType? dtype, params ReadOnlySpan<long> shape) =>
        outputs.Add(new CaseOutput(name, RealType(name, dtype), new Shape(shape)));

    /// <summary>Declares an output with a fixed dtype.</summary>
    public void FixedOutput(string name, DType dtype, params ReadOnlySpan<long> shape) =>
        outputs.Add(new CaseOutput(name, dtype, new Shape(shape)));

    /// <summary>The case, once everything was read.</summary>
    /// <exception cref="CaseException">An argument that the operation does not have.</exception>
    public OperationCase Build(Operation operation, long multiplyAdds, Action<IBackend, CaseTensors> run, Action<IBackend, CaseTensors>? forward = null)
    {
        foreach ((string key, string value) in id.Arguments)
        {
            if (!read.Contains(key))
                throw new CaseException($"case '{id}': '{id.Name}' has no '{key}'; it has {string.Join(", ", read.Order(StringComparer.Ordinal))}");
        }

        return new OperationCase(new CaseId(id.Name, canonical.Concat(tail)), operation, Contract, Seed, inputs, layout, outputs, multiplyAdds, run) { Forward = forward };
    }

    /// <summary>An error about one argument.</summary>
    public CaseException Bad(string key, string what) => new($"case '{id}', {key}: {what}");

    /// <summary>The seed as an id writes it.</summary>
    public static string SeedText(ulong seed) => "0x" + seed.ToString("x", CultureInfo.InvariantCulture);

    private DType RealType(string key, DType? contracts)
    {
        DType defaultValue = contracts ?? Contract.Activations;
        if (Take(key) is not string text)
            return defaultValue;
        DType value = text switch
        {
            "f32" => DType.F32,
            "bf16" => DType.BF16,
            _ => throw Bad(key, $"'{text}' is neither f32 nor bf16"),
        };
        if (value != defaultValue)
            canonical.Add(new(key, text));
        return value;
    }

    private int Keep(string key, string text, int? defaultValue, int max)
    {
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) || value > max)
            throw Bad(key, $"'{text}' is not a whole number of 0 to {max}");
        if (value != defaultValue)
            canonical.Add(new(key, value.ToString(CultureInfo.InvariantCulture)));
        return value;
    }

    /// <summary>A seed, decimal or 0x hexadecimal; false for anything else.</summary>
    public static bool TryReadSeed(string text, out ulong seed) => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out seed)
        : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out seed);

    private ulong ReadSeed()
    {
        if (Take("seed") is not string text)
            return DefaultSeed;
        return TryReadSeed(text, out ulong seed) ? seed : throw Bad("seed", $"'{text}' is not a whole number of 64 bits, decimal or 0x hexadecimal");
    }

    private string? Take(string key)
    {
        read.Add(key);
        return id[key];
    }
}
