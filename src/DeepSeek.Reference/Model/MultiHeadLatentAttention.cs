using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Model;

/// <summary>Multi-head latent attention of one layer.</summary>
/// <remarks>
/// <code>
/// q        = q_b_proj · norm(q_a_proj x)     [T, H, dn + dr]; q_proj x where q_lora_rank is null
/// u        = kv_a_proj_with_mqa x            [T, c + dr]
/// c_kv     = norm(u[:c])                     the latent, cached
/// k_pe     = RoPE(u[c:])                     one rotated key for all heads, not normalised, cached
/// q_pe     = RoPE(q[dn:])
/// absorbed : q̃_h = [W_UK,hᵀ q_nope,h | q_pe,h];  z_h = Σ_j p_j c_j;  o_h = W_UV,h z_h
/// naive    : [k_nope,h | v_h] = kv_b_proj c;  o_h = Σ_j p_j v_j,h
/// attn_out = o_proj concat_h(o_h)
/// </code>
/// p = softmax of (dn + dr)^-0.5 · m² · (q·k) over the keys j ≤ position. kv_b_proj holds, for each head, dn rows W_UK then dv rows W_UV.
/// Every result is stored in the contract's activation dtype, one rounding; those inside attention are <see cref="AttentionRounding"/>'s.
/// DeepSeek-V3 report 2.1.1, equations 1 to 11; V2 report appendix C for the absorbed form. Rules N10, N13, N17.
/// </remarks>
internal sealed class MultiHeadLatentAttention
{
    private readonly ModelNumerics n;
    private readonly int layer;
    private readonly int H, dn, dr, dv, c;
    private readonly Projection? qProj, qAProj, qBProj;
    private readonly Projection kvAProj, kvBProj, oProj;
    private readonly Tensor? qANorm;
    private readonly Tensor kvANorm;

    public MultiHeadLatentAttention(ModelNumerics numerics, ModelWeights weights, int layer)
    {
        n = numerics;
        this.layer = layer;
        DeepSeekConfig config = numerics.Config;
        (H, dn, dr, dv, c) = (config.NumAttentionHeads, config.QkNopeHeadDim, config.QkRopeHeadDim, config.VHeadDim, config.KvLoraRank);
        int d = config.HiddenSize;
        string name = $"model.layers.{layer}.self_attn";
        if (config.QLoraRank is { } rank)
        {
            qAProj = weights.Projection($"{name}.q_a_proj", rank, d, LinearKind.Replicated);
            qANorm = weights.Get($"{name}.q_a_layernorm.weight", rank);
            qBProj = weights.Projection($"{name}.q_b_proj", (long)H * (dn + dr), rank, LinearKind.Parallel);
        }
        else
        {
            qProj = weights.Projection($"{name}.q_proj", (long)H * (dn + dr), d, LinearKind.Parallel);
        }

        kvAProj = weights.Projection($"{name}.kv_a_proj_with_mqa", c + dr, d, LinearKind.Replicated);
        kvANorm = weights.Get($"{name}.kv_a_layernorm.weight", c);
        kvBProj = weights.Projection($"{name}.kv_b_proj", (long)H * (dn + dv), c, LinearKind.Parallel);
        oProj = weights.Projection($"{name}.o_proj", d, (long)H * dv, LinearKind.Parallel);
    }

    /// <summary>x [B·T, d] normalised, to attn_out [B·T, d]; writes the new tokens into the caches.</summary>
    public Tensor Forward(Tensor x, ForwardPass pass, string probe)
    {
        string inner = pass.Trace is null ? "" : $"{probe}.self_attn";
        Tensor q = Query(x, pass, inner);
        LatentKeys(x, pass, probe, inner);
        Tensor heads = n.Contract.Attention == AttentionMode.Absorbed ? Absorbed(q, pass, inner) : Naive(q, pass, inner);
        pass.Probe(inner, "head_out", heads, H, dv);

        Tensor y = n.Linear(heads, oProj, pass.Workspace.Branch.Get(n.Activations, pass.Rows, n.Config.HiddenSize));
        pass.Probe(probe, "attn_out", y, n.Config.HiddenSize);
        return y;
    }

    /// <summary>[q_nope | q_pe] of each head, rotated: [B·T, H, dn + dr].</summary>
    private Tensor Query(Tensor x, ForwardPass pass, string probe)
    {
        Workspace w = pass.Workspace;
        Tensor q = w.Query.Get(n.Activations, pass.Rows, (long)H * (dn + dr));
        if (qProj is not null)
        {
            n.Linear(x, qProj, q);
        }
        else
        {
            long rank = qANorm!.ElementCount;
            Tensor a = n.Linear(x, qAProj!, w.QueryLatent.Get(n.Activations, pass.Rows, rank));
            pass.Probe(probe, "q_a", a, rank);
            Tensor normed = n.Norm(a, qANorm, w.QueryLatentNormed.Get(n.Activations, pass.Rows, rank));
            pass.Probe(probe, "q_a_norm", normed, rank);
            n.Linear(normed, qBProj!, q);
        }

        Tensor heads = w.Query.Get(n.Activations, pass.Rows, H, dn + dr);
        n.Backend.Rope(heads, pass.Positions, n.Frequencies, n.Rope, heads);
        pass.ProbeColumns(probe, "q_nope", heads, H, dn + dr, 0, dn);
        pass.ProbeColumns(probe, "q_pe", heads, H, dn + dr, dn, dr);
        return heads;
    }

