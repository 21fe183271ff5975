using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>What a model is written against: one method an operation, all attributes explicit, results in tensors of the caller's.</summary>
/// <remarks>
/// The definition of each operation is the class of its name in DeepSeek.Reference.Ops. Inputs may be F32 or BF16 (widened exactly);
/// the result is computed in binary32 and rounded once to the output's dtype, on top of the roundings the attributes name.
/// A backend refuses what it cannot do as asked (<see cref="ContractException"/>), and never falls back to something else.
/// Shapes that do not fit throw <see cref="ShapeException"/>. Outputs do not overlap inputs unless a method says so.
/// </remarks>
public interface IBackend
{
    /// <summary>A short name for reports.</summary>
    string Name { get; }

    /// <summary>Whether the operation is offered with this accumulation.</summary>
    bool Supports(Operation operation, Accumulation accumulation);

    /// <summary>y[t] = weight[ids[t]]: weight [V, d], ids [T] (I32 or I64), y [T, d].</summary>
    void Embedding(Tensor weight, Tensor ids, Tensor y);

    /// <summary>y = x in y's dtype, one rounding; F32 and BF16.</summary>
    void Cast(Tensor x, Tensor y);

    /// <summary>y = a + b in binary32, element by element; y may be a or b.</summary>
    void Add(Tensor a, Tensor b, Tensor y);

    /// <summary>Rows of x [T, n] normalised, times weight [n]: y [T, n].</summary>
    void RmsNorm(Tensor x, Tensor weight, float epsilon, RmsNormRounding rounding, Tensor y);

    /// <summary>y = x Wᵀ: x [T, K], weight [N, K], y [T, N].</summary>
    void Linear(Tensor x, Tensor weight, Accumulation accumulation, Tensor y);

    /// <summary>Rows offsets[g]..offsets[g+1] of x [R, K] times weights[g] [N, K]: y [R, N]. offsets has one entry more than weights.</summary>
    void GroupedLinear(Tensor x, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor y);

    /// <summary>Rotates the last dr channels of each head of x [T, H, D] by its position (positions I32 [T], frequencies F32 [dr/2]); the others are copied: y [T, H, D]. y may be x.</summary>
    void Rope(Tensor x, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor y);

    /// <summary>Folds W_UK into the query: q [S, H, dn + dr], kvB [H, dn + dv, c], y [S, H, c + dr] = [W_UK,hᵀ q_nope | q_pe].</summary>
    void AbsorbQuery(Tensor q, Tensor kvB, Accumulation accumulation, Tensor y);

    /// <summary>Applies W_UV to the latent result: z [S, H, c], kvB [H, dn + dv, c], y [S, H, dv].</summary>
    void AbsorbOutput(Tensor z, Tensor kvB, Accumulation accumulation, Tensor y);

    /// <summary>Lays out naive keys and values: kv [T, H, dn + dv], kPe [T, dr], keys [T, H, dn + dr] = [k_nope | k_pe], values [T, H, dv]. Copies only.</summary>
    void ExpandKeys(Tensor kv, Tensor kPe, Tensor keys, Tensor values);

    /// <summary>
    /// Causal softmax attention of one sequence: q [S, H, D], keys [T, Hk, D] with Hk = H or 1, y [S, H, Dv].
    /// values [T, Hk, Dv], or null: the first Dv channels of keys (MQA over the latent cache). Query i sees keys j ≤ attributes.FirstPosition + i, j &lt; T.
    /// logSumExp, when given, is F32 [S, H]. Rule N10, or N23 where the attributes have a contract.
    /// </summary>
    void Attention(Tensor q, Tensor keys, Tensor? values, AttentionAttributes attributes, Tensor y, Tensor? logSumExp = null);

    /// <summary>y = silu(gate) · up, element by element; y may be gate or up.</summary>
    void SwiGlu(Tensor gate, Tensor up, SwiGluRounding rounding, Tensor y);

    /// <summary>Chooses experts: logits [T, E], bias F32 [E] or null, scores [T, E], indices I32 [T, K], weights [T, K].</summary>
    void Gate(Tensor logits, Tensor? bias, GateAttributes attributes, Tensor scores, Tensor indices, Tensor weights);

    /// <summary>Gathers rows by expert: x [T, d], y [R, d] with R = plan.Rows.</summary>
    void Dispatch(Tensor x, ExpertPlan plan, Tensor y);

    /// <summary>Adds up expert outputs [R, d] with weights [T, K], then shared [T, d] when given: y [T, d].</summary>
    void Combine(Tensor outputs, ExpertPlan plan, Tensor weights, Tensor? shared, CombineRounding rounding, Tensor y);

    /// <summary>Softmax of each row: x [T, n], y [T, n].</summary>
    void Softmax(Tensor x, Tensor y);

    /// <summary>Log-softmax of each row: x [T, n], y [T, n].</summary>
    void LogSoftmax(Tensor x, Tensor y);

    /// <summary>Concatenates the MTP projection's input: embedding [T, d], hidden [T, d], y [T, 2d].</summary>
    void MtpInput(Tensor embedding, Tensor hidden, MtpConcat order, Tensor y);

    /// <summary>
    /// Codes and scales of x [T, K], tile by tile: codes [T, K], F8_E4M3, or U16 for E5M6; scales F32, [T, ceil(K/128)], [ceil(T/128), K],
    /// [ceil(T/128), ceil(K/128)], [1] or [T] as the tile is a row, a column, a block, the tensor or a channel.
    /// </summary>
    void Quantize(Tensor x, QuantizeAttributes attributes, Tensor codes, Tensor scales);

    /// <summary>y = code · scale: codes [T, K] and scales as <see cref="Quantize"/> makes them, y [T, K].</summary>
    void Dequantize(Tensor codes, Tensor scales, QuantizationTile tile, Tensor y);

    /// <summary>
    /// y = x Wᵀ of block-scaled FP8 (rule N21), or y = c + x Wᵀ: x F8_E4M3 [T, K], xScale F32 [T, B], weight F8_E4M3 [N, K],
    /// weightScale F32 [⌈N/128⌉, B] for blocks or [N, B] for rows, B = ⌈K/128⌉ (1 without promotion); c F32 [T, N] or null; y F32 or BF16 [T, N], which may be c.
    /// </summary>
    void ScaledLinear(Tensor x, Tensor xScale, Tensor weight, Tensor weightScale, ScaledProduct product, Tensor? c, Tensor y);

    /// <summary>Rows offsets[g]..offsets[g+1] of x [R, K], xScale [R, B] times weights[g] [N, K], weightScales[g]: y [R, N]. offsets has one entry more than weights.</summary>
    void GroupedScaledLinear(
        Tensor x, Tensor xScale, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y);

    /// <summary>
    /// Row t of x [R, K] times weights[groups[t]]: DeepGEMM's contiguous layout. groups I32 [R]; -1 marks padding, whose rows of y [R, N] stay as they are.
    /// Each tile of <paramref name="alignment"/> rows (128 on Hopper; 1 asks for nothing) holds rows of one group only.
    /// </summary>
    void IndexedScaledLinear(
        Tensor x, Tensor xScale, Tensor groups, int alignment, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y);

    /// <summary>
    /// The first counts[g] rows of x[g] times weights[g]: DeepGEMM's masked layout. x [G, M, K], xScale [G, M, B], counts I32 [G], y [G, M, N]; the other rows of y stay as they are.
    /// </summary>
    void MaskedScaledLinear(
        Tensor x, Tensor xScale, Tensor counts, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y);
}
