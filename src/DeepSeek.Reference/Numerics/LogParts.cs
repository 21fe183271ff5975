using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

/// <summary>u = 2^e (1 + f), and log(1 + f) = f - c: what log, log2 and log1p share.</summary>
/// <remarks>
/// <code>
/// e, m: u = 2^e m with √½ ≤ m &lt; √2           from the encoding; f = m - 1 is exact
/// s = f / (2 + f),  z = s²                     log(1 + f) = 2 atanh(s) = 2 s + s R,  2 s = f - s f
/// R = z L(z)                                   L of degree 6, minimax, relative error of the logarithm below 2^-59
/// c = f²/2 - s (f²/2 + R)                      small beside f: its roundings hardly reach the last bit of f - c
/// </code>
/// </remarks>
internal static class LogParts
{
    public const double Ln2Head = 0.6931471805582987;
    public const double Ln2Tail = 1.6465949582897082e-12;
    private const ulong ExponentMask = 0xFFF0000000000000;

    /// <summary>Splits a positive normal u; e is an integer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Split<D>(D u, out D f) where D : struct, IDoubleLanes<D>
    {
        // Encoding of u plus that of 1 less that of √½ (0x3FE6A09E667F3BCD): its exponent field is e + 1023.
        D shifted = D.AddBits(u, D.Of(BitConverter.UInt64BitsToDouble(0x00095F619980C433)));
        D m = D.SubtractBits(u, D.SubtractBits(D.AndBits(shifted, ExponentMask), D.Of(1.0)));
        f = m - D.Of(1.0);
        D biased = D.OrBits(D.ShiftRight(shifted, 52), 0x4330000000000000); // 2^52 + 1023 + e
        return biased - D.Of(4503599627370496.0 + 1023.0);
    }

    /// <summary>c with log(1 + f) = f - c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Correction<D>(D f) where D : struct, IDoubleLanes<D>
    {
        D s = f / (D.Of(2.0) + f);
        D z = s * s;
        D w = z * z;
        D odd = D.Fma(w, D.Of(0.15314075317851628), D.Of(0.2222219859981679));
        odd = D.Fma(w, odd, D.Of(0.39999999999416536));
        D even = D.Fma(w, D.Of(0.14795739373091218), D.Of(0.181835631768943));
        even = D.Fma(w, even, D.Of(0.2857142874206722));
        even = D.Fma(w, even, D.Of(0.6666666666666734));
        D R = z * D.Fma(z, odd, even);
        D half = D.Of(0.5) * f * f;
        return D.Fma(-s, half + R, half);
    }
}
