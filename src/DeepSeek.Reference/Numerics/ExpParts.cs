using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

/// <summary>e^x = 2^k (1 + p): what exp, expm1, tanh, sigmoid and silu share.</summary>
/// <remarks>
/// <code>
/// k = round(x / ln 2)                       by adding 1.5·2^52: k stands in the low bits of the sum
/// r = x - k ln 2                            |r| ≤ 0.3466; ln 2 = 38 bits + a tail, so k·head is exact and the first fma too
/// p = r + r² P(r) ≈ e^r - 1                 P of degree 9, minimax, relative error of e^r below 2^-56
/// </code>
/// |x| up to about 700. For k = 0, r = x exactly and p has the relative accuracy of one rounding.
/// </remarks>
internal static class ExpParts
{
    /// <summary>1.5·2^52: adding it rounds to an integer.</summary>
    public const double RoundToInteger = 6755399441055744.0;

    private const double InverseLn2 = 1.4426950408889634;
    private const double Ln2Head = 0.6931471805582987;
    private const double Ln2Tail = 1.6465949582897082e-12;

    /// <summary>p = e^r - 1; scaled holds k in its low bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Reduce<D>(D x, out D scaled) where D : struct, IDoubleLanes<D>
    {
        scaled = D.Fma(x, D.Of(InverseLn2), D.Of(RoundToInteger));
        D k = scaled - D.Of(RoundToInteger);
        D r = D.Fma(k, D.Of(-Ln2Head), x);
        r = D.Fma(k, D.Of(-Ln2Tail), r);
        D r2 = r * r;

        D even = D.Fma(r2, D.Of(2.7630250213769725e-07), D.Of(2.480149309382781e-05));
        even = D.Fma(r2, even, D.Of(0.0013888888943634928));
        even = D.Fma(r2, even, D.Of(0.04166666666653014));
        even = D.Fma(r2, even, D.Of(0.5000000000000011));
        D odd = D.Fma(r2, D.Of(2.5000079544519585e-08), D.Of(2.7557586321899313e-06));
        odd = D.Fma(r2, odd, D.Of(0.00019841269506632188));
        odd = D.Fma(r2, odd, D.Of(0.008333333333494439));
        odd = D.Fma(r2, odd, D.Of(0.16666666666666413));
        return D.Fma(r2, D.Fma(r, odd, even), r);
    }

    /// <summary>y·2^k, for a normal result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Scale<D>(D y, D scaled) where D : struct, IDoubleLanes<D> => D.AddBits(y, D.ShiftLeft(scaled, 52));

    /// <summary>2^k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Power<D>(D scaled) where D : struct, IDoubleLanes<D> => Scale(D.Of(1.0), scaled);
}
