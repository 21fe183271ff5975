using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>1 / √x, correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// 1 / √x in binary64 (IEEE square root, IEEE division), rounded once
    /// </code>
    /// No argument is misrounded, so (float)(1.0 / Math.Sqrt(x)) is this function in any language.
    /// rsqrt(+0) = +∞ and rsqrt(-0) = -∞ as IEEE 754 rSqrt, rsqrt(+∞) = +0, of a negative number NaN.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float ReciprocalSqrt(float x) => ElementMap<ReciprocalSqrtFunction>.Scalar(x);

    /// <summary>y_i = 1 / √x_i; the bits of <see cref="ReciprocalSqrt(float)"/>.</summary>
    /// <exception cref="ShapeException">x and y differ in length.</exception>
    public static void ReciprocalSqrt(ReadOnlySpan<float> x, Span<float> y) => ElementMap<ReciprocalSqrtFunction>.Span(x, y);
}

/// <summary>The steps of <see cref="Correct.ReciprocalSqrt(float)"/>.</summary>
internal readonly struct ReciprocalSqrtFunction : IElementFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers<F>(F x) where F : struct, IFloatLanes<F> => true;

    public static float Elsewhere(float x) => float.NaN; // never called: Core covers every x

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Clamp<F>(F x) where F : struct, IFloatLanes<F> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Core<D>(D x) where D : struct, IDoubleLanes<D>
    {
        return D.Of(1.0) / D.Sqrt(x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F> => F.CanonicalNaN(y);
}
