using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>Where the E4M3 codes of bfloat16 elements step up, for every scale that a bfloat16 amax has where no clamp raises it.</summary>
/// <remarks>
/// Amax has one of 128 fractions then, and with it the scale and the factor; x has one of 128 too. Powers of two aside, these two decide the code, which steps up eight times from one
/// power of two to the next, at least eight fractions of x apart. So, where the code is that of a normal number,
/// <code>
/// code = (u + rise[(u / 4) mod 32]) / 16 - offset        u the encoding of |x|, 16 bits; quotients rounded down
/// </code>
/// with a rise for every four fractions, within which the code steps at most once. The rises are taken from the definition's own steps, once for each arithmetic.
/// </remarks>
internal sealed class BFloat16Steps
{
    /// <summary>Rises of one amax, a 512-bit register of them.</summary>
    public const int Rises = 32;

    private const int Fractions = 128;
    private const uint One = 127;

    /// <summary>Any exponent from which a quotient is neither below the normal numbers nor above the largest: 2^-4 beside an amax from 1 to 2.</summary>
    private const uint Sample = 123u << 7;

    private static readonly BFloat16Steps?[] Known = new BFloat16Steps?[2 * Enum.GetValues<QuantizerArithmetic>().Length];

    private readonly ushort[] rises = new ushort[Fractions * Rises];
    private readonly int[] offsets = new int[Fractions];

    private BFloat16Steps(QuantizeAttributes attributes)
    {
        for (uint fraction = 0; fraction < Fractions; fraction++)
            Take(TileScale.Of(Value(One << 7 | fraction), Quantize.LargestE4M3, attributes), fraction);
    }

    /// <summary>The steps of an arithmetic with a scale format.</summary>
    public static BFloat16Steps Of(QuantizeAttributes attributes)
    {
        ref BFloat16Steps? known = ref Known[2 * (int)attributes.Arithmetic + (attributes.ScaleFormat == ScaleFormat.UE8M0 ? 1 : 0)];
        // Two threads may both make them: they are the same.
        return Volatile.Read(ref known) ?? Interlocked.CompareExchange(ref known, new(attributes with { Clamp = QuantizationClamp.None }), null) ?? known;
    }

    /// <summary>The least amax that no clamp raises, nor the scale that follows from it.</summary>
    public static uint LeastAmax(QuantizationClamp clamp) => BitConverter.SingleToUInt32Bits(clamp switch
    {
        QuantizationClamp.Amax => TileScale.Least,
        QuantizationClamp.Scale => 512f * TileScale.Least,
        _ => 0f,
    });

    /// <summary>The rises of the tiles whose amax has this binary32 encoding, of a bfloat16.</summary>
    public ref ushort RisesOf(uint amax) => ref rises[(int)(amax >> 16) % Fractions * Rises];

    /// <summary>The offset of the tiles whose amax has this binary32 encoding, of a bfloat16.</summary>
    public int OffsetOf(uint amax) => offsets[(int)(amax >> 16) % Fractions] + 8 * ((int)(amax >> 23) - (int)One);

    /// <summary>The least encoding of |x|, 16 bits, from which a code with this offset is surely a normal number's.</summary>
    public static int LeastNormal(int offset) => (offset + 8) << 4;

    private void Take(TileScale scale, uint fraction)
    {
        int[] codes = new int[Fractions];
        for (uint m = 0; m < Fractions; m++)
            codes[m] = Float8E4M3.FromSingle(scale.Quotient(Value(Sample | m)), Fp8Overflow.Saturate).Bits;
        // One more than needed, so that no rise is below zero.
        offsets[fraction] = (int)(Sample >> 4) + 1 - codes[0];
        for (int m = 0; m < Fractions; m += 4)
        {
            int kept = 1;
            while (kept < 4 && codes[m + kept] == codes[m])
                kept++;
            rises[fraction * Rises + m / 4] = (ushort)(16 * (codes[m] - codes[0] + 2) - m - kept);
        }
    }

    private static float Value(uint bfloat16) => BitConverter.UInt32BitsToSingle(bfloat16 << 16);
}
