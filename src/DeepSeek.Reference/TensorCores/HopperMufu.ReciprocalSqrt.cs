namespace DeepSeek.Reference.TensorCores;

public static partial class HopperMufu
{
    /// <summary>rsqrt.approx.f32: 1/√x as Hopper approximates it; subnormal arguments count.</summary>
    /// <remarks>
    /// <code>
    /// |x| ≥ 2^-126     <see cref="ReciprocalSqrtFtz"/>(x)
    /// |x| &lt; 2^-126     ReciprocalSqrtFtz(x · 2^24) · 2^12, exact
    /// </code>
    /// PTX ISA, rsqrt; the scaling is ptxas's. Captured at 2^18 arguments of every exponent. ±0: ±∞; below 0: NaN.
    /// </remarks>
    public static float ReciprocalSqrt(float x) => IsSubnormalOrZero(x) ? Quiet(ReciprocalSqrtFtz(x * 16777216f) * 4096f) : ReciprocalSqrtFtz(x);

    /// <summary>rsqrt.approx.ftz.f32: 1/√x as Hopper's MUFU.RSQ gives it.</summary>
    /// <remarks>
    /// <code>
    /// x = 2^e (1 + f / 2^23);  v = f + (e mod 2) 2^23;  i = v >> 17, d = v mod 2^17        64 parts for each parity
    /// significand = (C0 2^14 + C1 d + C2 s(d) 4 + 0x7FFF) >> 16                            2^24 for v = 0
    /// code = significand + (125 - floor(e / 2)) 2^23
    /// </code>
    /// Coefficients: 26, 16 and 10 bits, the second negative. Captured at all 2^24 arguments of [1, 4). PTX ISA, rsqrt. ±0 and subnormals: ±∞; below 0: NaN; +∞: +0.
    /// </remarks>
    public static float ReciprocalSqrtFtz(float x)
    {
        uint code = BitConverter.SingleToUInt32Bits(x), sign = code & 0x80000000;
        int exponent = (int)(code >> 23) & 255;
        if (exponent == 0)
            return Of(sign | Infinity);
        if (float.IsNaN(x) || sign != 0)
            return Of(NaN);
        if (exponent == 255)
            return 0f;

        int e = exponent - 127, v = (int)(code & FractionMask) | ((e & 1) << 23), d = v & 0x1FFFF;
        ReadOnlySpan<int> c = ReciprocalSqrtTable.Slice(3 * (v >> 17), 3);
        int significand = v == 0 ? 1 << 24 : (int)((((long)c[0] << 14) + (long)c[1] * d + ((long)c[2] * Square(d) << 2) + 0x7FFF) >> 16);
        return Of((uint)(significand + ((125 - (e >> 1)) << 23)));
    }
}
