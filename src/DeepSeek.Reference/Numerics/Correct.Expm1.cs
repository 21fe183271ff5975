using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>e^x - 1, correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// e^x - 1 = 2^k p + (2^k - 1)     k, p of ExpParts; 2^k - 1 is exact for k ≤ 53; one fma
    /// </code>
    /// For k = 0 this is p, as accurate for tiny x as for others. x is first kept within [-30, 89.5]: below, the result is -1 (e^x is
    /// far under half a unit of -1); above, +∞. expm1(-0) = -0; a subnormal x is its own result.
    /// Error of the binary64 value: below two units of its last place; one rounding of it is wrong for no argument.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Expm1(float x) => ElementMap<Expm1Function>.Scalar(x);

    /// <summary>y_i = e^{x_i} - 1; the bits of <see cref="Expm1(float)"/>.</summary>
    /// <exception cref="ShapeException">x and y differ in length.</exception>
    public static void Expm1(ReadOnlySpan<float> x, Span<float> y) => ElementMap<Expm1Function>.Span(x, y);
}

/// <summary>The steps of <see cref="Correct.Expm1(float)"/>.</summary>
internal readonly struct Expm1Function : IElementFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers<F>(F x) where F : struct, IFloatLanes<F> => true;

    public static float Elsewhere(float x) => float.NaN; // never called: Core covers every x

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Clamp<F>(F x) where F : struct, IFloatLanes<F> => F.Clamp(x, -30f, 89.5f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Core<D>(D x) where D : struct, IDoubleLanes<D>
    {
        D p = ExpParts.Reduce(x, out D scaled);
        D power = ExpParts.Power(scaled);
        return D.Fma(power, p, power - D.Of(1.0));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F> => F.KeepNaN(x, F.OrSign(x, y));
}
