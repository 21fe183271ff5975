namespace DeepSeek.Reference.Verification;

/// <summary>An input of a case: a tensor made from the case's seed, its own name and a value map (rule N14).</summary>
/// <param name="Name">The name that keys the generator: another input never changes this one.</param>
/// <param name="Map">How random words become values: a value map, or one of the integer maps of <see cref="CaseInputs"/>.</param>
/// <param name="DType">F32, BF16, F8_E4M3, I32, I64, or U16 for E5M6 codes. BF16 and F8_E4M3 are the binary32 value rounded once, the latter saturated.</param>
/// <param name="Shape">Dimensions.</param>
public sealed record CaseInput(string Name, string Map, DType DType, Shape Shape);

/// <summary>An output of a case.</summary>
/// <param name="Name">The operation's name for it.</param>
/// <param name="DType">Its dtype.</param>
/// <param name="Shape">Dimensions.</param>
public sealed record CaseOutput(string Name, DType DType, Shape Shape);

/// <summary>The tensors of one run of a case, by name.</summary>
public sealed class CaseTensors
{
    private readonly Dictionary<string, Tensor> tensors = [];

    /// <summary>The tensor of that name.</summary>
    /// <exception cref="CaseException">There is none.</exception>
    public Tensor this[string name]
    {
        get => tensors.TryGetValue(name, out Tensor? t) ? t : throw new CaseException($"the case has no tensor '{name}'; it has {string.Join(", ", tensors.Keys)}");
        set => tensors[name] = value;
    }

    /// <summary>The tensor of that name, or the given one where there is none.</summary>
    internal Tensor Or(string name, Tensor otherwise) => tensors.GetValueOrDefault(name, otherwise);

    /// <summary>All names.</summary>
    public IReadOnlyCollection<string> Names => tensors.Keys;
}
