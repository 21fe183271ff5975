namespace DeepSeek.Reference.Ops;

/// <summary>Where the two scales of a block meet its sum of products d (rule N21): published kernels differ.</summary>
public enum ScaleOrder
{
    /// <summary>(d · sa) · sb, as DeepSeek-V3's Triton kernel writes it.</summary>
    ActivationFirst,

    /// <summary>d · (sa · sb), as DeepGEMM and DeepSeek-V3.2's TileLang kernel write it.</summary>
    ScalesFirst,

    /// <summary>Inside the matrix unit: the exponents of UE8M0 scales are added to those of the products before they are aligned. No rounding of its own.</summary>
    InTheSum,
}
