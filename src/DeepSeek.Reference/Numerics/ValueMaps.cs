namespace DeepSeek.Reference.Numerics;

/// <summary>The kinds of random values that tests and synthetic checkpoints are made of (rule N14).</summary>
public enum ValueMap
{
    /// <summary>Multiples of 2^-23 in [-1, 1), equally likely.</summary>
    Uniform,

    /// <summary>Integers -8 to 8, equally likely: sums of products of them are exact in any order.</summary>
    Int,

    /// <summary>Bell-shaped in (-2, 2), standard deviation 0.577: a stand-in for a normal distribution without log or cos.</summary>
    Bell,

    /// <summary>±2^e (1 + m/128) with e from -16 to 15 and m from 0 to 127: exact in bfloat16, magnitudes over ten decades.</summary>
    LogSpread,

    /// <summary>Bell, with one element in 512 times 128: activations with outliers.</summary>
    Outlier,

    /// <summary>Finite values at which formats and roundings change, <see cref="ValueMaps.Boundaries"/>, with either sign.</summary>
    Boundary,

    /// <summary>-0.5, 0, 0.5 or 1: ties everywhere.</summary>
    Tie,
}

/// <summary>How random words become values: integer operations and exact scalings, the same bits in any language (rule N14).</summary>
/// <remarks>
/// <code>
/// Uniform    ((u >> 8) - 2^23) · 2^-23
/// Int(k)     ⌊u (2k + 1) / 2^32⌋ - k                                          k = 8 in ValueMap.Int
/// Bell       (u mod 2^16 + (u >> 16) + v mod 2^16 + (v >> 16) - 131070) · 2^-16
/// LogSpread  (-1)^(u >> 31) · 2^(((u >> 7) mod 32) - 16) · (1 + (u mod 128)/128)
/// Outlier    Bell(u, v) · (128 if w mod 512 = 0, else 1)
/// Boundary   entry ((u >> 27) mod 16) of Boundaries, negated if u >> 31
/// Tie        (u >> 30) · 0.5 - 0.5
/// </code>
/// Element i takes word i; Bell words 2i and 2i + 1; Outlier words 4i, 4i + 1 and 4i + 2 (docs/spec/random.md).
/// </remarks>
public static class ValueMaps
{
    private static readonly uint[] BoundaryBits =
    [
        0x00000000, // 0
        0x00000001, // 2^-149, the smallest subnormal
        0x007FFFFF, // the largest subnormal
        0x00800000, // 2^-126, the smallest normal
        0x3B000000, // 2^-9, the smallest E4M3 subnormal
        0x3C800000, // 2^-6, the smallest E4M3 normal
        0x3F7FFFFF, // 1 - 2^-24
        0x3F800000, // 1
        0x3F800001, // 1 + 2^-23
        0x3F808000, // 1 + 2^-8, a tie of bfloat16 that goes down
        0x3F818000, // 1 + 3·2^-8, a tie of bfloat16 that goes up
        0x43E00000, // 448, the largest E4M3
        0x43E80000, // 464, the tie above it
        0x4B800000, // 2^24, from where odd integers are missing
        0x7F7F7FFF, // below the tie at which bfloat16 overflows
        0x7F7FFFFF, // the largest binary32, which bfloat16 rounds to infinity
    ];

    /// <summary>The sixteen magnitudes of <see cref="ValueMap.Boundary"/>, as binary32 bits.</summary>
    public static ReadOnlySpan<uint> Boundaries => BoundaryBits;

    /// <summary>The value of a map that takes one word.</summary>
    /// <exception cref="ContractException">The map takes more words, or is none.</exception>
    public static float OfWord(ValueMap map, uint u) => map switch
    {
        ValueMap.Uniform => ((int)(u >> 8) - (1 << 23)) * (1f / (1 << 23)),
        ValueMap.Int => Int(u, 8),
        ValueMap.LogSpread => LogSpread(u),
        ValueMap.Boundary => BitConverter.UInt32BitsToSingle(BoundaryBits[(u >> 27) & 15] | (u & 0x80000000)),
        ValueMap.Tie => (u >> 30) * 0.5f - 0.5f,
        _ => throw new ContractException($"{map} is not a map of one random word"),
    };

    /// <summary>An integer from -k to k; k below 2^23.</summary>
    public static float Int(uint u, int k) => (int)((ulong)u * (uint)(2 * k + 1) >> 32) - k;

    /// <summary>The sum of four uniform 16-bit integers, centred.</summary>
    public static float Bell(uint u, uint v) => ((int)((u & 0xFFFF) + (u >> 16) + (v & 0xFFFF) + (v >> 16)) - 131070) * (1f / 65536);

    /// <summary>Bell, times 128 where the third word says so.</summary>
    public static float Outlier(uint u, uint v, uint w) => Bell(u, v) * (w % 512 == 0 ? 128f : 1f);

    private static float LogSpread(uint u) =>
        BitConverter.UInt32BitsToSingle((u & 0x80000000) | (127 - 16 + ((u >> 7) & 31)) << 23 | (u & 127) << 16);
}
