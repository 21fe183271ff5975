using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification.Probing;

/// <summary>Operands whose products are chosen: powers of two at chosen places, and random values of a format.</summary>
/// <param name="Format">The operands' format.</param>
/// <param name="Length">Elements of a dot product.</param>
internal sealed record DesignedInputs(ElementFormat Format, int Length)
{
    // Exponents that a format with 8 exponent bits is used with: products and sums of them stay normal and finite.
    private const int WideExponent = 40;

    /// <summary>The largest exponent of an operand.</summary>
    public int High => Math.Min(WideExponent, (1 << Format.ExponentBits) - 1 - Format.Bias - (Format.Specials == SpecialCodes.Ieee ? 1 : 0));

    /// <summary>The least exponent of a normal operand.</summary>
    public int Low => Math.Max(-WideExponent, Format.MinExponent);

    /// <summary>The exponent of the largest product that is a power of two.</summary>
    public int Top => 2 * High;

    /// <summary>The exponent of the least one.</summary>
    public int Bottom => 2 * Low;

    /// <summary>Operands whose products at the given places are sign · factor · 2^exponent, and 0 elsewhere.</summary>
    /// <param name="products">Place, factor (a short significand; negative for a negative product), exponent.</param>
    public (float[] A, float[] B) Products(params ReadOnlySpan<(int Place, float Factor, int Exponent)> products)
    {
        float[] a = new float[Length];
        float[] b = new float[Length];
        foreach ((int place, float factor, int exponent) in products)
        {
            // Half of the exponent each, kept inside the format.
            int e = Math.Clamp(exponent / 2, Low, High);
            int rest = Math.Clamp(exponent - e, Low, High);
            e = exponent - rest;
            a[place] = factor * (float)double.ScaleB(1, e);
            b[place] = (float)double.ScaleB(1, rest);
        }

        return (a, b);
    }

    /// <summary>Random values of all signs, with exponents spread over <paramref name="spread"/> steps below the middle.</summary>
    public (float[] A, float[] B) Random(ulong seed, int spread)
    {
        var random = new RandomStream(seed, "probe");
        float[] a = new float[Length];
        float[] b = new float[Length];
        for (int k = 0; k < Length; k++)
            (a[k], b[k]) = (Value(random.Word((ulong)(2 * k)), spread), Value(random.Word((ulong)(2 * k + 1)), spread));
        return (a, b);
    }

    private float Value(uint word, int spread)
    {
        int fraction = (int)(word >> 1) & ((1 << Format.FractionBits) - 1);
        int low = Math.Max(Low, -spread), high = Math.Min(High - 1, low + spread);
        int exponent = low + (int)((word >> 25) % (uint)(high - low + 1));
        double magnitude = double.ScaleB(1 + double.ScaleB(fraction, -Format.FractionBits), exponent);
        return (float)((word & 1) == 0 ? magnitude : -magnitude);
    }
}
