using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>e^x, correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// e^x = 2^k (1 + p)     k, p of ExpParts; one rounding of 1 + p, one exponent change, one rounding to binary32
    /// </code>
    /// x is first kept within [-104.5, 89.5]: below, the result is +0 (less than half of 2^-149); above, +∞.
    /// Binary64 holds results down to 2^-1022, so subnormal floats come from the one final rounding. exp(-∞) = +0, exp(±0) = 1.
    /// Error of the binary64 value: 1/8 unit of its last place from r, 1/4 from p, 1/2 from 1 + p, twice that at most below a power of
    /// two; one rounding of it to binary32 is wrong for no argument (all 2^32 tried).
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Exp(float x) => ElementMap<ExpFunction>.Scalar(x);

    /// <summary>y_i = e^{x_i}; the bits of <see cref="Exp(float)"/>.</summary>
    /// <exception cref="ShapeException">x and y differ in length.</exception>
    public static void Exp(ReadOnlySpan<float> x, Span<float> y) => ElementMap<ExpFunction>.Span(x, y);
}

/// <summary>The steps of <see cref="Correct.Exp(float)"/>.</summary>
internal readonly struct ExpFunction : IElementFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers<F>(F x) where F : struct, IFloatLanes<F> => true;

    public static float Elsewhere(float x) => float.NaN; // never called: Core covers every x

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Clamp<F>(F x) where F : struct, IFloatLanes<F> => F.Clamp(x, -104.5f, 89.5f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Core<D>(D x) where D : struct, IDoubleLanes<D>
    {
        D p = ExpParts.Reduce(x, out D scaled);
        return ExpParts.Scale(D.Of(1.0) + p, scaled);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F> => F.KeepNaN(x, y);
}
