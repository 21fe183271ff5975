using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Faulty;

/// <summary>A chain of E4M3 instructions of Hopper's kind (32 products a fused sum, binary32 codes out), in whole numbers: the same bits as <see cref="TensorCore.Define(ReadOnlySpan{uint}, ReadOnlySpan{uint}, uint)"/> on finite values, and faster.</summary>
/// <param name="fractionBits">F: bits kept behind the point of the largest exponent.</param>
/// <param name="outputFractionBits">Fraction bits of the result.</param>
internal sealed class HopperChain(int fractionBits, int outputFractionBits)
{
    private const int Length = 32;
    private const int CodeFractionBits = 3;
    private const int SingleFractionBits = 23;

    private static readonly int[] Significands = [.. Enumerable.Range(0, 256).Select(Significand)];
    private static readonly int[] Exponents = [.. Enumerable.Range(0, 256).Select(Exponent)];

    /// <summary>The chain of the report: 13 bits.</summary>
    public static HopperChain AsMeasured { get; } = new(TensorCore.HopperWgmmaE4M3F32.FractionBits, TensorCore.HopperWgmmaE4M3F32.OutputFractionBits);

    /// <summary>c and the products of codes without NaN, instruction by instruction; the codes are whole instructions.</summary>
    public float Sum(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, float c)
    {
        Span<int> products = stackalloc int[Length], exponents = stackalloc int[Length];
        for (int k = 0; k < a.Length; k += Length)
            c = Instruction(a.Slice(k, Length), b.Slice(k, Length), c, products, exponents);
        return c;
    }

    private float Instruction(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, float c, Span<int> products, Span<int> exponents)
    {
        uint bits = BitConverter.SingleToUInt32Bits(c);
        int fieldOfC = (int)(bits >> SingleFractionBits & 255);
        int largest = c == 0 ? int.MinValue : Math.Max(fieldOfC, 1) - 127;
        for (int j = 0; j < Length; j++)
        {
            products[j] = Significands[a[j]] * Significands[b[j]];
            exponents[j] = Exponents[a[j]] + Exponents[b[j]];
            if (products[j] != 0)
                largest = Math.Max(largest, exponents[j]);
        }

        if (largest == int.MinValue)
            return 0f;
        long sum = 0;
        for (int j = 0; j < Length; j++)
            sum += Aligned(products[j], exponents[j] - 2 * CodeFractionBits - largest + fractionBits);
        if (c != 0)
        {
            long significand = (bits & 0x7FFFFF) | (fieldOfC == 0 ? 0u : 0x800000u);
            sum += Aligned(c < 0 ? -significand : significand, Math.Max(fieldOfC, 1) - 127 - SingleFractionBits - largest + fractionBits);
        }

        return Cut(sum, largest - fractionBits);
    }

    /// <summary>term · 2^shift, the magnitude cut.</summary>
    private static long Aligned(long term, int shift) =>
        shift >= 0 ? term << shift : shift <= -63 ? 0 : term < 0 ? -(-term >> -shift) : term >> -shift;

    private float Cut(long sum, int unit)
    {
        if (sum == 0)
            return 0f;
        ulong magnitude = (ulong)Math.Abs(sum);
        int drop = 64 - (int)ulong.LeadingZeroCount(magnitude) - 1 - outputFractionBits;
        if (drop > 0)
            magnitude = magnitude >> drop << drop;
        return (float)(Math.Sign(sum) * Math.ScaleB((double)magnitude, unit));
    }

    private static int Significand(int code)
    {
        int magnitude = (code >> CodeFractionBits & 15) == 0 ? code & 7 : code & 7 | 8;
        return (code & 128) != 0 ? -magnitude : magnitude;
    }

    private static int Exponent(int code) => Math.Max(code >> CodeFractionBits & 15, 1) - 7;
}
