namespace DeepSeek.Reference.Backends;

/// <summary>What an operand is to its operation.</summary>
internal enum OperandRole
{
    /// <summary>Read only.</summary>
    Input,

    /// <summary>Written; what it held before has no meaning, except where the operation leaves elements as they are.</summary>
    Output,
}

/// <summary>A tensor of a call, under the name that cases and files give it.</summary>
internal readonly record struct Operand(string Name, OperandRole Role, Tensor Tensor);

/// <summary>One call of a method of <see cref="IBackend"/> or <see cref="IBackwardBackend"/>: operands by name and every attribute, to be looked at, changed, and made on any backend.</summary>
/// <remarks>
/// Derived records carry the method's parameters under their names. Operands of a list are named <c>weight.0</c>, <c>weight.1</c>, ...
/// Verification reads calls to know the exact result; faulty and timing backends take them from <see cref="CallBackend"/>.
/// </remarks>
internal abstract record OperationCall(Operation Operation)
{
    /// <summary>All operands, inputs first.</summary>
    public abstract IReadOnlyList<Operand> Operands { get; }

    /// <summary>The accumulation that the call asks for; lanes of sixteen where it names none.</summary>
    public virtual Ops.Accumulation Sum => Ops.Accumulation.Lanes16;

    /// <summary>Makes the call.</summary>
    public abstract void Run(IBackend backend);

    /// <summary>The same call on other tensors: each operand, by its name, replaced by what the function gives for it.</summary>
    public abstract OperationCall Replace(Func<Operand, Tensor> by);

    /// <summary>The operands that are read.</summary>
    public IEnumerable<Operand> Inputs => Operands.Where(o => o.Role == OperandRole.Input);

    /// <summary>The operands that are written.</summary>
    public IEnumerable<Operand> Outputs => Operands.Where(o => o.Role == OperandRole.Output);

    /// <summary>The tensor of an operand's name.</summary>
    /// <exception cref="ContractException">The call has none of that name.</exception>
    public Tensor this[string name] => Operands.FirstOrDefault(o => o.Name == name).Tensor
        ?? throw new ContractException($"{Operation} has no operand '{name}'; it has {string.Join(", ", Operands.Select(o => o.Name))}");

    /// <summary>The same call with outputs of its own, which hold a copy of what the outputs hold now.</summary>
    public OperationCall WithOwnOutputs() => Replace(o => o.Role == OperandRole.Output ? o.Tensor.Clone() : o.Tensor);

    /// <summary>An input operand.</summary>
    protected static Operand In(string name, Tensor tensor) => new(name, OperandRole.Input, tensor);

    /// <summary>An output operand.</summary>
    protected static Operand Out(string name, Tensor tensor) => new(name, OperandRole.Output, tensor);

    /// <summary>The operands of a list.</summary>
    protected static IEnumerable<Operand> In(string name, IReadOnlyList<Tensor> tensors) => tensors.Select((t, i) => In($"{name}.{i}", t));

    /// <summary>The output operands of a list.</summary>
    protected static IEnumerable<Operand> Out(string name, IReadOnlyList<Tensor> tensors) => tensors.Select((t, i) => Out($"{name}.{i}", t));

    /// <summary>The operands of a list, replaced.</summary>
    protected static Tensor[] Replace(string name, IReadOnlyList<Tensor> tensors, Func<Operand, Tensor> by) => [.. In(name, tensors).Select(by)];
}
