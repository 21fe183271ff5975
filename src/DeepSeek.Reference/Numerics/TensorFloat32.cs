namespace DeepSeek.Reference.Numerics;

/// <summary>TF32: binary32 with 10 fraction bits (1 sign, 8 exponent), as matrix units read a 32-bit operand. Its values are kept as binary32.</summary>
/// <remarks>
/// A tensor core looks at the upper 19 bits of the register, so that a binary32 handed to it unrounded is cut off; software that wants better rounds first.
/// A NaN is made quiet and keeps its sign; the processors give 0x7FFFFFFF. Rule N18; docs/spec/fp8-formats.md 5. PTX ISA, cvt and mma.
/// </remarks>
public static class TensorFloat32
{
    private const int Dropped = 13;

    /// <summary>Towards zero: what the unit sees of an operand that was not rounded before. PTX <c>cvt.rz.tf32.f32</c>.</summary>
    public static float Truncate(float x) => FractionCut.Truncate(x, Dropped);

    /// <summary>To nearest, ties to even: PTX <c>cvt.rn.tf32.f32</c>.</summary>
    public static float ToNearestEven(float x) => FractionCut.ToNearestEven(x, Dropped);

    /// <summary>To nearest, ties away from zero: PTX <c>cvt.rna.tf32.f32</c>, the conversion that CUDA's <c>__float_to_tf32</c> makes.</summary>
    public static float ToNearestAway(float x) => FractionCut.ToNearestAway(x, Dropped);
}
