using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>log(1 + x), correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// 1 + x = 2^e c (1 + r)                     where e = 0 and c = 1, r is x itself
    /// log(1 + x) = (e ln 2 + log c) + log(1 + r)     LogParts
    /// </code>
    /// Elsewhere |x| ≥ 1/64, so 1 + x is exact in binary64 up to x = 2^53, and beyond the lost 1/x is below the last bit.
    /// log1p(-1) = -∞, below -1 NaN, log1p(+∞) = +∞, log1p(-0) = -0; a subnormal x is its own result.
    /// Error of the binary64 value: about half a unit of its last place; one rounding of it is wrong for nine arguments, which are listed.
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
    /// <summary>The exceptions, by bits 2..4 of the argument; a free slot holds NaN.</summary>
    private static ReadOnlySpan<uint> Exceptions =>
    [
        0x35400003, 0xB70FFFE5, 0x41078FEB, 0x3EFD81AD, 0x65D890D3, 0xFFFFFFFF, 0x3710001B, 0xB53FFFFD,
        0x353FFFFF, 0xB710000D, 0x400FE5E7, 0x3ECDEEE1, 0x4254D1F9, 0x7FC00000, 0x370FFFF3, 0xB5400001,
    ];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers<F>(F x) where F : struct, IFloatLanes<F> => F.AllFiniteAbove(x, -1f);

    public static float Elsewhere(float x) =>
        x == -1 ? float.NegativeInfinity : x == float.PositiveInfinity ? x : Correct.NaN;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Clamp<F>(F x) where F : struct, IFloatLanes<F> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Core<D>(D x) where D : struct, IDoubleLanes<D>
    {
        D e = LogParts.Split(D.Of(1.0) + x, out D m, out D index);
        D r = D.Fma(m, D.Lookup(LogParts.Inverse, index), D.Of(-1.0));
        D head = D.Fma(e, D.Of(LogParts.Ln2Head), D.Lookup(LogParts.LogC, index));
        return LogParts.Sum(e, head, D.WhereZero(head, x, r));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F>
    {
        y = F.Except(x, y, Exceptions, 2);
        y = F.Except(x, y, 0x6F31A8EC, 0x42845A89);
        y = F.Except(x, y, 0xBB0EC8C4, 0xBB0EF0A5);
        return F.OrSign(x, y);
    }
}
