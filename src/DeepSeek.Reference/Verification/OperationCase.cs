using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>One operation at one shape, with dtypes, attributes, contract, seed and value map: everything that its bits depend on (rule N1).</summary>
/// <remarks>
/// A case is its id: <see cref="Parse"/> makes the case of any id, whether or not the catalogue lists it. Inputs come from
/// Philox keyed by seed and tensor name (rule N14); they are the same on every machine and in every language.
/// </remarks>
public sealed class OperationCase
{
    private readonly Action<IBackend, CaseTensors> run;

    internal OperationCase(CaseId id, Operation operation, NumericContract contract, ulong seed, IReadOnlyList<CaseInput> inputs,
        IReadOnlyList<KeyValuePair<string, Tensor>> layout, IReadOnlyList<CaseOutput> outputs, long multiplyAdds, Action<IBackend, CaseTensors> run)
    {
        Id = id;
        Operation = operation;
        Contract = contract;
        Seed = seed;
        Inputs = inputs;
        Layout = layout;
        Outputs = outputs;
        MultiplyAdds = multiplyAdds;
        this.run = run;
    }

    /// <summary>Makes the inputs of the map forward; null where there are none.</summary>
    internal Action<IBackend, CaseTensors>? Forward { get; init; }

    /// <summary>The canonical id.</summary>
    public CaseId Id { get; }

    /// <summary>What runs.</summary>
    public Operation Operation { get; }

    /// <summary>The preset that gave the defaults of dtypes and attributes.</summary>
    public NumericContract Contract { get; }

    /// <summary>The seed of all inputs.</summary>
    public ulong Seed { get; }

    /// <summary>Inputs in order.</summary>
    public IReadOnlyList<CaseInput> Inputs { get; }

    /// <summary>Inputs that the id alone gives, no seed: offsets, groups or counts of a grouped product. The manifest does not list them; files carry them.</summary>
    internal IReadOnlyList<KeyValuePair<string, Tensor>> Layout { get; }

    /// <summary>Outputs in order.</summary>
    public IReadOnlyList<CaseOutput> Outputs { get; }

    /// <summary>The cost: multiply-adds, or elements where an operation has none.</summary>
    public long MultiplyAdds { get; }

    /// <summary>The names of all operations, as ids write them.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. CaseOperations.ByName.Keys];

    /// <summary>The case of an id.</summary>
    /// <exception cref="CaseException">An unknown operation or argument, or a value outside its range.</exception>
    public static OperationCase Parse(string text) => From(CaseId.Parse(text));

    /// <summary>The case of an id.</summary>
    /// <exception cref="CaseException">As <see cref="Parse"/>.</exception>
    public static OperationCase From(CaseId id)
    {
        ArgumentNullException.ThrowIfNull(id);
        id = CaseAlias.Resolve(id);
        if (!CaseOperations.ByName.TryGetValue(id.Name, out Func<CaseFields, OperationCase>? make))
            throw new CaseException($"case '{id}': no operation is named '{id.Name}'; there are {string.Join(", ", Names)}, and the aliases {string.Join(", ", CaseAlias.Names)}");
        try
        {
            return make(new CaseFields(id));
        }
        catch (ShapeException e)
        {
            throw new CaseException($"case '{id}': {e.Message}", e);
        }
    }

    /// <summary>Makes the inputs, and outputs filled with a pattern that is no result.</summary>
    public CaseTensors Prepare()
    {
        var tensors = new CaseTensors();
        foreach (CaseInput input in Inputs)
        {
            if (input.Map == CaseInputs.Forward)
            {
                tensors[input.Name] = new Tensor(input.DType, input.Shape);
                continue;
            }

            Tensor made = CaseInputs.Make(input, Seed);
            TensorOrigin.Set(made, new TensorOrigin(Seed, input.Name, input.Map, () => CaseInputs.Make(input, Seed)));
            tensors[input.Name] = made;
        }

        foreach ((string name, Tensor tensor) in Layout)
            tensors[name] = tensor.Clone();
        foreach (CaseOutput output in Outputs)
            tensors[output.Name] = Poisoned(output);
        Forward?.Invoke(new SimdBackend(), tensors);
        return tensors;
    }

    /// <summary>Runs the operation on tensors of <see cref="Prepare"/>; the outputs are written.</summary>
    /// <exception cref="ContractException">The backend does not offer this.</exception>
    public void Run(IBackend backend, CaseTensors tensors) => run(backend, tensors);

    /// <summary>The call that the case makes on these tensors.</summary>
    internal OperationCall Call(CaseTensors tensors) => CallCapture.Of(backend => run(backend, tensors));

    /// <summary>The canonical id.</summary>
    public override string ToString() => Id.ToString();

    /// <summary>An output that an operation forgot to write must not look right: every byte is 0xA5.</summary>
    private static Tensor Poisoned(CaseOutput output)
    {
        var tensor = new Tensor(output.DType, output.Shape);
        System.Runtime.CompilerServices.Unsafe.InitBlockUnaligned(ref tensor.ByteOrigin, 0xA5, checked((uint)tensor.ByteCount));
        return tensor;
    }
}
