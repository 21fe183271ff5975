namespace DeepSeek.Reference.TensorCores;

/// <summary>One term of a fused sum: a product, or the accumulator.</summary>
/// <param name="Kind">The class of the product or accumulator.</param>
/// <param name="Negative">Its sign.</param>
/// <param name="Exponent">Its exponent, as the unit has it: not normalised.</param>
/// <param name="Significand">Its significand, exact.</param>
/// <param name="FractionBits">Bits of the significand behind the point: the value is Significand · 2^(Exponent - FractionBits).</param>
public readonly record struct FusedTerm(ElementKind Kind, bool Negative, int Exponent, ulong Significand, int FractionBits)
{
    /// <summary>Bits that alignment to <paramref name="kept"/> bits behind the point of exponent <paramref name="largest"/> shifts out; negative where it appends zeros.</summary>
    public int Shift(int largest, int kept) => FractionBits - kept + (largest - Exponent);

    /// <summary>The term as a multiple of 2^(largest - kept).</summary>
    public long Align(int largest, int kept, AlignmentRounding rounding)
    {
        int shift = Shift(largest, kept);
        long magnitude;
        if (shift <= 0)
            magnitude = (long)(Significand << -shift);
        else if (rounding == AlignmentRounding.NearestEven)
            magnitude = (long)NearestEven(Significand, shift);
        else
            magnitude = shift >= 64 ? 0 : (long)(Significand >> shift);

        bool down = rounding == AlignmentRounding.Downward && Negative && Lost(shift) != 0;
        return Negative ? -magnitude - (down ? 1 : 0) : magnitude;
    }

    /// <summary>The low bits of the significand that alignment shifts out.</summary>
    public ulong Lost(int shift) => shift <= 0 ? 0 : shift >= 64 ? Significand : Significand & ((1UL << shift) - 1);

    /// <summary>m / 2^shift to the nearest integer, ties to even; shift is positive and m below 2^63.</summary>
    internal static ulong NearestEven(ulong m, int shift)
    {
        if (shift >= 64)
            return 0;
        ulong kept = m >> shift;
        ulong rest = m - (kept << shift);
        ulong half = 1UL << (shift - 1);
        return rest > half || (rest == half && (kept & 1) != 0) ? kept + 1 : kept;
    }
}
