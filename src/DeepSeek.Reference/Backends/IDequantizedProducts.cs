using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>
/// What a backend may offer beside its operations: <see cref="IBackend.Dequantize"/> of blocks of 128 x 128 and a product in one, with the bits of the two. Each returns false where
/// the two operations are to be called; the output then holds nothing of use.
/// </summary>
internal interface IDequantizedProducts
{
    /// <summary>y = x Wᵀ with w = RN32(code · scale).</summary>
    /// <param name="x">[T, K].</param>
    /// <param name="codes">F8_E4M3 [N, K].</param>
    /// <param name="scales">F32 [⌈N/128⌉, ⌈K/128⌉].</param>
    /// <param name="accumulation">How terms are added.</param>
    /// <param name="y">[T, N].</param>
    /// <exception cref="ShapeException">Shapes or dtypes that the two operations refuse.</exception>
    bool TryDequantizedLinear(Tensor x, Tensor codes, Tensor scales, Accumulation accumulation, Tensor y);

    /// <summary>
    /// The same for rows offsets[g]..offsets[g+1] of x and weight g: what <see cref="IBackend.GroupedLinear"/> is beside <see cref="IBackend.Linear"/>. Weights of groups without rows are
    /// not looked at; false where no group has any.
    /// </summary>
    /// <param name="x">[T, K].</param>
    /// <param name="offsets">Where groups begin, and T.</param>
    /// <param name="codes">F8_E4M3 [N, K] for each group.</param>
    /// <param name="scales">F32 [⌈N/128⌉, ⌈K/128⌉] for each group.</param>
    /// <param name="accumulation">How terms are added.</param>
    /// <param name="y">[T, N].</param>
    /// <exception cref="ShapeException">Offsets, or shapes and dtypes of a group that has rows, that the two operations refuse.</exception>
    bool TryDequantizedGroupedLinear(Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> codes, IReadOnlyList<Tensor> scales, Accumulation accumulation, Tensor y);

    /// <summary><see cref="IBackend.AbsorbQuery"/> with kv_b_proj's codes. Operands that do not belong together are left for the two operations to refuse.</summary>
    /// <param name="q">[S, H, dn + dr].</param>
    /// <param name="codes">F8_E4M3 [H · (dn + dv), c].</param>
    /// <param name="scales">F32 [⌈H · (dn + dv) / 128⌉, ⌈c/128⌉].</param>
    /// <param name="accumulation">How terms are added.</param>
    /// <param name="y">[S, H, c + dr].</param>
    bool TryDequantizedAbsorbQuery(Tensor q, Tensor codes, Tensor scales, Accumulation accumulation, Tensor y);

    /// <summary><see cref="IBackend.AbsorbOutput"/> with kv_b_proj's codes. Operands that do not belong together are left for the two operations to refuse.</summary>
    /// <param name="z">[S, H, c].</param>
    /// <param name="codes">F8_E4M3 [H · (dn + dv), c].</param>
    /// <param name="scales">F32 [⌈H · (dn + dv) / 128⌉, ⌈c/128⌉].</param>
    /// <param name="accumulation">How terms are added.</param>
    /// <param name="y">[S, H, dv].</param>
    bool TryDequantizedAbsorbOutput(Tensor z, Tensor codes, Tensor scales, Accumulation accumulation, Tensor y);
}
