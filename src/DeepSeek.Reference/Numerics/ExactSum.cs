namespace DeepSeek.Reference.Numerics;

/// <summary>An infinitely precise sum of binary32 values and of products of two of them, rounded once at the end (rule N7).</summary>
/// <remarks>
/// A fixed-point number of 672 bits: digit i is worth 2^(32 i - 298) and is held in 64 bits, so that carries wait. The unit 2^-298 is the
/// square of the smallest subnormal; the largest product is below 2^256. NaN, Inf·0 and Inf - Inf give NaN; an infinity stays one. An exact zero is +0.
/// Order never matters. After Kulisch's long accumulator.
/// </remarks>
public sealed class ExactSum
{
    private const int LowestExponent = -298;
    private const int DigitCount = 21;

    // Each pending term changes a digit by less than 2^32, so 2^30 terms fit before carries must move.
    private const int MaxPending = 1 << 30;

    private readonly long[] digits = new long[DigitCount];
    private int pending;
    private bool nan;
    private bool positiveInfinity;
    private bool negativeInfinity;

    /// <summary>Back to +0.</summary>
    public void Clear()
    {
        Array.Clear(digits);
        pending = 0;
        nan = positiveInfinity = negativeInfinity = false;
    }

    /// <summary>Adds x.</summary>
    public void Add(float x) => AddProduct(x, 1f);

    /// <summary>Adds the exact product a·b.</summary>
    public void AddProduct(float a, float b)
    {
        if (!float.IsFinite(a) || !float.IsFinite(b))
        {
            float special = a * b;
            nan |= float.IsNaN(special);
            positiveInfinity |= float.IsPositiveInfinity(special);
            negativeInfinity |= float.IsNegativeInfinity(special);
            return;
        }

        (ulong ma, int ea) = Split(a);
        (ulong mb, int eb) = Split(b);
        UInt128 m = ma * mb;
        int position = ea + eb - LowestExponent;
        int digit = position >> 5;
        m <<= position & 31;
        bool negative = float.IsNegative(a) != float.IsNegative(b);
        while (m != 0)
        {
            long part = (long)(uint)m;
            digits[digit] += negative ? -part : part;
            m >>= 32;
            digit++;
        }

        if (++pending == MaxPending)
            Carry(digits, out pending);
    }

    /// <summary>The sum, rounded once to binary32, ties to even.</summary>
    public float ToSingle() => (float)RoundToOdd();

    /// <summary>The sum, rounded once to bfloat16, ties to even.</summary>
    public BFloat16 ToBFloat16() => BFloat16.FromDouble(RoundToOdd());

    /// <summary>The sum, rounded once to binary64, ties to even.</summary>
    public double ToDouble() => Round(53, odd: false);

    /// <summary>
    /// The sum as a binary64 whose last bit also says whether anything was cut off ("round to odd"): rounding that once more to a format of at most
    /// 51 bits gives the correctly rounded sum. Every value here is far inside binary64's normal range.
    /// </summary>
    private double RoundToOdd() => Round(53, odd: true);

    private double Round(int bits, bool odd)
    {
        if (nan || (positiveInfinity && negativeInfinity))
            return double.NaN;
        if (positiveInfinity)
            return double.PositiveInfinity;
        if (negativeInfinity)
            return double.NegativeInfinity;

        long[] d = (long[])digits.Clone();
        bool negative = Carry(d, out _) < 0;
        if (negative)
        {
            for (int i = 0; i < DigitCount; i++)
                d[i] = -d[i];
            Carry(d, out _);
        }

        int top = DigitCount - 1;
        while (top >= 0 && d[top] == 0)
            top--;
        if (top < 0)
            return 0.0;

        // The leading 96 bits or more, and whether anything lies below them.
        UInt128 lead = 0;
        for (int i = top; i > top - 4; i--)
            lead = (lead << 32) | (i >= 0 ? (uint)d[i] : 0u);
        bool below = false;
        for (int i = top - 4; i >= 0; i--)
            below |= d[i] != 0;

        int length = 128 - (int)UInt128.LeadingZeroCount(lead);
        int cut = length - bits;
        UInt128 kept = lead >> cut;
        UInt128 rest = lead - (kept << cut);
        if (odd)
        {
            if (rest != 0 || below)
                kept |= 1;
        }
        else
        {
            UInt128 half = UInt128.One << (cut - 1);
            if (rest > half || (rest == half && (below || (kept & 1) != 0)))
                kept++;
        }

        double value = Math.ScaleB((double)(ulong)kept, cut + 32 * (top - 3) + LowestExponent);
        return negative ? -value : value;
    }

    /// <summary>Moves carries up so that every digit but the last lies in [0, 2^32); returns the last digit.</summary>
    private static long Carry(long[] d, out int pending)
    {
        for (int i = 0; i < DigitCount - 1; i++)
        {
            long carry = d[i] >> 32;
            d[i] -= carry << 32;
            d[i + 1] += carry;
        }

        pending = 0;
        return d[DigitCount - 1];
    }

    /// <summary>|x| = m · 2^e with an integer m below 2^24.</summary>
    private static (ulong M, int E) Split(float x)
    {
        uint u = BitConverter.SingleToUInt32Bits(x);
        int exponent = (int)(u >> 23) & 0xFF;
        uint fraction = u & 0x7FFFFF;
        return exponent == 0 ? (fraction, -149) : (fraction | 0x800000, exponent - 150);
    }
}
