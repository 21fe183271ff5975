namespace DeepSeek.Reference.TensorCores;

public static partial class HopperMufu
{
    /// <summary>rcp.approx.f32: 1/x as Hopper approximates it; subnormal arguments and results count.</summary>
    /// <remarks>
    /// <code>
    /// |x| > 2^126      k = 2^-2
    /// |x| &lt; 2^-126     k = 2^24
    /// result = <see cref="ReciprocalFtz"/>(x · k) · k, rounded to nearest even       k = 1 otherwise
    /// </code>
    /// PTX ISA, rcp; the scaling is ptxas's. Captured at 2^18 arguments of every exponent.
    /// </remarks>
    public static float Reciprocal(float x)
    {
        float magnitude = MathF.Abs(x);
        float k = magnitude > 8.5070592e37f ? 0.25f : IsSubnormalOrZero(x) ? 16777216f : 1f;
        return Quiet(ReciprocalFtz(x * k) * k);
    }

    /// <summary>rcp.approx.ftz.f32: 1/x as Hopper's MUFU.RCP gives it.</summary>
    /// <remarks>
    /// <code>
    /// x = ± 2^(E - 127) (1 + f / 2^23);  i = f >> 16, d = f mod 2^16            128 parts
    /// significand = (C0 2^13 + C1 d + C2 s(2d) + 0x47E7) >> 15                  in (2^23, 2^24]
    /// code = significand + (252 - E) 2^23, with x's sign                        below 2^-126: ±0
    /// </code>
    /// Coefficients: 26, 16 and 10 bits, the second negative. Captured at all 2^24 arguments of [0.5, 2). PTX ISA, rcp. ±0 and subnormals: ±∞; ±∞: ±0.
    /// </remarks>
    public static float ReciprocalFtz(float x)
    {
        uint code = BitConverter.SingleToUInt32Bits(x), sign = code & 0x80000000;
        int exponent = (int)(code >> 23) & 255, f = (int)(code & FractionMask);
        if (float.IsNaN(x))
            return Of(NaN);
        if (exponent is 0 or 255)
            return Of(sign | (exponent == 0 ? Infinity : 0));

        ReadOnlySpan<int> c = ReciprocalTable.Slice(3 * (f >> 16), 3);
        int d = f & 0xFFFF;
        int result = (int)((((long)c[0] << 13) + (long)c[1] * d + (long)c[2] * Square(d << 1) + 0x47E7) >> 15) + ((252 - exponent) << 23);
        return Of(sign | (result < Hidden ? 0 : (uint)result));
    }
}
