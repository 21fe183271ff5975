namespace DeepSeek.Reference.TensorCores;

/// <summary>One evaluation of a matrix unit with everything that was aligned, cut and rounded on the way.</summary>
/// <param name="Unit">The unit.</param>
/// <param name="Sums">Its fused sums, in order.</param>
/// <param name="Additions">Additions of the accumulator after an instruction's sums; none where it is one of their terms.</param>
/// <param name="Result">The code of D: what <see cref="TensorCore.Define(ReadOnlySpan{uint}, ReadOnlySpan{uint}, uint)"/> gives.</param>
public sealed record TensorCoreExplanation(TensorCore Unit, IReadOnlyList<FusedSum> Sums, IReadOnlyList<LateAddition> Additions, uint Result);

/// <summary>One fused sum of an evaluation.</summary>
/// <param name="Elements">k of each product.</param>
/// <param name="Terms">The products, then the accumulator.</param>
/// <param name="Accumulator">The code of the accumulator that entered.</param>
/// <param name="LargestExponent">E; no meaning where a term is a NaN or an infinity.</param>
/// <param name="Sum">S, a multiple of 2^(E - F).</param>
/// <param name="Result">The code that came out.</param>
public sealed record FusedSum(IReadOnlyList<int> Elements, IReadOnlyList<FusedTerm> Terms, uint Accumulator, int LargestExponent, long Sum, uint Result)
{
    /// <summary>Whether a NaN or an infinity decided.</summary>
    public bool IsSpecial => Terms.Any(term => term.Kind is ElementKind.NaN or ElementKind.Infinity);
}

/// <summary>An ordinary addition, to nearest, of the accumulator after an instruction's sums.</summary>
/// <param name="Sum">The code of the sums.</param>
/// <param name="Accumulator">The code of the accumulator.</param>
/// <param name="Result">The code that came out.</param>
public sealed record LateAddition(uint Sum, uint Accumulator, uint Result);
