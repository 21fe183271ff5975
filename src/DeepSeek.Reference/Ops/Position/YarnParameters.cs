namespace DeepSeek.Reference.Ops;

/// <summary>YaRN's parameters, as config.json's rope_scaling names them.</summary>
/// <param name="Factor">factor s: how much longer the context is than the original.</param>
/// <param name="OriginalLength">original_max_position_embeddings.</param>
/// <param name="BetaFast">beta_fast: more rotations than this over the original length and a frequency is left alone.</param>
/// <param name="BetaSlow">beta_slow: fewer rotations than this and a frequency is divided by the factor.</param>
/// <param name="MScale">mscale.</param>
/// <param name="MScaleAllDim">mscale_all_dim.</param>
public sealed record YarnParameters(double Factor, int OriginalLength, double BetaFast, double BetaSlow, double MScale, double MScaleAllDim)
{
    /// <summary>These parameters where YaRN is on, else null.</summary>
    /// <param name="yarn">What the config says, or null.</param>
    /// <param name="when">The contract's switch.</param>
    /// <param name="maxPositions">max_position_embeddings (the demo's max_seq_len).</param>
    public static YarnParameters? Active(YarnParameters? yarn, YarnSwitch when, long maxPositions) =>
        yarn is not null && (when == YarnSwitch.ByConfig || maxPositions > yarn.OriginalLength) ? yarn : null;
}
