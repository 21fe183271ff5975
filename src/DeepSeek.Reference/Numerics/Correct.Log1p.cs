using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>log(1 + x), correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// u = 1 + x = 2^e (1 + f)         e, f, c of LogParts; where e = 0, f is x itself
    /// log(1 + x) = fma(e, head, f - (c - e tail))
    /// </code>
    /// Where e is not 0, |x| is above 0.29, so 1 + x is exact in binary64 up to x = 2^53, and beyond the lost 1/x is below the last bit.
    /// log1p(-1) = -∞, below -1 NaN, log1p(+∞) = +∞, log1p(-0) = -0; a subnormal x is its own result.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Log1p(float x) => ElementMap<Log1pFunction>.Scalar(x);

    /// <summary>y_i = log(1 + x_i); the bits of <see cref="Log1p(float)"/>.</summary>
    /// <exception cref="ShapeException">x and y differ in length.</exception>
    public static void Log1p(ReadOnlySpan<float> x, Span<float> y) => ElementMap<Log1pFunction>.Span(x, y);
}

/// <summary>The steps of <see cref="Correct.Log1p(float)"/>.</summary>
internal readonly struct Log1pFunction : IElementFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers<F>(F x) where F : struct, IFloatLanes<F> => F.AllFiniteAbove(x, -1f);

    public static float Elsewhere(float x) =>
        x == -1 ? float.NegativeInfinity : x == float.PositiveInfinity ? x : Correct.NaN;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Clamp<F>(F x) where F : struct, IFloatLanes<F> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Core<D>(D x) where D : struct, IDoubleLanes<D>
    {
        D e = LogParts.Split(D.Of(1.0) + x, out D f);
        f = D.WhereZero(e, x, f);
        D c = LogParts.Correction(f);
        return D.Fma(e, D.Of(LogParts.Ln2Head), f - D.Fma(e, D.Of(-LogParts.Ln2Tail), c));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F>
    {
        y = F.Except(x, y, 0x35400003, 0x353FFFFF);
        y = F.Except(x, y, 0x3710001B, 0x370FFFF3);
        y = F.Except(x, y, 0x3EFD81AD, 0x3ECDEEE1);
        y = F.Except(x, y, 0x41078FEB, 0x400FE5E7);
        y = F.Except(x, y, 0x65D890D3, 0x4254D1F9);
        y = F.Except(x, y, 0x6F31A8EC, 0x42845A89);
        y = F.Except(x, y, 0xB53FFFFD, 0xB5400001);
        y = F.Except(x, y, 0xB70FFFE5, 0xB710000D);
        y = F.Except(x, y, 0xBB0EC8C4, 0xBB0EF0A5);
        return F.OrSign(x, y);
    }
}
