namespace DeepSeek.Reference.Model;

/// <summary>How the products of a checkpoint's FP8 weights are computed (rule N22).</summary>
public enum Fp8Mode
{
    /// <summary>
    /// <see cref="Gemm"/> where the contract has an FP8 product and the in-features of every FP8 weight are a multiple of 128 (the condition of the demo's
    /// act_quant), otherwise <see cref="Dequantize"/>. Depends on contract and checkpoint alone.
    /// </summary>
    Auto,

    /// <summary>FP8 products: activations are quantised on the fly, a scale for each token and 128 channels; the contract says how.</summary>
    Gemm,

    /// <summary>Weights become code · scale in the contract's activation dtype, and the products are those of such weights.</summary>
    Dequantize,
}
