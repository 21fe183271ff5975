using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>What a backend may offer beside its operations: <see cref="IBackend.Dequantize"/> and <see cref="IBackend.Linear"/> in one, with the bits of the two.</summary>
internal interface IDequantizedLinear
{
    /// <summary>y = x Wᵀ with w = RN32(code · scale); false, and nothing done, where the two operations are to be called.</summary>
    /// <param name="x">[T, K].</param>
    /// <param name="codes">F8_E4M3 [N, K].</param>
    /// <param name="scales">F32 [⌈N/128⌉, ⌈K/128⌉].</param>
    /// <param name="accumulation">How terms are added.</param>
    /// <param name="y">[T, N].</param>
    /// <exception cref="ShapeException">Shapes or dtypes that the two operations refuse.</exception>
    bool TryDequantizedLinear(Tensor x, Tensor codes, Tensor scales, Accumulation accumulation, Tensor y);

    /// <summary>The same for rows offsets[g]..offsets[g+1] of x and weight g: what <see cref="IBackend.GroupedLinear"/> is beside <see cref="IBackend.Linear"/>.</summary>
    /// <param name="x">[T, K].</param>
    /// <param name="offsets">Where groups begin, and T.</param>
    /// <param name="codes">F8_E4M3 [N, K] for each group.</param>
    /// <param name="scales">F32 [⌈N/128⌉, ⌈K/128⌉] for each group.</param>
    /// <param name="accumulation">How terms are added.</param>
    /// <param name="y">[T, N].</param>
    /// <exception cref="ShapeException">Shapes, offsets or dtypes that the two operations refuse.</exception>
    bool TryDequantizedGroupedLinear(Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> codes, IReadOnlyList<Tensor> scales, Accumulation accumulation, Tensor y);
}
