namespace DeepSeek.Reference.TensorCores;

public static partial class HopperMufu
{
    /// <summary>ex2.approx.f32: 2^x as Hopper approximates it; subnormal results are kept.</summary>
    /// <remarks>
    /// <code>
    /// x ≥ -126     <see cref="Exp2Ftz"/>(x)
    /// x &lt; -126     y = Exp2Ftz(x · 0.5),  y · y rounded to nearest even
    /// </code>
    /// PTX ISA, ex2; the scaling is ptxas's. Captured at 2^18 arguments of every exponent. 2^x is exact for whole x ≥ -149; ±0 and subnormals give 1.
    /// </remarks>
    public static float Exp2(float x)
    {
        if (!(x < -126f))
            return Exp2Ftz(x);
        float y = Exp2Ftz(x * 0.5f);
        return y * y;
    }

    /// <summary>ex2.approx.ftz.f32: 2^x as Hopper's MUFU.EX2 gives it.</summary>
    /// <remarks>
    /// <code>
    /// v = |x| to 23 fraction bits, truncated;  v = 0 for subnormals             |x| ≥ 128: +∞ or +0
    /// whole, f = v's parts;  x &lt; 0 and f ≠ 0: whole = -whole - 1, f = 2^23 - 1 - f        one's complement: one unit below the true fraction
    /// i = f >> 17, d = f mod 2^17                                               64 parts
    /// significand = (C0 2^13 + C1 d + C2 s(d) + 0x77E2) >> 15                   in [2^23, 2^24]
    /// code = significand + (whole + 126) 2^23                                   below 2^-126: +0
    /// </code>
    /// Coefficients: 26, 16 and 10 bits. Captured at all 2^24 arguments of [1, 4). PTX ISA, ex2. The .ftz form below -126 has not been captured: +0 is PTX's.
    /// </remarks>
    public static float Exp2Ftz(float x)
    {
        uint code = BitConverter.SingleToUInt32Bits(x);
        bool negative = code >> 31 != 0;
        int exponent = (int)(code >> 23) & 255;
        if (float.IsNaN(x))
            return Of(NaN);
        if (exponent >= 127 + 7)
            return Of(negative ? 0 : Infinity);

        int significand = (int)(code & FractionMask) | Hidden, shift = exponent - 127;
        int v = exponent == 0 ? 0 : shift >= 0 ? significand << shift : significand >> Math.Min(-shift, 31);
        int whole = v >> 23, f = v & FractionMask;
        if (negative)
        {
            whole = f == 0 ? -whole : -whole - 1;
            f = f == 0 ? 0 : FractionMask - f;
        }

        ReadOnlySpan<int> c = Exp2Table.Slice(3 * (f >> 17), 3);
        int d = f & 0x1FFFF;
        int result = (int)((((long)c[0] << 13) + (long)c[1] * d + (long)c[2] * Square(d) + 0x77E2) >> 15) + ((whole + 126) << 23);
        return Of(result < Hidden ? 0 : (uint)result);
    }
}
