namespace DeepSeek.Reference.Ops;

/// <summary>Where <see cref="RmsNorm"/> rounds to bfloat16 (docs/spec/deepseek-v3.md 4.2; rule N11).</summary>
public enum RmsNormRounding
{
    /// <summary>y = (x·r)·w, both products in binary32; the only rounding to a narrower format is the store. Also DeepSeek-V3.2's form when y is BF16.</summary>
    None,

    /// <summary>y = w·bf16(x·r): a rounding before the weight. DeepSeek-V3's demo on PyTorch 2.4.1, Hugging Face.</summary>
    BeforeWeight,
}

/// <summary>Where <see cref="SwiGlu"/> rounds to bfloat16.</summary>
public enum SwiGluRounding
{
    /// <summary>y = silu(a)·b with one correctly rounded silu and one product; also DeepSeek-V3.2's form when y is BF16.</summary>
    None,

    /// <summary>y = bf16(silu(a))·b. DeepSeek-V3's demo, Hugging Face.</summary>
    AfterSilu,
}

/// <summary>Where attention rounds to bfloat16.</summary>
public enum AttentionRounding
{
    /// <summary>Scores, probabilities and sums stay binary32.</summary>
    None,

    /// <summary>Probabilities are rounded to bfloat16 before P·V. DeepSeek-V3.2's demo.</summary>
    Probabilities,

    /// <summary>
    /// Each einsum's result, their sum, the scaled score, and the probabilities are rounded to bfloat16. DeepSeek-V3's demo, Hugging Face.
    /// </summary>
    EveryStep,
}

/// <summary>How MLA evaluates attention.</summary>
public enum AttentionMode
{
    /// <summary>MQA over the latent cache: W_UK folded into the query, W_UV applied to the result. The demo's default.</summary>
    Absorbed,

    /// <summary>MHA over keys and values recomputed from the latent.</summary>
    Naive,
}

/// <summary>Which channels form a RoPE pair, and where the rotated pair is stored.</summary>
public enum RopeLayout
{
    /// <summary>Pairs (2i, 2i+1), stored where they were. The checkpoint's order; DeepSeek's demo.</summary>
    Interleaved,

    /// <summary>Pairs (2i, 2i+1), stored at (i, i + dr/2): Hugging Face's rope_interleave, a fixed permutation of the above.</summary>
    InterleavedToHalf,

    /// <summary>Pairs (i, i + dr/2), stored where they were (GPT-NeoX; the V3.2 indexer).</summary>
    Half,
}

/// <summary>How a RoPE pair is rotated.</summary>
public enum RopeRotation
{
    /// <summary>y0 = fma(x0, c, -rn(x1·s)), y1 = fma(x0, s, rn(x1·c)). Canonical (rule N13).</summary>
    Fused,

    /// <summary>y0 = rn(x0·c) - rn(x1·s), y1 = rn(x0·s) + rn(x1·c). DeepSeek's demo (complex multiplication).</summary>
    Separate,

    /// <summary>cos, sin, both products and the sum rounded to bfloat16. Hugging Face in bfloat16.</summary>
    EveryStep,
}

/// <summary>How the RoPE frequencies are computed (rule N13).</summary>
public enum RopeTableKind
{
    /// <summary>The real YaRN frequency, rounded once to binary32.</summary>
    RoundedOnce,

    /// <summary>The chain of binary32 steps of DeepSeek's demo.</summary>
    Float32Chain,
}

/// <summary>When YaRN is on.</summary>
public enum YarnSwitch
{
    /// <summary>Whenever the config has rope_scaling of type yarn. Hugging Face.</summary>
    ByConfig,

    /// <summary>When max_position_embeddings exceeds the original length. DeepSeek's demo.</summary>
    ByLength,
}

/// <summary>Which mscale enters the softmax scale.</summary>
public enum MScaleSource
{
    /// <summary>mscale_all_dim, and cos and sin are multiplied by m(mscale)/m(mscale_all_dim). Hugging Face; 1 for V3.</summary>
    AllDim,

    /// <summary>mscale; cos and sin are left alone. DeepSeek's demo.</summary>
    MScale,
}

