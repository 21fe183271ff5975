namespace DeepSeek.Reference.Verification;

/// <summary>A real number as an output's dtype stores it.</summary>
internal static class StoredValue
{
    /// <summary>x rounded once, to nearest with ties to even; x itself for dtypes that hold no real numbers.</summary>
    public static double Round(double x, DType dtype) => dtype switch
    {
        DType.F32 => (float)x,
        DType.BF16 => BFloat16.FromDouble(x).ToSingle(),
        DType.F16 => (double)(Half)x,
        DType.F8_E4M3 => Float8E4M3.FromDouble(x, Fp8Overflow.Saturate).ToSingle(),
        _ => x,
    };

    /// <summary>The unit in the last place of the dtype at x.</summary>
    public static double Ulp(double x, DType dtype)
    {
        (int fraction, int leastExponent) = ElementReader.Precision(dtype);
        int exponent = x == 0 || !double.IsFinite(x) ? leastExponent : Math.Max(Math.ILogB(x), leastExponent);
        return double.ScaleB(1, exponent - fraction);
    }
}
