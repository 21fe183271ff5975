using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Ops;

/// <summary>The kinds of named accumulation (rule N7).</summary>
public enum AccumulationKind
{
    /// <summary>The canonical sixteen lanes (rule N6).</summary>
    Lanes16,

    /// <summary>One chain of fma, k ascending.</summary>
    Sequential,

    /// <summary>Infinitely precise, one rounding to the output format.</summary>
    Exact,

    /// <summary>Lanes16 in binary64 (products of binary32 are exact there), one final rounding to the output format.</summary>
    Float64,

    /// <summary>As a matrix unit accumulates: instructions chained over k from +0 (rule N20).</summary>
    TensorCore,
}

/// <summary>How a sum of products is accumulated: a typed value, so that nothing falls back in silence (rule N7).</summary>
/// <param name="Kind">The named accumulation.</param>
/// <param name="Unit">The matrix unit of <see cref="AccumulationKind.TensorCore"/>; none for the others.</param>
public readonly record struct Accumulation(AccumulationKind Kind, TensorCore? Unit = null)
{
    /// <summary>The canonical sixteen lanes (rule N6).</summary>
    public static Accumulation Lanes16 => new(AccumulationKind.Lanes16);

    /// <summary>One chain of fma, k ascending.</summary>
    public static Accumulation Sequential => new(AccumulationKind.Sequential);

    /// <summary>Infinitely precise, one rounding.</summary>
    public static Accumulation Exact => new(AccumulationKind.Exact);

    /// <summary>Lanes16 in binary64, one final rounding.</summary>
    public static Accumulation Float64 => new(AccumulationKind.Float64);

    /// <summary>As the matrix unit accumulates, on operands of its formats (rule N20).</summary>
    public static Accumulation TensorCore(TensorCore unit) => new(AccumulationKind.TensorCore, unit);

    /// <inheritdoc/>
    public override string ToString() => Unit is null ? Kind.ToString() : $"{Kind}({Unit})";

    /// <summary>Throws for a kind that is none, or a matrix unit too few or too many.</summary>
    internal void Require()
    {
        Operands.RequireDefined(Kind);
        if ((Kind == AccumulationKind.TensorCore) != (Unit is not null))
            throw new ContractException($"the accumulation {Kind} {(Unit is null ? "needs a matrix unit: Accumulation.TensorCore(unit)" : $"takes no matrix unit, and was given {Unit}")}");
    }

    /// <summary>Throws where an operation would have to be done by a matrix unit that it is not defined for.</summary>
    internal void RequireWithoutUnit(string operation)
    {
        Require();
        if (Unit is not null)
            throw new ContractException($"{operation} does not offer {this}: matrix units are offered for Linear and GroupedLinear; take another accumulation");
    }
}
