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

    /// <summary>A matrix unit, instruction after instruction (rule N20).</summary>
    TensorCore,
}

/// <summary>How a sum of products is accumulated: a typed value, so that nothing falls back in silence (rule N7).</summary>
/// <param name="Kind">The named accumulation.</param>
public readonly record struct Accumulation(AccumulationKind Kind)
{
    /// <summary>The canonical sixteen lanes (rule N6).</summary>
    public static Accumulation Lanes16 => new(AccumulationKind.Lanes16);

    /// <summary>One chain of fma, k ascending.</summary>
    public static Accumulation Sequential => new(AccumulationKind.Sequential);

    /// <summary>Infinitely precise, one rounding.</summary>
    public static Accumulation Exact => new(AccumulationKind.Exact);

    /// <summary>Lanes16 in binary64, one final rounding.</summary>
    public static Accumulation Float64 => new(AccumulationKind.Float64);

    /// <summary>A chain of a matrix unit's instructions.</summary>
    public static Accumulation TensorCore(TensorCores.TensorCore unit) => new(AccumulationKind.TensorCore) { Unit = unit };

    /// <summary>The matrix unit; none for the other kinds.</summary>
    public TensorCores.TensorCore? Unit { get; private init; }

    /// <inheritdoc/>
    public override string ToString() => Unit?.Name ?? Kind.ToString();
}
