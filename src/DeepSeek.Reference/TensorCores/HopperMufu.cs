namespace DeepSeek.Reference.TensorCores;

/// <summary>
/// The approximate functions of NVIDIA Hopper's multi-function unit (MUFU), bit for bit: what ex2, lg2, rcp and rsqrt .approx of
/// PTX give, which CUDA's exp2f, log2f, division and rsqrtf become under fast mathematics.
/// </summary>
/// <remarks>
/// <code>
/// part i, offset d     high and low bits of the reduced argument's fraction
/// y = (C0[i] 2^p + C1[i] d + C2[i] s(d) 2^q + bias) >> r          whole numbers; s(d) = <see cref="Square"/>, about d² / 2^19
/// </code>
/// <para>
/// 64 parts for ex2 and lg2, 128 for rcp, 64 for each parity of the exponent for rsqrt. The forms with .ftz are the unit's own: arguments
/// and results below 2^-126 are zeros. The others are what ptxas makes of it: a multiplication by a power of two before and one operation after, in binary32.
/// NaN in, or no real result: 0x7FFFFFFF.
/// </para>
/// <para>
/// Evidence: an H100 80GB HBM3 (driver 580.159.04, nvcc 13.0.88, 2026-11-26) gave these bits for all 2^24 arguments of two binades, the .ftz forms,
/// and for 2^18 arguments of every exponent and sign, subnormals and NaNs, the others. The form is Oberman and Siu's (ARITH 2005) and envytools' (nvhw/sfu.c). Coefficients are fitted from those captures alone (tools/numerics/fit_mufu.py).
/// Goldens: golden/hardware/h100/functions; algorithm, constants and what is open: docs/spec/approximate-functions.md. The contract's own functions are
/// <see cref="Numerics.Correct"/>'s; these serve to give a kernel's bits.
/// </para>
/// </remarks>
public static partial class HopperMufu
{
    private const uint Infinity = 0x7F800000, NaN = 0x7FFFFFFF;
    private const int Hidden = 1 << 23, FractionMask = Hidden - 1;

    /// <summary>The unit's truncated square of 17 bits: of each set bit b the shifted copy d >> (18 - b), its lost bits not carried; the sum loses one bit more.</summary>
    internal static int Square(int d)
    {
        int sum = 0;
        for (int rest = d; rest != 0; rest &= rest - 1)
            sum += d >> (18 - int.TrailingZeroCount(rest));
        return sum >> 1;
    }

    private static float Of(uint code) => BitConverter.UInt32BitsToSingle(code);

    private static bool IsSubnormalOrZero(float x) => (BitConverter.SingleToUInt32Bits(x) & Infinity) == 0;
}
