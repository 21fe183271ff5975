namespace DeepSeek.Reference.TensorCores;

public static partial class HopperMufu
{
    /// <summary>lg2.approx.f32: log2 x as Hopper approximates it; subnormal arguments count.</summary>
    /// <remarks>
    /// <code>
    /// |x| ≥ 2^-126     <see cref="Log2Ftz"/>(x)
    /// |x| &lt; 2^-126     Log2Ftz(x · 2^24) - 24, rounded to nearest even
    /// </code>
    /// PTX ISA, lg2; the scaling is ptxas's. Captured at 2^18 arguments of every exponent. ±0: -∞; below 0: NaN.
    /// </remarks>
    public static float Log2(float x) => IsSubnormalOrZero(x) ? Quiet(Log2Ftz(x * 16777216f) - 24f) : Log2Ftz(x);

    /// <summary>lg2.approx.ftz.f32: log2 x as Hopper's MUFU.LG2 gives it.</summary>
    /// <remarks>
    /// <code>
    /// x = 2^e (1 + f / 2^23);  i = f >> 17, d = f mod 2^17                      64 parts
    /// t = (C0 2^12 + C1 d + C2 s(d) 2 + 0x3345) >> 2                            36 fraction bits; 0 for x = 1
    /// t = t + e 2^36;  t &lt; 0: t = -t - 1, the result's sign set                one's complement
    /// result = t cut to its 24 leading bits
    /// </code>
    /// Coefficients: 26, 16 and 10 bits, the last negative. Captured at all 2^24 arguments of [0.5, 2). PTX ISA, lg2. ±0 and subnormals: -∞; below 0: NaN.
    /// </remarks>
    public static float Log2Ftz(float x)
    {
        uint code = BitConverter.SingleToUInt32Bits(x);
        int exponent = (int)(code >> 23) & 255, f = (int)(code & FractionMask);
        if (exponent == 0)
            return float.NegativeInfinity;
        if (float.IsNaN(x) || code >> 31 != 0)
            return Of(NaN);
        if (exponent == 255)
            return float.PositiveInfinity;

        long t = 0;
        if (f != 0 || exponent != 127)
        {
            ReadOnlySpan<int> c = Log2Table.Slice(3 * (f >> 17), 3);
            int d = f & 0x1FFFF;
            t = (((long)c[0] << 12) + (long)c[1] * d + ((long)c[2] * Square(d) << 1) + 0x3345) >> 2;
        }

        t += (long)(exponent - 127) << 36;
        uint sign = t < 0 ? 0x80000000u : 0u;
        if (t < 0)
            t = -t - 1;
        if (t == 0)
            return 0f;
        int bits = 64 - (int)long.LeadingZeroCount(t);
        long significand = bits >= 24 ? t >> (bits - 24) : t << (24 - bits);
        return Of(sign | ((uint)(bits - 37 + 127) << 23) | ((uint)significand & FractionMask));
    }

    /// <summary>The unit's NaN in place of the host's.</summary>
    private static float Quiet(float y) => float.IsNaN(y) ? Of(NaN) : y;
}
