using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>log2 x, the binary logarithm, correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// log2 x = e + (f - c) / ln 2            e, f, c of LogParts; 1/ln 2 = g + g' as two binary64
    /// h = rn(f g),  l = f g - h + f g' - c g       h is exact up to l
    /// t = rn(e + h),  log2 x = t + ((h - (t - e)) + l)
    /// </code>
    /// Powers of two give integers exactly. log2(±0) = -∞, log2(+∞) = +∞, of a negative number NaN, log2 1 = +0.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Log2(float x) => ElementMap<Log2Function>.Scalar(x);

    /// <summary>y_i = log2 x_i; the bits of <see cref="Log2(float)"/>.</summary>
    /// <exception cref="ShapeException">x and y differ in length.</exception>
    public static void Log2(ReadOnlySpan<float> x, Span<float> y) => ElementMap<Log2Function>.Span(x, y);
}

/// <summary>The steps of <see cref="Correct.Log2(float)"/>.</summary>
internal readonly struct Log2Function : IElementFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers<F>(F x) where F : struct, IFloatLanes<F> => F.AllPositive(x);

    public static float Elsewhere(float x) =>
        x == 0 ? float.NegativeInfinity : x == float.PositiveInfinity ? x : Correct.NaN;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Clamp<F>(F x) where F : struct, IFloatLanes<F> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Core<D>(D x) where D : struct, IDoubleLanes<D>
    {
        const double g = 1.4426950408889634, gTail = 2.0355273740931033e-17;
        D e = LogParts.Split(x, out D f);
        D c = LogParts.Correction(f);
        D h = f * D.Of(g);
        D l = D.Fma(f, D.Of(gTail), D.Fma(f, D.Of(g), -h));
        l = D.Fma(c, D.Of(-g), l);
        D t = e + h;
        return t + ((h - (t - e)) + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F> => y;
}
