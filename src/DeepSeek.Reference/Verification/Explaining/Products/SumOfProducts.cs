using System.Numerics;
using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Evaluates sum rules on decoded products: <see cref="TensorCore.Define(ReadOnlySpan{uint}, ReadOnlySpan{uint}, uint)"/> written for speed, and the plain orders.</summary>
/// <remarks>Tests hold it against the definition for every unit. Where a sum leaves the finite numbers the result is NaN.</remarks>
internal static class SumOfProducts
{
    /// <summary>The sum of products start ... start + count - 1 from +0, in binary32; a unit's instructions are padded with +0.</summary>
    public static float Evaluate(SumRule rule, ProductTerms terms, int start, int count)
    {
        switch (rule.Plain)
        {
            case PlainSum.Unit:
                return Chain(rule.Unit!, terms, start, count);
            case PlainSum.Exact:
                return Exact(terms, start, count);
            case PlainSum.Lanes:
                return Lanes(rule.Lanes, terms, start, count);
            case PlainSum.Sequential:
                float chain = 0f;
                for (int k = start; k < start + count; k++)
                    chain = MathF.FusedMultiplyAdd(terms.A[k], terms.B[k], chain);
                return chain;
            case PlainSum.SequentialUnfused:
                float sum = 0f;
                for (int k = start; k < start + count; k++)
                    sum += terms.A[k] * terms.B[k];
                return sum;
            case PlainSum.Double:
                var wide = new Lanes16Double();
                for (int k = 0; k < count; k++)
                    wide.AddProduct(k, terms.A[start + k], terms.B[start + k]);
                return (float)wide.Fold();
            default:
                return Pairwise(terms, start, count);
        }
    }

    private static float Exact(ProductTerms terms, int start, int count)
    {
        if (terms.FractionBits < 2 * ElementFormat.F32.FractionBits)
            return (float)terms.Sum(start, count);
        var sum = new ExactSum();
        for (int k = start; k < start + count; k++)
            sum.AddProduct(terms.A[k], terms.B[k]);
        return sum.ToSingle();
    }

    private static float Lanes(int lanes, ProductTerms terms, int start, int count)
    {
        Span<float> lane = stackalloc float[lanes];
        lane.Clear();
        for (int k = 0; k < count; k++)
            lane[k % lanes] = MathF.FusedMultiplyAdd(terms.A[start + k], terms.B[start + k], lane[k % lanes]);
        for (int h = lanes / 2; h > 0; h /= 2)
        {
            for (int j = 0; j < h; j++)
                lane[j] += lane[j + h];
        }

        return lane[0] + 0f;
    }

    private static float Pairwise(ProductTerms terms, int start, int count)
    {
        if (count == 0)
            return 0f;
        if (count == 1)
            return terms.A[start] * terms.B[start];
        int half = (int)BitOperations.RoundUpToPowerOf2((uint)count) / 2;
        return Pairwise(terms, start, half) + Pairwise(terms, start + half, count - half);
    }

    /// <summary>Instructions of the unit, k ascending, from +0.</summary>
    private static float Chain(TensorCore u, ProductTerms terms, int start, int count)
    {
        bool after = u.Entry == AccumulatorEntry.AddedAfter;
        float d = 0f;
        for (int k = 0; k < count; k += u.K)
        {
            float sum = after ? 0f : d;
            for (int block = 0; block < u.K / u.FusedLength; block++)
                sum = Fused(u, terms, start + k, block, start + count, sum);
            d = after ? sum + d : sum;
        }

        return d;
    }

    /// <summary>One fused sum of L products and c; elements at or beyond <paramref name="end"/> are +0.</summary>
    private static float Fused(TensorCore u, ProductTerms terms, int start, int block, int end, float c)
    {
        uint bits = BitConverter.SingleToUInt32Bits(c);
        int field = (int)(bits >> 23 & 0xFF);
        if (field == 0xFF)
            return float.NaN;
        bool cIsZero = (bits << 1) == 0;
        long cMagnitude = field == 0 ? bits & 0x7FFFFF : (bits & 0x7FFFFF) | 0x800000;
        int cExponent = cIsZero ? ProductTerms.ZeroTerm : Math.Max(field, 1) - 127;

        int[] exponents = terms.Exponents;
        long[] magnitudes = terms.Magnitudes;
        bool consecutive = u.Order == FusedOrder.Consecutive;
        int L = u.FusedLength;
        int first = start + block * L;
        int largest = cExponent;
        bool zero = cIsZero;
        bool allNegative = c < 0 || (cIsZero && (int)bits < 0);
        for (int j = 0; j < L; j++)
        {
            int k = consecutive ? first + j : start + u.Index(block, j);
            int e = k < end ? Exponent(u, exponents, magnitudes, k, terms.FractionBits) : ProductTerms.ZeroTerm;
            zero |= e == ProductTerms.ZeroTerm;
            allNegative &= k < end && terms.Signs[k] != 0;
            largest = Math.Max(largest, e);
        }

        if (zero)
            largest = Math.Max(largest, u.ZeroExponent);

        long S = Align(cMagnitude, (long)(int)bits >> 63, 23 - u.FractionBits + largest - cExponent, u.Alignment);
        int bias = terms.FractionBits - u.FractionBits + largest;
        for (int j = 0; j < L; j++)
        {
            int k = consecutive ? first + j : start + u.Index(block, j);
            if (k < end && magnitudes[k] != 0)
                S += Align(magnitudes[k], terms.Signs[k], bias - exponents[k], u.Alignment);
        }

        return S == 0 ? (allNegative ? -0f : 0f) : Round(u, S, largest - u.FractionBits);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Exponent(TensorCore u, int[] exponents, long[] magnitudes, int k, int fractionBits) =>
        u.NormalisesProducts && magnitudes[k] != 0 ? exponents[k] + 63 - BitOperations.LeadingZeroCount((ulong)magnitudes[k]) - fractionBits : exponents[k];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long Align(long magnitude, long sign, int shift, AlignmentRounding rounding)
    {
        long kept = shift <= 0 ? magnitude << -shift : magnitude >> Math.Min(shift, 63);
        if (rounding != AlignmentRounding.TowardZero && shift > 0)
        {
            if (rounding == AlignmentRounding.NearestEven)
                kept = (long)FusedTerm.NearestEven((ulong)magnitude, shift);
            else if (sign != 0 && (shift > 62 ? magnitude != 0 : (magnitude & ((1L << shift) - 1)) != 0))
                kept++;
        }

        return (kept ^ sign) - sign;
    }

    /// <summary>S · 2^unit in the unit's output format; S is not 0.</summary>
    private static float Round(TensorCore u, long S, int unit)
    {
        ulong magnitude = (ulong)Math.Abs(S);
        int exponent = unit + 63 - BitOperations.LeadingZeroCount(magnitude);
        int shift = Math.Max(exponent, -126) - u.OutputFractionBits - unit;
        ulong kept = shift <= 0 ? magnitude << -shift
            : u.Rounding == OutputRounding.NearestEven ? FusedTerm.NearestEven(magnitude, shift)
            : shift >= 64 ? 0 : magnitude >> shift;
        long code = ((long)(Math.Max(exponent, -126) + 126) << 23) + (long)(kept << (23 - u.OutputFractionBits));
        if (code >= 0x7F800000)
            return float.NaN;
        return BitConverter.UInt32BitsToSingle((uint)code | (S < 0 ? 0x80000000 : 0));
    }
}