    /// <summary>c_kv and k_pe of the new tokens, into the caches.</summary>
    private void LatentKeys(Tensor x, ForwardPass pass, string probe, string inner)
    {
        Workspace w = pass.Workspace;
        int rows = pass.Rows;
        Tensor u = n.Linear(x, kvAProj, w.KeyValueLatent.Get(n.Activations, rows, c + dr));
        pass.Probe(inner, "kv_a", u, c + dr);

        Tensor latent = w.Latent.Get(n.Activations, rows, c);
        Columns.Copy(u, c + dr, 0, latent, c, 0, c, rows);
        Tensor normed = n.Norm(latent, kvANorm, w.LatentNormed.Get(n.Activations, rows, c));
        pass.Probe(probe, "c_kv", normed, c);

        Tensor key = w.RopeKey.Get(n.Activations, rows, 1, dr);
        Columns.Copy(u, c + dr, c, key, dr, 0, dr, rows);
        n.Backend.Rope(key, pass.Positions, n.Frequencies, n.Rope, key);
        pass.Probe(probe, "k_pe", key, dr);

        for (int b = 0; b < pass.Sequences; b++)
            pass.Caches[b].Store(layer, pass.First(b), pass.Sequence(normed, b), pass.Sequence(key, b), n.Backend);
    }

    /// <summary>Attention over the latent cache itself, shared by all heads: [B·T, H·dv].</summary>
    private Tensor Absorbed(Tensor q, ForwardPass pass, string probe)
    {
        Workspace w = pass.Workspace;
        Tensor absorbed = w.AbsorbedQuery.Get(n.Activations, pass.Rows, H, c + dr);
        Tensor? kvBHeads = n.Products.AbsorbQuery(q, kvBProj, absorbed);
        pass.Probe(probe, "q_absorbed", absorbed, H, c + dr);

        Tensor z = w.LatentOutput.Get(n.Activations, pass.Rows, H, c);
        for (int b = 0; b < pass.Sequences; b++)
        {
            int length = pass.End(b);
            Tensor keys = pass.Caches[b].View(layer, length, n.Backend, w).Reshape(length, 1, c + dr);
            n.Backend.Attention(pass.Sequence(absorbed, b), keys, null, Attributes(pass.First(b), scoreSplit: c), pass.Sequence(z, b));
        }

        pass.Probe(probe, "latent_out", z, H, c);
        n.Products.AbsorbOutput(z, kvBProj, kvBHeads, w.HeadOutput.Get(n.Activations, pass.Rows, H, dv));
        return w.HeadOutput.Get(n.Activations, pass.Rows, (long)H * dv);
    }

    /// <summary>Attention over keys and values of each head, recomputed from the latent cache: [B·T, H·dv].</summary>
    private Tensor Naive(Tensor q, ForwardPass pass, string probe)
    {
        Workspace w = pass.Workspace;
        Tensor y = w.HeadOutput.Get(n.Activations, pass.Rows, H, dv);
        bool wantsKeys = pass.Wants(probe, "k_nope") || pass.Wants(probe, "v");
        Tensor? newKeys = wantsKeys ? new Tensor(n.Activations, pass.Rows, H, dn + dr) : null;
        Tensor? newValues = wantsKeys ? new Tensor(n.Activations, pass.Rows, H, dv) : null;
        for (int b = 0; b < pass.Sequences; b++)
        {
            int length = pass.End(b);
            Tensor cached = pass.Caches[b].View(layer, length, n.Backend, w);
            Tensor latent = w.PastLatent.Get(n.Activations, length, c);
            Tensor key = w.PastRopeKey.Get(n.Activations, length, dr);
            Columns.Copy(cached, c + dr, 0, latent, c, 0, c, length);
            Columns.Copy(cached, c + dr, c, key, dr, 0, dr, length);

            n.Linear(latent, kvBProj, w.KeyValue.Get(n.Activations, length, (long)H * (dn + dv)));
            Tensor keys = w.Keys.Get(n.Activations, length, H, dn + dr);
            Tensor values = w.Values.Get(n.Activations, length, H, dv);
            n.Backend.ExpandKeys(w.KeyValue.Get(n.Activations, length, H, dn + dv), key, keys, values);
            n.Backend.Attention(pass.Sequence(q, b), keys, values, Attributes(pass.First(b), scoreSplit: 0), pass.Sequence(y, b));
            if (wantsKeys)
            {
                keys.Rows(pass.First(b), pass.Count(b)).CopyTo(pass.Sequence(newKeys!, b));
                values.Rows(pass.First(b), pass.Count(b)).CopyTo(pass.Sequence(newValues!, b));
            }
        }

        if (wantsKeys)
        {
            pass.ProbeColumns(probe, "k_nope", newKeys!, H, dn + dr, 0, dn);
            pass.Probe(probe, "v", newValues!, H, dv);
        }

        return w.HeadOutput.Get(n.Activations, pass.Rows, (long)H * dv);
    }

    private AttentionAttributes Attributes(int first, int scoreSplit) =>
        new(n.SoftmaxScale, first, n.Contract.AttentionRounding, scoreSplit, n.Contract.Accumulation);
}
