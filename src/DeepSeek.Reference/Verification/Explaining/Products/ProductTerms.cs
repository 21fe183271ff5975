using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>The products of one output element as a matrix unit sees them: exact significands and exponents, k ascending, decoded once for all sum rules.</summary>
/// <remarks>
/// Product k is (-1)^s · Magnitude · 2^(Exponent - FractionBits), not normalised (rule N20). A zero has magnitude 0 and an exponent that never is the largest.
/// E4M3 operands keep that format's least exponent; bfloat16 and binary32 share one, so that both are decoded as binary32.
/// </remarks>
internal sealed class ProductTerms
{
    /// <summary>The exponent of a zero.</summary>
    public const int ZeroTerm = -1_000_000;

    private ProductTerms(float[] a, float[] b, int fractionBits)
    {
        A = a;
        B = b;
        FractionBits = fractionBits;
        Magnitudes = new long[a.Length];
        Signs = new long[a.Length];
        Exponents = new int[a.Length];
    }

    /// <summary>Elements of the first operand.</summary>
    public float[] A { get; }

    /// <summary>Elements of the second.</summary>
    public float[] B { get; }

    /// <summary>Bits of a significand behind the point.</summary>
    public int FractionBits { get; }

    /// <summary>Significands of the products.</summary>
    public long[] Magnitudes { get; }

    /// <summary>0, or -1 where the product is negative.</summary>
    public long[] Signs { get; }

    /// <summary>Exponents of the products.</summary>
    public int[] Exponents { get; }

    /// <summary>Whether an operand is NaN or infinite: such an element tells nothing about roundings.</summary>
    public bool IsSpecial { get; private set; }

    /// <summary>The products of E4M3 operands.</summary>
    public static ProductTerms OfE4M3(ReadOnlySpan<Float8E4M3> a, ReadOnlySpan<Float8E4M3> b)
    {
        float[] x = new float[a.Length];
        float[] y = new float[a.Length];
        for (int k = 0; k < a.Length; k++)
            (x[k], y[k]) = (a[k].ToSingle(), b[k].ToSingle());
        var terms = new ProductTerms(x, y, 2 * ElementFormat.E4M3.FractionBits);
        for (int k = 0; k < a.Length; k++)
            terms.Set(k, ElementFormat.E4M3.Decode(a[k].Bits), ElementFormat.E4M3.Decode(b[k].Bits));
        return terms;
    }

    /// <summary>The products of binary32 operands, or of bfloat16 ones widened.</summary>
    public static ProductTerms OfSingle(float[] a, float[] b)
    {
        var terms = new ProductTerms(a, b, 2 * ElementFormat.F32.FractionBits);
        for (int k = 0; k < a.Length; k++)
            terms.Set(k, ElementFormat.F32.Decode(BitConverter.SingleToUInt32Bits(a[k])), ElementFormat.F32.Decode(BitConverter.SingleToUInt32Bits(b[k])));
        return terms;
    }

    /// <summary>The exact sum, correctly rounded to binary64 up to the error of a binary64 sum.</summary>
    public double Sum(int start, int count)
    {
        double sum = 0;
        for (int k = start; k < start + count; k++)
            sum += (double)A[k] * B[k];
        return sum;
    }

    /// <summary>The same products times powers of two: scales inside the sum add to the exponents.</summary>
    public ProductTerms Scaled(Func<int, int> exponentOf)
    {
        var scaled = new ProductTerms(A, B, FractionBits) { IsSpecial = IsSpecial };
        Magnitudes.CopyTo(scaled.Magnitudes, 0);
        Signs.CopyTo(scaled.Signs, 0);
        for (int k = 0; k < A.Length; k++)
            scaled.Exponents[k] = Exponents[k] == ZeroTerm ? ZeroTerm : Exponents[k] + exponentOf(k);
        return scaled;
    }

    private void Set(int k, Element a, Element b)
    {
        IsSpecial |= a.Kind is ElementKind.NaN or ElementKind.Infinity || b.Kind is ElementKind.NaN or ElementKind.Infinity;
        long magnitude = (long)a.Significand * b.Significand;
        Magnitudes[k] = magnitude;
        Signs[k] = a.Negative != b.Negative ? -1 : 0;
        Exponents[k] = magnitude == 0 ? ZeroTerm : a.Exponent + b.Exponent;
    }
}
