namespace DeepSeek.Reference.Numerics;

/// <summary>FP22 (E8M13): binary32 with 13 fraction bits, what Hopper's tensor cores leave of an accumulator of FP8 products. Its values are kept as binary32.</summary>
/// <remarks>
/// Smallest normal 2^-126, smallest subnormal 2^-139, largest finite value (2 - 2^-13)·2^127. The unit truncates; rounding to nearest is there to measure what truncation costs.
/// A NaN is made quiet and keeps its sign. Rule N18; docs/spec/fp8-formats.md 5. DeepSeek-V3 report 3.3.2, "around 14 bits".
/// </remarks>
public static class Float22
{
    private const int Dropped = 10;

    /// <summary>Towards zero, as the unit does.</summary>
    public static float Truncate(float x) => FractionCut.Truncate(x, Dropped);

    /// <summary>To nearest, ties to even; no unit does this.</summary>
    public static float ToNearestEven(float x) => FractionCut.ToNearestEven(x, Dropped);
}
