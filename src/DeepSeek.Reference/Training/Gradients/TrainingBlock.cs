using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Training;

/// <summary>One transformer layer, forward and backward.</summary>
/// <remarks>
/// <code>
/// x' = x + MLA(norm(x));    y = x' + FFN(norm(x'))
/// dx' = dy + norm backward(FFN backward(dy));    dx = dx' + norm backward(MLA backward(dx'))
/// </code>
/// docs/spec/deepseek-v3.md 3; docs/spec/training.md.
/// </remarks>
internal sealed class TrainingBlock
{
    private readonly string name;
    private readonly NamedWeight inputNorm, postAttentionNorm;
    private readonly TrainingAttention attention;
    private readonly TrainingExperts? experts;
    private readonly TrainingMlp? dense;

    public TrainingBlock(ModelNumerics numerics, ModelWeights weights, int layer)
    {
        int d = numerics.Config.HiddenSize;
        name = $"model.layers.{layer}";
        inputNorm = new NamedWeight($"{name}.input_layernorm.weight", weights.Get($"{name}.input_layernorm.weight", d));
        attention = new TrainingAttention(numerics, weights, layer);
        postAttentionNorm = new NamedWeight($"{name}.post_attention_layernorm.weight", weights.Get($"{name}.post_attention_layernorm.weight", d));
        if (numerics.Config.IsMoeLayer(layer))
            experts = new TrainingExperts(numerics, weights, layer);
        else
            dense = new TrainingMlp(numerics, weights, $"{name}.mlp", numerics.Config.IntermediateSize, isExpert: false);
    }

    /// <summary>What the backward needs.</summary>
    public sealed record Saved(Tensor X, TrainingAttention.Saved Attention, Tensor Middle, TrainingExperts.Saved? Experts, TrainingMlp.Saved? Dense);

    /// <summary>x [T, d] to y [T, d]; x is left as it is.</summary>
    public (Tensor Y, Saved Saved) Forward(Tensor x, SequencePass pass)
    {
        (Tensor attended, TrainingAttention.Saved ofAttention) = attention.Forward(pass.Norm(x, inputNorm), pass);
        Tensor middle = SequencePass.New(x.Shape.Dimensions);
        pass.Backend.Add(x, attended, middle);
        pass.Casts.Round(CastPoint.Residual, middle, name, "middle");

        Tensor normed = pass.Norm(middle, postAttentionNorm);
        Tensor y = SequencePass.New(x.Shape.Dimensions);
        if (experts is not null)
        {
            (Tensor fed, TrainingExperts.Saved ofExperts) = experts.Forward(normed, pass);
            pass.Backend.Add(middle, fed, y);
            return (pass.Casts.Round(CastPoint.Residual, y, name, "output"), new Saved(x, ofAttention, middle, ofExperts, null));
        }

        (Tensor mixed, TrainingMlp.Saved ofDense) = dense!.Forward(normed, pass);
        pass.Backend.Add(middle, mixed, y);
        return (pass.Casts.Round(CastPoint.Residual, y, name, "output"), new Saved(x, ofAttention, middle, null, ofDense));
    }

    /// <summary>dy [T, d] to dx [T, d], in dy's memory.</summary>
    public Tensor Backward(Tensor dy, Saved s, SequencePass pass)
    {
        Tensor? normed = pass.Recompute ? pass.Norm(s.Middle, postAttentionNorm) : null;
        Tensor dNormed = experts is not null ? experts.Backward(dy, s.Experts!, normed, pass) : dense!.Backward(dy, s.Dense!, normed, pass);
        pass.Add(dy, pass.NormBackward(dNormed, s.Middle, postAttentionNorm), name);
        Tensor dAttended = attention.Backward(dy, s.Attention, s.Attention.X ?? attention.Input(pass.Norm(s.X, inputNorm), pass), pass);
        return pass.Add(dy, pass.NormBackward(dAttended, s.X, inputNorm), name);
    }
}
