namespace DeepSeek.Reference;

/// <summary>To which power of two a cast to <see cref="Float8E8M0"/> goes. The sign of x is not looked at.</summary>
/// <remarks>Rule N18; docs/spec/fp8-formats.md 3.</remarks>
public enum PowerOfTwoRounding
{
    /// <summary>
    /// The nearer one, a tie (1.5·2^e) up. Below 2^-126 as PyTorch and ml_dtypes have it: up to 2^-127 gives 2^-127, everything above gives 2^-126. Zero gives 2^-127.
    /// </summary>
    Nearest,

    /// <summary>
    /// The least one not below |x|, kept within 2^-126 ... 2^127: the bit recipe that DeepSeek's kernels use for scales.
    /// It reads nothing but the exponent field and whether the fraction is zero, so that under <see cref="Fp8Overflow.Saturate"/> infinities and NaN give 2^127.
    /// </summary>
    Up,

    /// <summary>The largest one not above |x|; 2^-127 below that. The scale of the OCP microscaling specification, CUDA's <c>cudaRoundZero</c>.</summary>
    Down,
}
