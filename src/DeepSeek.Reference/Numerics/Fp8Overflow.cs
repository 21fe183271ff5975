namespace DeepSeek.Reference;

/// <summary>What a cast to a format of twelve bits or fewer does beyond the largest finite value, and with an infinity.</summary>
/// <remarks>
/// "Beyond" is decided after rounding to nearest even as if exponents went on: E4M3 from |x| &gt; 464 (464 is a tie and goes to 448), E5M2 from |x| ≥ 61440, E5M6 from |x| ≥ 65280.
/// Rule N18; docs/spec/fp8-formats.md 2.
/// </remarks>
public enum Fp8Overflow
{
    /// <summary>The largest finite value with the sign of x, for infinities too; a NaN becomes 0x7F whatever its sign. PTX <c>cvt.rn.satfinite</c>, and with it Triton, CUTLASS and CUDA's <c>__NV_SATFINITE</c>.</summary>
    Saturate,

    /// <summary>NaN with the sign of x, for infinities too; a NaN keeps its sign. E4M3 and E8M0 as PyTorch casts up to 2.11. A format with infinities refuses it.</summary>
    NaN,

    /// <summary>Infinity with the sign of x, as IEEE 754; a NaN keeps its sign. E5M2 as PyTorch casts, and E5M6. A format without infinities refuses it.</summary>
    Infinity,
}
