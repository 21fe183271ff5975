using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

/// <summary>sin r for |r| ≤ π/2: what sin and cos share.</summary>
/// <remarks>
/// <code>
/// r = x - k π        π = head + tail, both binary64. k·head is a multiple of 2^-52 and r is below 2, so the first fma is exact;
///                    the tail of the tail is below 2^-107 k, far below the last bit of the smallest r that occurs
/// sin r = r + r³ S(r²)       S of degree 7, minimax, relative error below 2^-61
/// </code>
/// k is an integer (sin) or half of an odd one (cos), below 2^19.
/// </remarks>
internal static class SineParts
{
    /// <summary>Up to here one reduction by two pieces of π serves.</summary>
    public const float Limit = 1048576f;

    public const double InversePi = 0.3183098861837907;
    private const double PiHead = 3.141592653589793;
    private const double PiTail = 1.2246467991473532e-16;

    /// <summary>sin(x - k π).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Reduced<D>(D x, D k) where D : struct, IDoubleLanes<D>
    {
        D r = D.Fma(k, D.Of(-PiHead), x);
        return Sine(D.Fma(k, D.Of(-PiTail), r));
    }

    /// <summary>sin r.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Sine<D>(D r) where D : struct, IDoubleLanes<D>
    {
        D t = r * r;
        return D.Fma(r * t, Series(t), r);
    }

    /// <summary>S(t), t = r².</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Series<D>(D t) where D : struct, IDoubleLanes<D>
    {
        D w = t * t;
        D odd = D.Fma(w, D.Of(2.721419430170393e-15), D.Of(1.6058941002089783e-10));
        odd = D.Fma(w, odd, D.Of(2.755731921156948e-06));
        odd = D.Fma(w, odd, D.Of(0.008333333333333207));
        D even = D.Fma(w, D.Of(-7.643019362417648e-13), D.Of(-2.505210690442109e-08));
        even = D.Fma(w, even, D.Of(-0.0001984126984121248));
        even = D.Fma(w, even, D.Of(-0.16666666666666666));
        return D.Fma(t, odd, even);
    }
}
