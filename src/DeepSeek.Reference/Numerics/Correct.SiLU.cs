using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>x / (1 + e^-x), also named swish, correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// 1 + e^-x = 2^k p + (2^k + 1)     k, p of ExpParts at -x; one fma, then one division; e^-x is taken as e^-110 from x = 110 on
    /// silu x = x / (1 + e^-x) + 2^-178
    /// </code>
    /// For tiny x the result is x/2 + x²/4. Where x/2 is a midpoint of two subnormal floats the square, lost in binary64, breaks
    /// the tie upwards; adding 2^-178 does the same, and reaches no result above 2^-124.
    /// x is first kept above -120, where the result is -0. silu(-∞) = -0, the correctly rounded limit (the exact function
    /// tends to 0 from below); silu(+∞) = +∞, silu(±0) = ±0.
    /// Error of the binary64 value: about two units of its last place; one rounding of it is wrong for no argument.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float SiLU(float x) => ElementMap<SiLUFunction>.Scalar(x);

    /// <summary>y_i = x_i / (1 + e^{-x_i}); the bits of <see cref="SiLU(float)"/>.</summary>
    /// <exception cref="ShapeException">x and y differ in length.</exception>
    public static void SiLU(ReadOnlySpan<float> x, Span<float> y) => ElementMap<SiLUFunction>.Span(x, y);
}

/// <summary>The steps of <see cref="Correct.SiLU(float)"/>.</summary>
internal readonly struct SiLUFunction : IElementFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers<F>(F x) where F : struct, IFloatLanes<F> => true;

    public static float Elsewhere(float x) => float.NaN; // never called: Core covers every x

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Clamp<F>(F x) where F : struct, IFloatLanes<F> => F.Clamp(x, -120f, float.PositiveInfinity);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Core<D>(D x) where D : struct, IDoubleLanes<D>
    {
        D p = ExpParts.Reduce(-D.Min(x, D.Of(110.0)), out D scaled);
        D power = ExpParts.Power(scaled);
        return x / D.Fma(power, p, power + D.Of(1.0)) + D.Of(2.6101217871994098e-54);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F> => F.KeepNaN(x, F.OrSign(x, y));
}
