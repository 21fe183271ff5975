using DeepSeek.Reference.Model;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Inference;

/// <summary>Chooses one token from a row of logits.</summary>
internal sealed class TokenSampler
{
    private readonly DeepSeekModel model;
    private readonly float[] values;

    public TokenSampler(DeepSeekModel model)
    {
        this.model = model;
        values = new float[model.Config.VocabSize];
    }

    /// <summary>The token that logits [1, V] give at a position.</summary>
    /// <exception cref="NotANumberException">A logit is NaN.</exception>
    public int Choose(Tensor logits, float temperature, ulong seed, int position)
    {
        if (temperature > 0)
            throw new ContractException("sampling is not offered yet; take temperature 0");
        return TopK.ArgMax(Widened(logits));
    }

    private ReadOnlySpan<float> Widened(Tensor row)
    {
        if (row.DType == DType.F32)
            return row.AsReadOnlySpan<float>();
        BFloat16Spans.Widen(row.AsReadOnlySpan<BFloat16>(), values);
        return values;
    }
}
