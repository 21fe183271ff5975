namespace DeepSeek.Reference;

/// <summary>Element types, by the names of the safetensors format. Every dtype a file may hold is known; operations say which they take.</summary>
public enum DType
{
    /// <summary>IEEE binary32.</summary>
    F32,

    /// <summary>bfloat16: 1 sign, 8 exponent, 7 fraction bits.</summary>
    BF16,

    /// <summary>IEEE binary16.</summary>
    F16,

    /// <summary>IEEE binary64.</summary>
    F64,

    /// <summary>OCP E4M3 ("fn"): no infinity, maximum 448.</summary>
    F8_E4M3,

    /// <summary>OCP E5M2: infinities as IEEE, maximum 57344.</summary>
    F8_E5M2,

    /// <summary>UE8M0: a power of two, 2^(e-127).</summary>
    F8_E8M0,

    /// <summary>E4M3 without negative zero (bias 8, NaN = 0x80).</summary>
    F8_E4M3FNUZ,

    /// <summary>E5M2 without negative zero (bias 16, NaN = 0x80).</summary>
    F8_E5M2FNUZ,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>Signed 8-bit integer.</summary>
    I8,

    /// <summary>Unsigned 64-bit integer.</summary>
    U64,

    /// <summary>Unsigned 32-bit integer.</summary>
    U32,

    /// <summary>Unsigned 16-bit integer.</summary>
    U16,

    /// <summary>Unsigned 8-bit integer.</summary>
    U8,

    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>A pair of binary32: real, imaginary.</summary>
    C64,

    /// <summary>Four-bit float, two to a byte.</summary>
    F4,

    /// <summary>Six-bit float E2M3, packed.</summary>
    F6_E2M3,

    /// <summary>Six-bit float E3M2, packed.</summary>
    F6_E3M2,
}
