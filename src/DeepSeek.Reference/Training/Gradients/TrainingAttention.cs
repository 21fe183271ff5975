using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Training;

/// <summary>Multi-head latent attention of one layer, naive form, forward and backward.</summary>
/// <remarks>
/// <code>
/// q = RoPE(q_b_proj norm(q_a_proj x))        u = kv_a_proj_with_mqa x        c_kv = norm(u[:c])        k_pe = RoPE(u[c:])
/// [k_nope,h | v_h] = kv_b_proj c_kv          y = o_proj concat_h(Attention(q_h, [k_nope,h | k_pe], v_h))
/// </code>
/// Backward in the opposite order: o_proj, attention, the query's side, then the latent's; dx = (of the query) + (of the latent).
/// The latent's gradient is [norm backward of kv_b_projᵀ [dk_nope | dv] ; rotation back of Σ_h dk_pe]. DeepSeek-V3 report 2.1.1; docs/spec/training.md.
/// </remarks>
internal sealed class TrainingAttention
{
    private readonly ModelNumerics n;
    private readonly int H, dn, dr, dv, c;
    private readonly Projection? qProj, qAProj, qBProj;
    private readonly Projection kvAProj, kvBProj, oProj;
    private readonly NamedWeight? qANorm;
    private readonly NamedWeight kvANorm;

    public TrainingAttention(ModelNumerics numerics, ModelWeights weights, int layer)
    {
        n = numerics;
        DeepSeekConfig config = numerics.Config;
        (H, dn, dr, dv, c) = (config.NumAttentionHeads, config.QkNopeHeadDim, config.QkRopeHeadDim, config.VHeadDim, config.KvLoraRank);
        int d = config.HiddenSize;
        string name = $"model.layers.{layer}.self_attn";
        if (config.QLoraRank is { } rank)
        {
            qAProj = weights.Projection($"{name}.q_a_proj", rank, d, LinearKind.Replicated);
            qANorm = Named(weights, $"{name}.q_a_layernorm.weight", rank);
            qBProj = weights.Projection($"{name}.q_b_proj", (long)H * (dn + dr), rank, LinearKind.Parallel);
        }
        else
        {
            qProj = weights.Projection($"{name}.q_proj", (long)H * (dn + dr), d, LinearKind.Parallel);
        }

        kvAProj = weights.Projection($"{name}.kv_a_proj_with_mqa", c + dr, d, LinearKind.Replicated);
        kvANorm = Named(weights, $"{name}.kv_a_layernorm.weight", c);
        kvBProj = weights.Projection($"{name}.kv_b_proj", (long)H * (dn + dv), c, LinearKind.Parallel);
        oProj = weights.Projection($"{name}.o_proj", d, (long)H * dv, LinearKind.Parallel);
    }

    /// <summary>What the backward needs.</summary>
    public sealed record Saved(
        Tensor X, Tensor? QueryLatent, Tensor? QueryLatentNormed, Tensor Q, Tensor Latent, Tensor LatentNormed, Tensor Keys, Tensor Values, Tensor Heads, Tensor LogSumExp);

