namespace DeepSeek.Reference.Model;

/// <summary>One transformer layer: x += MLA(RMSNorm(x)); x += FFN(RMSNorm(x)).</summary>
/// <remarks>The residual stream is kept in the contract's activation dtype: each addition is rounded to it once. docs/spec/deepseek-v3.md 3.</remarks>
internal sealed class DecoderBlock
{
    private readonly ModelNumerics n;
    private readonly Tensor inputNorm, postAttentionNorm;
    private readonly MultiHeadLatentAttention attention;
    private readonly DenseMlp? dense;

    public DecoderBlock(ModelNumerics numerics, ModelWeights weights, int layer)
    {
        n = numerics;
        int d = numerics.Config.HiddenSize;
        string name = $"model.layers.{layer}";
        inputNorm = weights.Get($"{name}.input_layernorm.weight", d);
        attention = new MultiHeadLatentAttention(numerics, weights, layer);
        postAttentionNorm = weights.Get($"{name}.post_attention_layernorm.weight", d);
        if (numerics.Config.IsMoeLayer(layer))
            Experts = new MixtureOfExperts(numerics, weights, layer);
        else
            dense = new DenseMlp(numerics, weights, $"{name}.mlp", numerics.Config.IntermediateSize);
    }

    /// <summary>The experts; null in a dense layer.</summary>
    public MixtureOfExperts? Experts { get; }

    /// <summary>The residual stream x [B·T, d], changed in place.</summary>
    public void Forward(Tensor x, ForwardPass pass, string probe)
    {
        int d = n.Config.HiddenSize;
        Tensor normed = pass.Workspace.Normed.Get(n.Activations, pass.Rows, d);
        n.Norm(x, inputNorm, normed);
        pass.Probe(probe, "input_norm", normed, d);
        n.Backend.Add(x, attention.Forward(normed, pass, probe), x);
        pass.Probe(probe, "hidden_after_attn", x, d);

        n.Norm(x, postAttentionNorm, normed);
        pass.Probe(probe, "post_attention_norm", normed, d);
        Tensor y = Experts is not null
            ? Experts.Forward(normed, pass, probe)
            : dense!.Forward(normed, pass, pass.Trace is null ? "" : $"{probe}.mlp", pass.Workspace.Branch.Get(n.Activations, pass.Rows, d));
        n.Backend.Add(x, y, x);
        pass.Probe(probe, "hidden_after_mlp", x, d);
    }
}
