namespace DeepSeek.Reference.TensorCores;

/// <summary>One fused sum of an evaluation, with all that was added, aligned and cut.</summary>
/// <param name="FirstElement">k of the first element of its instruction.</param>
/// <param name="Block">Which fused sum of the instruction.</param>
/// <param name="Terms">The products, then the accumulator.</param>
/// <param name="Accumulator">The code of the accumulator that entered.</param>
/// <param name="LargestExponent">E; no meaning where a term is a NaN or an infinity.</param>
/// <param name="Sum">S, a multiple of 2^(E - F).</param>
/// <param name="Result">The code that came out.</param>
public sealed record FusedSum(int FirstElement, int Block, IReadOnlyList<FusedTerm> Terms, uint Accumulator, int LargestExponent, long Sum, uint Result);
