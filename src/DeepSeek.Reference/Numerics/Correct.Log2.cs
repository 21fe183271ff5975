using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>log2 x, the binary logarithm, correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// x = 2^e c (1 + r)                                  LogParts, with a table for the base 2
    /// log2(1 + r) = r / ln 2 + r² P(r)                   P of degree 7, minimax, relative error of the logarithm below 2^-55.7
    /// h = rn(r g), l = r g - h + r g'                    1/ln 2 = g + g' as two binary64; h + l is exact but for l's rounding
    /// log2 x = (e + log2 c) + (h + (r² P(r) + l))        the first bracket is exact
    /// </code>
    /// Powers of two give integers exactly. log2(±0) = -∞, log2(+∞) = +∞, of a negative number NaN, log2 1 = +0.
    /// Error of the binary64 value: about half a unit of its last place; one rounding of it is wrong for no argument.
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
        D e = LogParts.Split(x, out D m, out D index);
        D r = D.Fma(m, D.Lookup(LogParts.Inverse2, index), D.Of(-1.0));
        D r2 = r * r;
        D even = D.Fma(r2, D.Of(-0.18065396967587274), D.Of(-0.24044894150716958));
        even = D.Fma(r2, even, D.Of(-0.36067376028499387));
        even = D.Fma(r2, even, D.Of(-0.7213475204444771));
        D odd = D.Fma(r2, D.Of(0.1606481704548997), D.Of(0.20609896535062966));
        odd = D.Fma(r2, odd, D.Of(0.2885390083018428));
        odd = D.Fma(r2, odd, D.Of(0.48089834696297235));

        D h = r * D.Of(g);
        D l = D.Fma(r, D.Of(gTail), D.Fma(r, D.Of(g), -h));
        D small = D.Fma(r2, D.Fma(r, odd, even), l);
        return (e + D.Lookup(LogParts.Log2C, index)) + (h + small);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F> => y;
}
