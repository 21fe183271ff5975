using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>A hypothesis about what a candidate computes instead of what was asked: a small change of the call.</summary>
/// <param name="Name">A short name with dashes.</param>
/// <param name="Sentence">What such a kernel does, in one clause.</param>
/// <param name="Change">The changed call with outputs of the same shapes; null where the hypothesis does not apply.</param>
internal sealed record Meaning(string Name, string Sentence, Func<OperationCall, OperationCall?> Change)
{
    /// <summary>The call as it is.</summary>
    public static Meaning AsAsked { get; } = new("as-asked", "what was asked is computed", call => call);

    /// <summary>Of an output, not of the call: it was turned before anything else was tried.</summary>
    public static Meaning OutputTransposed { get; } = new("output-transposed", "the output is stored by columns", _ => null);

    /// <summary>A change of the operands of one name, or of a list of that name.</summary>
    /// <param name="name">The meaning's name.</param>
    /// <param name="sentence">The meaning's sentence.</param>
    /// <param name="operand">The operand, such as <c>weight</c>, which stands for weight.0, weight.1, ... too.</param>
    /// <param name="edit">The tensor in its place; null where the hypothesis does not apply to it.</param>
    public static Meaning Of(string name, string sentence, string operand, Func<Tensor, Tensor?> edit) => new(name, sentence, call =>
    {
        bool applied = false;
        OperationCall changed = call.Replace(o =>
        {
            if (o.Role != OperandRole.Input || !(o.Name == operand || o.Name.StartsWith(operand + ".", StringComparison.Ordinal)) || edit(o.Tensor) is not { } edited)
                return o.Tensor;
            applied = true;
            return edited;
        });
        return applied ? changed : null;
    });

    /// <summary>A change of calls of one kind.</summary>
    public static Meaning Of<T>(string name, string sentence, Func<T, OperationCall?> change) where T : OperationCall =>
        new(name, sentence, call => call is T t ? change(t) : null);

    /// <summary>A computation in place of the operation's.</summary>
    public static Meaning Computed<T>(string name, string sentence, Action<T> compute) where T : OperationCall =>
        new(name, sentence, call => call is T t ? new AlteredCall(t, (c, _) => compute((T)c)) : null);

    /// <summary>The operation, then a change of its results; it applies on top of any other meaning of the same operation.</summary>
    public static Meaning After<T>(string name, string sentence, Func<T, bool> applies, Action<T> change) where T : OperationCall => new(name, sentence, call =>
        (call is AlteredCall altered ? altered.Inner : call) is T t && applies(t)
            ? new AlteredCall(t, (c, backend) =>
            {
                (call is AlteredCall inner ? inner with { Inner = c } : c).Run(backend);
                change((T)c);
            })
            : null);

    /// <summary>Both changes, in either order; null where they do not go together.</summary>
    public OperationCall? With(Meaning other, OperationCall call)
    {
        if (Change(call) is { } first && other.Change(first) is { } both)
            return both;
        return other.Change(call) is { } second ? Change(second) : null;
    }
}

/// <summary>A call that computes something else on the operands of another.</summary>
/// <param name="Inner">The call whose operands are taken.</param>
/// <param name="Compute">What runs, on the inner call, and the backend that was asked.</param>
internal sealed record AlteredCall(OperationCall Inner, Action<OperationCall, IBackend> Compute) : OperationCall(Inner.Operation)
{
    public override IReadOnlyList<Operand> Operands => Inner.Operands;

    public override Ops.Accumulation Sum => Inner.Sum;

    public override void Run(IBackend backend) => Compute(Inner, backend);

    public override OperationCall Replace(Func<Operand, Tensor> by) => this with { Inner = Inner.Replace(by) };
}