/// <summary>How scores of groups that were not kept are masked before the expert choice.</summary>
public enum GroupMask
{
    /// <summary>Minus infinity: a masked expert is never chosen. DeepSeek since 2025-02.</summary>
    NegativeInfinity,

    /// <summary>Zero: a masked expert beats one with a negative biased score. Old Hugging Face.</summary>
    Zero,
}

/// <summary>How a group of experts is scored.</summary>
public enum GroupScore
{
    /// <summary>The sum of its two largest biased scores (noaux_tc).</summary>
    TopTwoSum,

    /// <summary>Its largest score (V2's group_limited_greedy).</summary>
    Max,
}

/// <summary>How router logits become scores.</summary>
public enum ScoringFunction
{
    /// <summary>Correctly rounded sigmoid of each logit (V3).</summary>
    Sigmoid,

    /// <summary>Softmax over the experts (V2).</summary>
    Softmax,
}

/// <summary>In which arithmetic scores and weights of the gate are held.</summary>
public enum GateRounding
{
    /// <summary>binary32 throughout.</summary>
    None,

    /// <summary>Scores, their sum, the quotient and the scaled weight are each rounded to bfloat16; the biased score is binary32. With softmax, which the demo takes in binary32, the scaled weight alone. DeepSeek-V3's demo.</summary>
    EveryStep,
}

/// <summary>How expert outputs are added up.</summary>
public enum CombineRounding
{
    /// <summary>y = fma(w, o, y) in binary32, ascending expert id; then + shared (rule N16).</summary>
    Fused,

    /// <summary>y = y + rn(w·o) in binary32, ascending expert id; then + shared. Hugging Face (rounded to the output dtype before the shared expert is added) uses <see cref="SeparateThenRound"/>.</summary>
    Separate,

    /// <summary>As <see cref="Separate"/>, then rounded to bfloat16, then + shared. Hugging Face.</summary>
    SeparateThenRound,

    /// <summary>y = bf16(y + bf16(w·o)) at every step, ascending expert id; then + shared. DeepSeek-V3's demo.</summary>
    EveryStep,
}

/// <summary>Order of the two halves of the MTP projection's input.</summary>
public enum MtpConcat
{
    /// <summary>[enorm(Emb(t)); hnorm(h)]: what the released weights need.</summary>
    EmbeddingFirst,

    /// <summary>[hnorm(h); enorm(Emb(t))]: the report's equation 21 as printed.</summary>
    HiddenFirst,
}

/// <summary>Which hidden state of the main model the MTP module takes.</summary>
public enum MtpHidden
{
    /// <summary>After model.norm. vLLM, SGLang, Hugging Face.</summary>
    PostNorm,

    /// <summary>Before model.norm.</summary>
    PreNorm,
}

/// <summary>Which projections quantise their input with power-of-two scales, in a checkpoint whose <c>scale_fmt</c> is ue8m0.</summary>
public enum Fp8ScaleRule
{
    /// <summary>Every one.</summary>
    Every,

    /// <summary>
    /// q_a_proj, kv_a_proj_with_mqa and the routed experts: DeepSeek-V3's demo, whose ColumnParallelLinear and RowParallelLinear call linear() without scale_fmt.
    /// </summary>
    DemoReplicated,
}

/// <summary>What the latent cache holds of each token.</summary>
public enum CacheFormat
{
    /// <summary>The activations as they are.</summary>
    Activations,

    /// <summary>
    /// The latent as E4M3 codes with a power-of-two scale for each 128 channels, the rotated key in bfloat16: FlashMLA's FP8 cache, 656 bytes a token and layer at
    /// DeepSeek-V3's size. Attention reads the values that the codes stand for.
    /// </summary>
    Fp8,

    /// <summary>Latent and rotated key, each value rounded to bfloat16 once, to nearest even: what bfloat16 activations are already.</summary>
    BFloat16,

    /// <summary>
    /// Latent and rotated key in binary32, whatever the activations are. Every activation dtype widens to it exactly and comes back unrounded, so attention reads the bits
    /// that it reads with <see cref="Activations"/>; a cache of bfloat16 activations takes twice the memory.
    /// </summary>
    Float32,
}
