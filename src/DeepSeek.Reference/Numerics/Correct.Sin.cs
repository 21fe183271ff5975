using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>sin x, correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// k = round(x / π)
    /// sin x = (-1)^k sin(x - k π)     SineParts
    /// </code>
    /// For |x| ≤ 2^20. Beyond, and for ±∞ and NaN (whose result is NaN), see LargeAngle: an argument reduction of its own,
    /// the same bits everywhere. sin(-0) = -0; a subnormal x is its own result.
    /// Error of the binary64 value: about one unit of its last place (half from r, half from the sum); one rounding of it is wrong for
    /// one pair ±x, which is listed.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Sin(float x) => ElementMap<SinFunction>.Scalar(x);

    /// <summary>y_i = sin x_i; the bits of <see cref="Sin(float)"/>.</summary>
    /// <exception cref="ShapeException">x and y differ in length.</exception>
    public static void Sin(ReadOnlySpan<float> x, Span<float> y) => ElementMap<SinFunction>.Span(x, y);
}

/// <summary>The steps of <see cref="Correct.Sin(float)"/>.</summary>
internal readonly struct SinFunction : IElementFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers<F>(F x) where F : struct, IFloatLanes<F> => F.AllWithin(x, SineParts.Limit);

    public static float Elsewhere(float x) => LargeAngle.Sin(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Clamp<F>(F x) where F : struct, IFloatLanes<F> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Core<D>(D x) where D : struct, IDoubleLanes<D>
    {
        D scaled = D.Fma(x, D.Of(SineParts.InversePi), D.Of(ExpParts.RoundToInteger));
        D y = SineParts.Reduced(x, scaled - D.Of(ExpParts.RoundToInteger));
        return D.XorBits(y, D.ShiftLeft(scaled, 63));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F>
    {
        y = F.Except(x, y, 0x46199998, 0xBEB1FA5D);
        y = F.Except(x, y, 0xC6199998, 0x3EB1FA5D);
        return F.KeepZero(x, y);
    }
}
