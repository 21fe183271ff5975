namespace DeepSeek.Reference.Verification;

/// <summary>Writes single elements of the dtypes that probes have.</summary>
internal static class ElementWriter
{
    /// <summary>Element i of y becomes element j of x, rounded once to nearest; false where that changed the value.</summary>
    /// <exception cref="ShapeException">A dtype that no probe has.</exception>
    public static bool Set(Tensor y, long i, Tensor x, long j)
    {
        double value = ElementReader.Value(x, j);
        Set(y, i, value);
        double kept = ElementReader.Value(y, i);
        return kept == value || (double.IsNaN(kept) && double.IsNaN(value));
    }

    /// <summary>Element i of y becomes the value, rounded once to nearest.</summary>
    /// <exception cref="ShapeException">A dtype that is not offered.</exception>
    public static void Set(Tensor y, long i, double value)
    {
        switch (y.DType)
        {
            case DType.F32:
                y.AsSpan<float>()[(int)i] = (float)value;
                break;
            case DType.BF16:
                y.AsSpan<BFloat16>()[(int)i] = BFloat16.FromDouble(value);
                break;
            case DType.F8_E4M3:
                y.AsSpan<Float8E4M3>()[(int)i] = Float8E4M3.FromSingle((float)value, Fp8Overflow.Saturate);
                break;
            case DType.I32:
                // Beyond the range is no index either way; -1 keeps it recognisable.
                y.AsSpan<int>()[(int)i] = value is >= int.MinValue and <= int.MaxValue ? (int)value : -1;
                break;
            default:
                throw new ShapeException($"{y} cannot be written element by element");
        }
    }
}