    /// <summary>x [T, d] normalised, to y [T, d].</summary>
    public (Tensor Y, Saved Saved) Forward(Tensor x, SequencePass pass)
    {
        long T = pass.Tokens;
        Tensor? queryLatent = qAProj is null ? null : pass.Linear(x, qAProj);
        Tensor? queryNormed = queryLatent is null ? null : pass.Norm(queryLatent, qANorm!);
        Tensor q = (qProj is not null ? pass.Linear(x, qProj) : pass.Linear(queryNormed!, qBProj!)).Reshape(T, H, dn + dr);
        pass.Backend.Rope(q, pass.Positions, n.Frequencies, n.Rope, q);

        Tensor u = pass.Linear(x, kvAProj);
        Tensor latent = SequencePass.New(T, c);
        Columns.Copy(u, c + dr, 0, latent, c, 0, c, T);
        Tensor normed = pass.Norm(latent, kvANorm);
        Tensor kPe = SequencePass.New(T, 1, dr);
        Columns.Copy(u, c + dr, c, kPe, dr, 0, dr, T);
        pass.Backend.Rope(kPe, pass.Positions, n.Frequencies, n.Rope, kPe);

        Tensor kv = pass.Linear(normed, kvBProj).Reshape(T, H, dn + dv);
        Tensor keys = SequencePass.New(T, H, dn + dr);
        Tensor values = SequencePass.New(T, H, dv);
        pass.Backend.ExpandKeys(kv, kPe.Reshape(T, dr), keys, values);
        Tensor heads = SequencePass.New(T, H, dv);
        Tensor lse = SequencePass.New(T, H);
        pass.Backend.Attention(q, keys, values, Attributes, heads, lse);
        return (pass.Linear(heads.Reshape(T, (long)H * dv), oProj), new Saved(x, queryLatent, queryNormed, q, latent, normed, keys, values, heads, lse));
    }

    /// <summary>dy [T, d] to dx [T, d].</summary>
    public Tensor Backward(Tensor dy, Saved s, SequencePass pass)
    {
        long T = pass.Tokens;
        Tensor dHeads = pass.LinearBackward(dy, s.Heads.Reshape(T, (long)H * dv), oProj).Reshape(T, H, dv);
        Tensor dq = SequencePass.New(T, H, dn + dr);
        Tensor dKeys = SequencePass.New(T, H, dn + dr);
        Tensor dValues = SequencePass.New(T, H, dv);
        pass.Backend.AttentionBackward(s.Q, s.Keys, s.Values, s.Heads, s.LogSumExp, dHeads, Attributes, dq, dKeys, dValues);
        return pass.Add(OfQuery(dq, s, pass), OfLatent(dKeys, dValues, s, pass));
    }

    private Tensor OfQuery(Tensor dq, Saved s, SequencePass pass)
    {
        pass.Backend.RopeBackward(dq, pass.Positions, n.Frequencies, n.Rope, dq);
        Tensor rows = dq.Reshape(pass.Tokens, (long)H * (dn + dr));
        if (qProj is not null)
            return pass.LinearBackward(rows, s.X, qProj);
        Tensor dNormed = pass.LinearBackward(rows, s.QueryLatentNormed!, qBProj!);
        return pass.LinearBackward(pass.NormBackward(dNormed, s.QueryLatent!, qANorm!), s.X, qAProj!);
    }

    private Tensor OfLatent(Tensor dKeys, Tensor dValues, Saved s, SequencePass pass)
    {
        long T = pass.Tokens;
        Tensor dKv = SequencePass.New(T, H, dn + dv);
        Tensor dKPe = SequencePass.New(T, dr);
        pass.Backend.ExpandKeysBackward(dKeys, dValues, dKv, dKPe);
        Tensor dNormed = pass.LinearBackward(dKv.Reshape(T, (long)H * (dn + dv)), s.LatentNormed, kvBProj);
        Tensor dLatent = pass.NormBackward(dNormed, s.Latent, kvANorm);
        Tensor rotated = dKPe.Reshape(T, 1, dr);
        pass.Backend.RopeBackward(rotated, pass.Positions, n.Frequencies, n.Rope, rotated);

        Tensor du = SequencePass.New(T, c + dr);
        Columns.Copy(dLatent, c, 0, du, c + dr, 0, c, T);
        Columns.Copy(rotated, dr, 0, du, c + dr, c, dr, T);
        return pass.LinearBackward(du, s.X, kvAProj);
    }

    private AttentionAttributes Attributes => new(n.SoftmaxScale, 0, AttentionRounding.None, 0, n.Contract.Accumulation);

    private static NamedWeight Named(ModelWeights weights, string name, long length) => new(name, weights.Get(name, length));
}
