namespace DeepSeek.Reference.Ops;

/// <summary>Which elements of x [T, K] share a scale. A tile that the edge cuts counts as padded with zeros.</summary>
public enum QuantizationTile
{
    /// <summary>128 neighbours of one row: scales [T, ceil(K/128)]. Activations (DeepSeek-V3 report 3.3.2).</summary>
    Row1x128,

    /// <summary>128 neighbours of one column: scales [ceil(T/128), K]. Activations and their gradients in the weight's gradient (report 3.5.2).</summary>
    Column128x1,

    /// <summary>A square of 128: scales [ceil(T/128), ceil(K/128)]. Weights; the checkpoint's weight_scale_inv.</summary>
    Block128x128,

    /// <summary>All of x: scales [1].</summary>
    PerTensor,

    /// <summary>A row, an output channel of a weight: scales [T].</summary>
    PerChannel,
}

/// <summary>
/// The published ways to compute a scale s and the quotient y that is cast, each step rounded to binary32; M is the format's largest value, 448 for E4M3,
/// and a is max |x|. They differ in the last bit of s, and in a code where y falls beside a tie (docs/spec/quantisation.md 2).
/// </summary>
public enum QuantizerArithmetic
{
    /// <summary>s = a / M, y = x / s. DeepSeek-V3, inference/kernel.py, act_quant, with IEEE division.</summary>
    TritonActQuant,

    /// <summary>s = a / M, y = x · (1/s). DeepGEMM, utils/math.py, per_token_cast_to_fp8 and its kin, on a CPU.</summary>
    DeepGemm,

    /// <summary>s = a / M, y = x · (M/a). DeepGEMM of February 2025; DeepEP, tests/utils.py.</summary>
    DeepGemm2025,

    /// <summary>s = a · (1/M), y = x · (M/a). DeepEP, the low-latency dispatch kernel.</summary>
    DeepEpLowLatency,

    /// <summary>s = a · (1/M), y = x / s. DeepSeek-V3.2-Exp, inference/kernel.py (TileLang).</summary>
    TileLang,

    /// <summary>s = a · (1/M), y = x · (1/s). <see cref="DeepGemm"/>'s code where PyTorch runs it on CUDA: a division by a constant becomes a product.</summary>
    TorchCuda,

    /// <summary>
    /// s = a · rcp(M), y = x · rcp(s), a of the numbers alone: a NaN is passed over, and its own code alone is NaN. <see cref="TritonActQuant"/>'s kernel as Triton
    /// compiles it for Hopper, where x / y is x · rcp(y), rcp.approx of PTX (<see cref="TensorCores.HopperMufu.ReciprocalFtz"/>). On an H100 it was seen in tiles of a row with
    /// <see cref="QuantizationClamp.Amax"/>; other tiles and clamps, subnormal scales and tiles of NaNs alone follow the same formulas unseen (docs/spec/quantisation.md 2).
    /// </summary>
    TritonActQuantHopper,
}

/// <summary>What keeps a tile of zeros from dividing by zero.</summary>
public enum QuantizationClamp
{
    /// <summary>a is at least 1e-4: every published quantiser of activations.</summary>
    Amax,

    /// <summary>s is at least 1e-4, before it is rounded up: FlashMLA's FP8 cache. Only where y is computed from s.</summary>
    Scale,

    /// <summary>None: a tile of zeros gives s = 0 and codes NaN, as DeepSeek-V3's kernel did before 27 August 2025.</summary>
    None,
}

/// <summary>How <see cref="Quantize"/> works: every decision that published quantisers take differently.</summary>
/// <param name="Tile">Which elements share a scale.</param>
/// <param name="Arithmetic">How the scale and the quotient are rounded.</param>
/// <param name="ScaleFormat">Any scale, or powers of two: 2^ceil(log2 s), rounded up before x is divided by it.</param>
/// <param name="Clamp">What is done about small tiles.</param>
public readonly record struct QuantizeAttributes(
    QuantizationTile Tile, QuantizerArithmetic Arithmetic, ScaleFormat ScaleFormat, QuantizationClamp Clamp = QuantizationClamp.Amax);
