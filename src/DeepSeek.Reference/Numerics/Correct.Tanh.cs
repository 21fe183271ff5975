using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>tanh x, correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// m = e^{2x} - 1 = 2^k p + (2^k - 1)     k, p of ExpParts at 2 x
    /// tanh x = m / (m + 2)
    /// </code>
    /// x is first kept within [-10, 10], where the result is ±1 already. tanh(±0) = ±0; a subnormal x is its own result.
    /// Error of the binary64 value: below three units of its last place; one rounding of it is wrong for no argument.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Tanh(float x) => ElementMap<TanhFunction>.Scalar(x);

    /// <summary>y_i = tanh x_i; the bits of <see cref="Tanh(float)"/>.</summary>
    /// <exception cref="ShapeException">x and y differ in length.</exception>
    public static void Tanh(ReadOnlySpan<float> x, Span<float> y) => ElementMap<TanhFunction>.Span(x, y);
}

/// <summary>The steps of <see cref="Correct.Tanh(float)"/>.</summary>
internal readonly struct TanhFunction : IElementFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers<F>(F x) where F : struct, IFloatLanes<F> => true;

    public static float Elsewhere(float x) => float.NaN; // never called: Core covers every x

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Clamp<F>(F x) where F : struct, IFloatLanes<F> => F.Clamp(x, -10f, 10f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Core<D>(D x) where D : struct, IDoubleLanes<D>
    {
        D p = ExpParts.Reduce(x + x, out D scaled);
        D power = ExpParts.Power(scaled);
        D m = D.Fma(power, p, power - D.Of(1.0));
        return m / (m + D.Of(2.0));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F> => F.KeepNaN(x, F.OrSign(x, y));
}
