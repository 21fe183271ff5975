using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>1 / (1 + e^-x), correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// 1 + e^-x = 2^k p + (2^k + 1)     k, p of ExpParts at -x; one fma, then one division
    /// |x| &lt; 2^-11: 1/2 + x/4 - (x³/48 - ...) = fma(x, 1/4, 1/2 ∓ 2^-53)
    /// </code>
    /// Near 0 the cubic term is lost in binary64, but where 1/2 + x/4 is a midpoint of two floats it alone says which one is nearer:
    /// any push towards 1/2 smaller than the spacing of the values 1/2 + x/4 (at least 2^-49 where midpoints occur) does it.
    /// x is first kept within [-105, 105]: below, the result is +0, above, 1. sigmoid(±0) = 1/2.
    /// Error of the binary64 value: about one and a half units of its last place; one rounding of it is wrong for one argument, which is listed.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Sigmoid(float x) => ElementMap<SigmoidFunction>.Scalar(x);

    /// <summary>y_i = 1 / (1 + e^{-x_i}); the bits of <see cref="Sigmoid(float)"/>.</summary>
    /// <exception cref="ShapeException">x and y differ in length.</exception>
    public static void Sigmoid(ReadOnlySpan<float> x, Span<float> y) => ElementMap<SigmoidFunction>.Span(x, y);
}

/// <summary>The steps of <see cref="Correct.Sigmoid(float)"/>.</summary>
internal readonly struct SigmoidFunction : IElementFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers<F>(F x) where F : struct, IFloatLanes<F> => true;

    public static float Elsewhere(float x) => float.NaN; // never called: Core covers every x

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Clamp<F>(F x) where F : struct, IFloatLanes<F> => F.Clamp(x, -105f, 105f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Core<D>(D x) where D : struct, IDoubleLanes<D>
    {
        D p = ExpParts.Reduce(-x, out D scaled);
        D power = ExpParts.Power(scaled);
        D y = D.Of(1.0) / D.Fma(power, p, power + D.Of(1.0));
        D near = D.Fma(x, D.Of(0.25), D.Of(0.5) - D.WithSignOf(x, 1.1102230246251565e-16));
        return D.WhereBelow(x, 0.00048828125, near, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F>
    {
        y = F.Except(x, y, 0xBA928601, 0x3EFFDB5F);
        return F.KeepNaN(x, y);
    }
}
