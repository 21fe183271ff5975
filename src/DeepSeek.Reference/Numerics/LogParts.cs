using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

/// <summary>u = 2^e c (1 + r), c one of sixteen numbers: what log, log2 and log1p share.</summary>
/// <remarks>
/// <code>
/// m = u 2^-e in [45/64, 45/32)          from the encoding
/// c = 1 for m in [63/64, 33/32), elsewhere near the middle of m's interval of width 1/32 (below 1) or 1/16 (above)
/// r = m (1/c) - 1                       one fma; |r| ≤ 1/32 and a little
/// log u = (e ln 2 + log c) + (r² P(r) + (r + e tail))
/// </code>
/// Each tabulated 1/c is such that log c lies within 2^-61 of a multiple of 2^-44, which is what is tabulated; with ln 2 cut
/// at 2^-44 (plus a tail) the first bracket is exact, the second is small, and one rounding of their sum is left. For c = 1 and e = 0
/// the first bracket is 0 and the second has the relative accuracy of one rounding. P of degree 7, minimax, relative error of the
/// logarithm below 2^-56.
/// </remarks>
internal static class LogParts
{
    /// <summary>ln 2 cut at 2^-44, and the rest.</summary>
    public const double Ln2Head = 0.6931471805598903, Ln2Tail = 5.497923018708371e-14;

    /// <summary>1/c for the natural logarithm.</summary>
    public static ReadOnlySpan<double> Inverse =>
    [
        1.3913046662519264, 1.3333329084907746, 1.280000284426933, 1.2307694323890246, 1.1851853691396173, 1.142856854369711,
        1.1034483910598283, 1.066666951359366, 1.0322581916152558, 1.0, 0.9411767745059478, 0.8888891601009163,
        0.8421050580955125, 0.8000002310263881, 0.761904941053217, 0.7272728638190529,
    ];

    /// <summary>log c.</summary>
    public static ReadOnlySpan<double> LogC =>
    [
        -0.33024191573912276, -0.2876817538198111, -0.24686030014004245, -0.20763952859431356, -0.16989919200693748,
        -0.13353114019798795, -0.09844017721121645, -0.06453878803694124, -0.03174882144185176, 0.0, 0.060624298903917406,
        0.11778273054289912, 0.17185050043826777, 0.22314326253126637, 0.27193348035132203, 0.31845354336735454,
    ];

    /// <summary>1/c for the binary logarithm.</summary>
    public static ReadOnlySpan<double> Inverse2 =>
    [
        1.3913042362828492, 1.33333333979499, 1.280000057473444, 1.230769243661598, 1.1851854395035843, 1.1428571344722513,
        1.1034482748209484, 1.066666610618995, 1.0322580878810186, 1.0, 0.9411764302240044, 0.8888887465573134,
        0.8421052872790824, 0.7999995867567122, 0.7619047518237494, 0.7272727373274392,
    ];

    /// <summary>log2 c.</summary>
    public static ReadOnlySpan<double> Log2C =>
    [
        -0.47643792827966536, -0.41503750627049385, -0.35614387500390876, -0.2995602969712081, -0.2451128074116582,
        -0.19264506735765963, -0.14201900351122276, -0.09310932858551269, -0.045803722268146885, 0.0, 0.08746290312319616,
        0.1699252324510212, 0.24792747211915867, 0.32192884011760725, 0.39231744186753303, 0.45943159869170813,
    ];

    /// <summary>Splits a positive normal u into m and the integer e; the low four bits of index are the interval's number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Split<D>(D u, out D m, out D index) where D : struct, IDoubleLanes<D>
    {
        // Encoding of u plus that of 1 less that of 45/64: the exponent field is e + 1023, the rest that of m less that of 45/64.
        const ulong FortyFive64ths = 0x3FE6800000000000, One = 0x3FF0000000000000, Fraction = 0x000FFFFFFFFFFFFF;
        D shifted = D.AddBits(u, D.Of(BitConverter.UInt64BitsToDouble(One - FortyFive64ths)));
        m = D.AddBits(D.AndBits(shifted, Fraction), D.Of(BitConverter.UInt64BitsToDouble(FortyFive64ths)));
        index = D.ShiftRight(shifted, 48);
        D biased = D.OrBits(D.ShiftRight(shifted, 52), 0x4330000000000000); // 2^52 + 1023 + e
        return biased - D.Of(4503599627370496.0 + 1023.0);
    }

    /// <summary>Of log u: head = e ln 2 + log c, exact; the result is head + (r² P(r) + (r + e tail)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Sum<D>(D e, D head, D r) where D : struct, IDoubleLanes<D>
    {
        D r2 = r * r;
        D even = D.Fma(r2, D.Of(-0.12521978973779305), D.Of(-0.1666665058743178));
        even = D.Fma(r2, even, D.Of(-0.2500000000434971));
        even = D.Fma(r2, even, D.Of(-0.49999999999999684));
        D odd = D.Fma(r2, D.Of(0.11135282641292724), D.Of(0.1428569167491108));
        odd = D.Fma(r2, odd, D.Of(0.20000000008598498));
        odd = D.Fma(r2, odd, D.Of(0.33333333333332266));
        return head + D.Fma(r2, D.Fma(r, odd, even), D.Fma(e, D.Of(Ln2Tail), r));
    }
}
