using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>2^x, correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// k = round(x),  r = x - k                 both exact; |r| ≤ 1/2
    /// 2^x = 2^k (1 + r Q(r))                   Q of degree 10, minimax, relative error of 2^r below 2^-54.9
    /// </code>
    /// x is first kept within [-151, 129]: below, the result is +0; above, +∞. Integers give powers of two exactly.
    /// Error of the binary64 value: about one unit of its last place; one rounding of it is wrong for two arguments, which are listed.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Exp2(float x) => ElementMap<Exp2Function>.Scalar(x);

    /// <summary>y_i = 2^{x_i}; the bits of <see cref="Exp2(float)"/>.</summary>
    /// <exception cref="ShapeException">x and y differ in length.</exception>
    public static void Exp2(ReadOnlySpan<float> x, Span<float> y) => ElementMap<Exp2Function>.Span(x, y);
}

/// <summary>The steps of <see cref="Correct.Exp2(float)"/>.</summary>
internal readonly struct Exp2Function : IElementFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers<F>(F x) where F : struct, IFloatLanes<F> => true;

    public static float Elsewhere(float x) => float.NaN; // never called: Core covers every x

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Clamp<F>(F x) where F : struct, IFloatLanes<F> => F.Clamp(x, -151f, 129f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Core<D>(D x) where D : struct, IDoubleLanes<D>
    {
        D scaled = x + D.Of(ExpParts.RoundToInteger);
        D r = x - (scaled - D.Of(ExpParts.RoundToInteger));
        D r2 = r * r;

        D even = D.Fma(r2, D.Of(4.434768726012945e-10), D.Of(1.0178199587637356e-07));
        even = D.Fma(r2, even, D.Of(1.5252733493094012e-05));
        even = D.Fma(r2, even, D.Of(0.0013333558146774649));
        even = D.Fma(r2, even, D.Of(0.055504108664820084));
        even = D.Fma(r2, even, D.Of(0.6931471805599453));
        D odd = D.Fma(r2, D.Of(7.07378316438646e-09), D.Of(1.321543528283803e-06));
        odd = D.Fma(r2, odd, D.Of(0.00015403530457110975));
        odd = D.Fma(r2, odd, D.Of(0.00961812910759412));
        odd = D.Fma(r2, odd, D.Of(0.2402265069591013));
        return ExpParts.Scale(D.Fma(r, D.Fma(r, odd, even), D.Of(1.0)), scaled);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F>
    {
        y = F.Except(x, y, 0x3B429D37, 0x3F804385);
        y = F.Except(x, y, 0xBCF3A937, 0x3F7AC6B1);
        return F.KeepNaN(x, y);
    }
}
