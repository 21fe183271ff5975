using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference;

/// <summary>Every numeric decision on which published DeepSeek-V3 implementations disagree, one field a row of docs/spec/dialects.md.</summary>
/// <remarks>Immutable; vary a preset with <c>with</c>. Model code reads decisions from here alone.</remarks>
public sealed record NumericContract
{
    /// <summary>The preset's name, or a name of the caller's.</summary>
    public string Name { get; init; } = "Canonical";

    /// <summary>Dtype of every activation, of the residual stream and of the cache: F32 or BF16. A store is the only rounding to it.</summary>
    public DType Activations { get; init; } = DType.F32;

    /// <summary>Dtype of the logits.</summary>
    public DType Logits { get; init; } = DType.F32;

    /// <summary>How every sum of products is accumulated.</summary>
    public Accumulation Accumulation { get; init; } = Accumulation.Lanes16;

    /// <summary>Roundings inside RMSNorm.</summary>
    public RmsNormRounding RmsNorm { get; init; }

    /// <summary>Roundings inside SwiGLU.</summary>
    public SwiGluRounding SwiGlu { get; init; }

    /// <summary>Absorbed or naive MLA.</summary>
    public AttentionMode Attention { get; init; }

    /// <summary>Roundings inside attention.</summary>
    public AttentionRounding AttentionRounding { get; init; }

    /// <summary>How RoPE frequencies are computed.</summary>
    public RopeTableKind RopeTable { get; init; }

    /// <summary>RoPE's pairs and where they are stored.</summary>
    public RopeLayout RopeLayout { get; init; }

    /// <summary>RoPE's arithmetic.</summary>
    public RopeRotation RopeRotation { get; init; }

    /// <summary>When YaRN is on.</summary>
    public YarnSwitch Yarn { get; init; }

    /// <summary>Which mscale enters the softmax scale.</summary>
    public MScaleSource MScale { get; init; }

    /// <summary>Dtype of the router's logits: BF16 in DeepSeek-V3's demo, F32 elsewhere.</summary>
    public DType GateLogits { get; init; } = DType.F32;

    /// <summary>Arithmetic of the gate after its logits.</summary>
    public GateRounding Gate { get; init; }

    /// <summary>How dropped groups are masked.</summary>
    public GroupMask GroupMask { get; init; }

    /// <summary>Added to the sum of the chosen scores before the division: 0, or Hugging Face's 1e-20.</summary>
    public float GateEpsilon { get; init; }

    /// <summary>How expert outputs are added up.</summary>
    public CombineRounding Combine { get; init; }

    /// <summary>Order of the MTP projection's input.</summary>
    public MtpConcat MtpConcat { get; init; }

    /// <summary>The hidden state that the MTP module takes.</summary>
    public MtpHidden MtpHidden { get; init; }

    /// <summary>True to zero the MTP module's embedding at position 0 (a vLLM quirk).</summary>
    public bool MtpZeroFirstEmbedding { get; init; }

    /// <summary>The product of FP8 weights with activations that are quantised on the fly; null: weights are dequantised, and <see cref="Accumulation"/> says the rest (rule N22).</summary>
    public ScaledProduct? Fp8Product { get; init; }

    /// <summary>Arithmetic of the quantiser of activations; a scale for each token and 128 channels.</summary>
    public QuantizerArithmetic Fp8Quantizer { get; init; }

    /// <summary>Which activations get power-of-two scales where the checkpoint's <c>scale_fmt</c> is ue8m0.</summary>
    public Fp8ScaleRule Fp8Scales { get; init; }

    /// <summary>What the latent cache holds.</summary>
    public CacheFormat Cache { get; init; }

    /// <summary>binary32 throughout, our order, correctly rounded functions (rule N17).</summary>
    public static NumericContract Canonical { get; } = new();

    /// <summary>
    /// The bfloat16 rounding points of DeepSeek-V3's inference/model.py; for FP8 weights those of gemm_impl = "fp8" with inference/kernel.py written out in ordinary
    /// tensor operations whose output tensor is the accumulator, or of "bf16" where the weights are dequantised. That is how the FP8 oracles were made; a kernel adds blocks
    /// up in binary32: <c>with { Fp8Product = ScaledProduct.TritonFp8Gemm }</c> for the demo's, <see cref="HopperFp8"/> for DeepGEMM's.
    /// </summary>
    public static NumericContract DeepSeekInference { get; } = new()
    {
        Name = "DeepSeekInference",
        Activations = DType.BF16,
        Logits = DType.BF16,
        RmsNorm = RmsNormRounding.BeforeWeight,
        SwiGlu = SwiGluRounding.AfterSilu,
        AttentionRounding = AttentionRounding.EveryStep,
        RopeTable = RopeTableKind.Float32Chain,
        RopeRotation = RopeRotation.Separate,
        Yarn = YarnSwitch.ByLength,
        MScale = MScaleSource.MScale,
        GateLogits = DType.BF16,
        Gate = GateRounding.EveryStep,
        Combine = CombineRounding.EveryStep,
        Fp8Product = ScaledProduct.TorchReexpressionBF16,
        Fp8Quantizer = QuantizerArithmetic.TritonActQuant,
        Fp8Scales = Fp8ScaleRule.DemoReplicated,
    };

    /// <summary>
    /// FP8 as it is served on Hopper: the rounding points of <see cref="DeepSeekInference"/>, products by DeepGEMM's SM90 kernel on the tensor core, activations quantised by
    /// PyTorch on CUDA, scale_fmt honoured by every projection.
    /// </summary>
    public static NumericContract HopperFp8 { get; } = DeepSeekInference with
    {
        Name = "HopperFp8",
        Fp8Product = ScaledProduct.DeepGemmSm90,
        Fp8Quantizer = QuantizerArithmetic.TorchCuda,
        Fp8Scales = Fp8ScaleRule.Every,
    };

    /// <summary>The rounding points of transformers' modeling_deepseek_v3 in bfloat16: naive attention, permuted RoPE, binary32 gate with 1e-20.</summary>
    public static NumericContract HuggingFace { get; } = new()
    {
        Name = "HuggingFace",
        Activations = DType.BF16,
        Logits = DType.BF16,
        RmsNorm = RmsNormRounding.BeforeWeight,
        SwiGlu = SwiGluRounding.AfterSilu,
        Attention = AttentionMode.Naive,
        AttentionRounding = AttentionRounding.EveryStep,
        RopeTable = RopeTableKind.Float32Chain,
        RopeLayout = RopeLayout.InterleavedToHalf,
        RopeRotation = RopeRotation.EveryStep,
        GateEpsilon = 1e-20f,
        Combine = CombineRounding.SeparateThenRound,
    };

    /// <summary>Every sum of products in binary64 with one final rounding; all else as <see cref="Canonical"/>.</summary>
    public static NumericContract Ideal { get; } = new()
    {
        Name = "Ideal",
        Accumulation = Accumulation.Float64,
    };

    /// <summary>All presets.</summary>
    public static IReadOnlyList<NumericContract> Presets { get; } = [Canonical, DeepSeekInference, HopperFp8, HuggingFace, Ideal];

    /// <summary>The preset of that name, in any case.</summary>
    /// <exception cref="ContractException">No such preset.</exception>
    public static NumericContract Parse(string name)
    {
        foreach (NumericContract preset in Presets)
        {
            if (string.Equals(preset.Name, name, StringComparison.OrdinalIgnoreCase))
                return preset;
        }

        throw new ContractException($"no contract is named '{name}'; there are {string.Join(", ", Presets.Select(p => p.Name))}");
    }
}
