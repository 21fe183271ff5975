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
    private readonly string name;
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
        name = $"model.layers.{layer}.self_attn";
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

    /// <summary>What the backward needs: x, the latents, the heads. The others are made again of these, where the recipe says so.</summary>
    public sealed record Saved(LinearInput? X, Tensor? QueryLatent, Tensor Latent, Tensor KPe, LinearInput Heads, Tensor LogSumExp, Expanded? Expanded);

    /// <summary>What MLA's up-projections make of the latents, rotated, with their inputs.</summary>
    public sealed record Expanded(LinearInput? QueryLatentNormed, Tensor Q, LinearInput LatentNormed, Tensor Keys, Tensor Values);

    /// <summary>The normalised x as the down-projections take it.</summary>
    public LinearInput Input(Tensor x, SequencePass pass) => pass.Input(x, qAProj ?? qProj!);

    /// <summary>x [T, d] normalised, to y [T, d].</summary>
    public (Tensor Y, Saved Saved) Forward(Tensor x, SequencePass pass)
    {
        long T = pass.Tokens;
        LinearInput input = Input(x, pass);
        Tensor? queryLatent = qAProj is null ? null : pass.Linear(x, input, qAProj);
        Tensor u = pass.Linear(x, input, kvAProj);
        Tensor latent = SequencePass.New(T, c);
        Columns.Copy(u, c + dr, 0, latent, c, 0, c, T);
        Tensor kPe = SequencePass.New(T, 1, dr);
        Columns.Copy(u, c + dr, c, kPe, dr, 0, dr, T);
        pass.Backend.Rope(kPe, pass.Positions, n.Frequencies, n.Rope, kPe);
        pass.Casts.Round(CastPoint.RopeOutput, kPe, name, "key.rotated");

        Expanded e = Expand(queryLatent is null ? pass.Linear(x, input, qProj!) : null, queryLatent, latent, kPe, pass);
        Tensor heads = SequencePass.New(T, H, dv);
        Tensor lse = SequencePass.New(T, H);
        pass.Backend.Attention(e.Q, e.Keys, e.Values, Attributes, heads, lse);
        pass.Casts.Round(CastPoint.AttentionOutput, heads, name, "attention");
        Tensor rows = heads.Reshape(T, (long)H * dv);
        LinearInput headInput = pass.Input(rows, oProj, InputRole.AttentionOutput);
        // Without query compression q is no up-projection's.
        bool again = pass.Recompute && qProj is null;
        return (pass.Linear(rows, headInput, oProj), new Saved(pass.Recompute ? null : input, queryLatent, latent, kPe, headInput, lse, again ? null : e));
    }

    /// <summary>dy [T, d] to dx [T, d]; x is the forward's, given where it was not kept.</summary>
    public Tensor Backward(Tensor dy, Saved s, LinearInput x, SequencePass pass)
    {
        long T = pass.Tokens;
        Expanded e = s.Expanded ?? Expand(null, s.QueryLatent, s.Latent, s.KPe, pass);
        Tensor heads = s.Heads.Values.Reshape(T, H, dv);
        Tensor dHeads = pass.LinearBackward(dy, s.Heads, oProj).Reshape(T, H, dv);
        Tensor dq = SequencePass.New(T, H, dn + dr);
        Tensor dKeys = SequencePass.New(T, H, dn + dr);
        Tensor dValues = SequencePass.New(T, H, dv);
        pass.Backend.AttentionBackward(e.Q, e.Keys, e.Values, heads, s.LogSumExp, dHeads, Attributes, dq, dKeys, dValues);
        pass.Casts.Round(CastPoint.AttentionGradient, dq, name, "query_gradient");
        pass.Casts.Round(CastPoint.AttentionGradient, dKeys, name, "key_gradient");
        pass.Casts.Round(CastPoint.AttentionGradient, dValues, name, "value_gradient");
        return pass.Add(OfQuery(dq, s, e, x, pass), OfLatent(dKeys, dValues, s, e, x, pass), name);
    }

    /// <summary>Queries, keys and values of the latents, or the queries of q_proj.</summary>
    private Expanded Expand(Tensor? direct, Tensor? queryLatent, Tensor latent, Tensor kPe, SequencePass pass)
    {
        long T = pass.Tokens;
        LinearInput? queryInput = null;
        Tensor q;
        if (queryLatent is null)
        {
            q = direct!.Reshape(T, H, dn + dr);
        }
        else
        {
            Tensor queryNormed = pass.Norm(queryLatent, qANorm!);
            queryInput = pass.Input(queryNormed, qBProj!);
            q = pass.Linear(queryNormed, queryInput, qBProj!).Reshape(T, H, dn + dr);
        }

        pass.Backend.Rope(q, pass.Positions, n.Frequencies, n.Rope, q);
        pass.Casts.Round(CastPoint.RopeOutput, q, name, "query.rotated");

        Tensor normed = pass.Norm(latent, kvANorm);
        LinearInput input = pass.Input(normed, kvBProj);
        Tensor kv = pass.Linear(normed, input, kvBProj).Reshape(T, H, dn + dv);
        Tensor keys = SequencePass.New(T, H, dn + dr);
        Tensor values = SequencePass.New(T, H, dv);
        pass.Backend.ExpandKeys(kv, kPe.Reshape(T, dr), keys, values);
        return new Expanded(queryInput, q, input, keys, values);
    }

    private Tensor OfQuery(Tensor dq, Saved s, Expanded e, LinearInput x, SequencePass pass)
    {
        pass.Backend.RopeBackward(dq, pass.Positions, n.Frequencies, n.Rope, dq);
        pass.Casts.Round(CastPoint.RopeGradient, dq, name, "query.rotated_gradient");
        Tensor rows = dq.Reshape(pass.Tokens, (long)H * (dn + dr));
        if (qProj is not null)
            return pass.LinearBackward(rows, x, qProj);
        Tensor dNormed = pass.LinearBackward(rows, e.QueryLatentNormed!, qBProj!);
        return pass.LinearBackward(pass.NormBackward(dNormed, s.QueryLatent!, qANorm!), x, qAProj!);
    }

    private Tensor OfLatent(Tensor dKeys, Tensor dValues, Saved s, Expanded e, LinearInput x, SequencePass pass)
    {
        long T = pass.Tokens;
        Tensor dKv = SequencePass.New(T, H, dn + dv);
        Tensor dKPe = SequencePass.New(T, dr);
        pass.Backend.ExpandKeysBackward(dKeys, dValues, dKv, dKPe);
        pass.Casts.Round(CastPoint.SharedKeyGradient, dKPe, name, "key.rotated_sum");
        Tensor dNormed = pass.LinearBackward(dKv.Reshape(T, (long)H * (dn + dv)), e.LatentNormed, kvBProj);
        Tensor dLatent = pass.NormBackward(dNormed, s.Latent, kvANorm);
        Tensor rotated = dKPe.Reshape(T, 1, dr);
        pass.Backend.RopeBackward(rotated, pass.Positions, n.Frequencies, n.Rope, rotated);
        pass.Casts.Round(CastPoint.RopeGradient, rotated, name, "key.rotated_gradient");

        Tensor du = SequencePass.New(T, c + dr);
        Columns.Copy(dLatent, c, 0, du, c + dr, 0, c, T);
        Columns.Copy(rotated, dr, 0, du, c + dr, c, dr, T);
        return pass.LinearBackward(du, x, kvAProj);
    }

    private AttentionAttributes Attributes => new(n.SoftmaxScale, 0, AttentionRounding.None, 0, n.Contract.Accumulation);

    private static NamedWeight Named(ModelWeights weights, string name, long length) => new(name, weights.Get(name, length));
}
