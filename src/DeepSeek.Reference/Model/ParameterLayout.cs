namespace DeepSeek.Reference;

/// <summary>The walk over a model that names each tensor once.</summary>
internal sealed class ParameterLayout(DeepSeekConfig config)
{
    private readonly long d = config.HiddenSize;
    private readonly long V = config.VocabSize;

    public IEnumerable<Parameter> All()
    {
        yield return Plain("model.embed_tokens.weight", V, d);
        for (int i = 0; i < config.NumHiddenLayers; i++)
        {
            foreach (Parameter p in Layer(i))
                yield return p with { Layer = i };
        }

        yield return Plain("model.norm.weight", d);
        if (!config.TieWordEmbeddings)
            yield return Plain("lm_head.weight", V, d);
        for (int i = config.NumHiddenLayers; i < config.TotalLayers; i++)
        {
            foreach (Parameter p in Mtp(i))
                yield return p with { Layer = i, IsMtp = true };
        }
    }

    private IEnumerable<Parameter> Mtp(int i)
    {
        string layer = $"model.layers.{i}.";
        yield return Plain(layer + "embed_tokens.weight", V, d) with { IsDuplicate = true };
        yield return Plain(layer + "enorm.weight", d);
        yield return Plain(layer + "hnorm.weight", d);
        yield return Plain(layer + "eh_proj.weight", d, 2 * d);
        foreach (Parameter p in Layer(i))
            yield return p;
        yield return Plain(layer + "shared_head.norm.weight", d);
        yield return Plain(layer + "shared_head.head.weight", V, d) with { IsDuplicate = true };
    }

    private IEnumerable<Parameter> Layer(int i)
    {
        string layer = $"model.layers.{i}.";
        yield return Plain(layer + "input_layernorm.weight", d);
        foreach (Parameter p in Attention(layer + "self_attn."))
            yield return p;
        yield return Plain(layer + "post_attention_layernorm.weight", d);
        foreach (Parameter p in config.IsMoeLayer(i) ? Experts(layer + "mlp.") : Mlp(layer + "mlp.", config.IntermediateSize))
            yield return p;
    }

    private IEnumerable<Parameter> Attention(string attention)
    {
        long H = config.NumAttentionHeads;
        long queries = H * config.QkHeadDim;
        long c = config.KvLoraRank;
        if (config.QLoraRank is { } rank)
        {
            foreach (Parameter p in Projection(attention + "q_a_proj", rank, d))
                yield return p;
            yield return Plain(attention + "q_a_layernorm.weight", rank);
            foreach (Parameter p in Projection(attention + "q_b_proj", queries, rank))
                yield return p;
        }
        else
        {
            foreach (Parameter p in Projection(attention + "q_proj", queries, d))
                yield return p;
        }

        foreach (Parameter p in Projection(attention + "kv_a_proj_with_mqa", c + config.QkRopeHeadDim, d))
            yield return p;
        yield return Plain(attention + "kv_a_layernorm.weight", c);
        foreach (Parameter p in Projection(attention + "kv_b_proj", H * ((long)config.QkNopeHeadDim + config.VHeadDim), c))
            yield return p;
        foreach (Parameter p in Projection(attention + "o_proj", d, H * config.VHeadDim))
            yield return p;
    }

    private IEnumerable<Parameter> Experts(string mlp)
    {
        int E = config.NRoutedExperts ?? 0;
        yield return Plain(mlp + "gate.weight", E, d);
        if (config.HasCorrectionBias)
            yield return new Parameter(mlp + "gate.e_score_correction_bias", DType.F32, new Shape(E));
        for (int e = 0; e < E; e++)
        {
            foreach (Parameter p in Mlp($"{mlp}experts.{e}.", config.MoeIntermediateSize))
                yield return p with { Expert = e };
        }

        if (config.NSharedExperts == 0)
            yield break;
        foreach (Parameter p in Mlp(mlp + "shared_experts.", config.SharedIntermediateSize))
            yield return p;
    }

    private IEnumerable<Parameter> Mlp(string mlp, long inner) =>
        [.. Projection(mlp + "gate_proj", inner, d), .. Projection(mlp + "up_proj", inner, d), .. Projection(mlp + "down_proj", d, inner)];

    private Parameter Plain(string name, params ReadOnlySpan<long> shape) => new(name, config.TorchDtype, new Shape(shape));

    private IEnumerable<Parameter> Projection(string name, long outer, long inner)
    {
        if (config.QuantizationConfig is not { } q || !q.Converts(name))
        {
            yield return Plain(name + ".weight", outer, inner);
            yield break;
        }

        yield return new Parameter(name + ".weight", DType.F8_E4M3, new Shape(outer, inner));
        yield return new Parameter(name + ".weight_scale_inv", DType.F32, new Shape(Blocks(outer, q.BlockRows), Blocks(inner, q.BlockColumns))) { IsScale = true };
    }

    private static long Blocks(long length, int block) => (length + block - 1) / block;
}
