using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Tests.Rules;

/// <summary>The definitions, given another call than was asked for: for rules whose decisions are data.</summary>
internal sealed class ChangedCall(Func<OperationCall, OperationCall> change, Action<OperationCall>? after = null) : CallBackend
{
    private static readonly ScalarBackend Definitions = new();

    public static IReadOnlySet<Operation> Scaled { get; } =
        new HashSet<Operation> { Operation.ScaledLinear, Operation.GroupedScaledLinear, Operation.IndexedScaledLinear, Operation.MaskedScaledLinear };

    public override string Name => "changed call";

    /// <summary>Block-scaled products with another arithmetic; calls that it leaves alone are right.</summary>
    public static ChangedCall Product(Func<ScaledProduct, ScaledProduct> change) => new(call => call switch
    {
        ScaledLinearCall c => c with { Product = change(c.Product) },
        GroupedScaledLinearCall c => c with { Product = change(c.Product) },
        IndexedScaledLinearCall c => c with { Product = change(c.Product) },
        MaskedScaledLinearCall c => c with { Product = change(c.Product) },
        _ => call,
    });

    /// <summary>Products by another matrix unit than the one asked for.</summary>
    public static ChangedCall Unit(Func<TensorCore, TensorCore> change)
    {
        Accumulation Changed(Accumulation sum) => sum.Unit is null ? sum : Accumulation.TensorCore(change(sum.Unit));
        ChangedCall scaled = Product(p => p with { Block = Changed(p.Block) });
        return new ChangedCall(call => call switch
        {
            LinearCall c => c with { Accumulation = Changed(c.Accumulation) },
            GroupedLinearCall c => c with { Accumulation = Changed(c.Accumulation) },
            _ => scaled.Change(call),
        });
    }

    protected override void Invoke(OperationCall call)
    {
        OperationCall changed = change(call);
        changed.Run(Definitions);
        after?.Invoke(call);
    }

    private OperationCall Change(OperationCall call) => change(call);
}
