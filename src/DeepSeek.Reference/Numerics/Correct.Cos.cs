using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>cos x, correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// k = round(x / π + 1/2)
    /// cos x = sin(x + π/2) = (-1)^k sin(x - (k - 1/2) π)     SineParts
    /// </code>
    /// For |x| ≤ 2^20. Beyond, and for ±∞ and NaN (whose result is NaN), see LargeAngle: an argument reduction of its own,
    /// the same bits everywhere. cos(±0) = 1.
    /// Error of the binary64 value: about one unit of its last place; one rounding of it is wrong for no argument.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Cos(float x) => ElementMap<CosFunction>.Scalar(x);

    /// <summary>y_i = cos x_i; the bits of <see cref="Cos(float)"/>.</summary>
    /// <exception cref="ShapeException">x and y differ in length.</exception>
    public static void Cos(ReadOnlySpan<float> x, Span<float> y) => ElementMap<CosFunction>.Span(x, y);
}

/// <summary>The steps of <see cref="Correct.Cos(float)"/>.</summary>
internal readonly struct CosFunction : IElementFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers<F>(F x) where F : struct, IFloatLanes<F> => F.AllWithin(x, SineParts.Limit);

    public static float Elsewhere(float x) => LargeAngle.Cos(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Clamp<F>(F x) where F : struct, IFloatLanes<F> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Core<D>(D x) where D : struct, IDoubleLanes<D>
    {
        D scaled = D.Fma(x, D.Of(SineParts.InversePi), D.Of(0.5)) + D.Of(ExpParts.RoundToInteger);
        D y = SineParts.Reduced(x, scaled - D.Of(ExpParts.RoundToInteger) - D.Of(0.5));
        return D.XorBits(y, D.ShiftLeft(scaled, 63));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F> => y;
}
