using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Numerics;

public static partial class Correct
{
    /// <summary>log x, the natural logarithm, correctly rounded.</summary>
    /// <remarks>
    /// <code>
    /// x = 2^e c (1 + r)
    /// log x = (e ln 2 + log c) + log(1 + r)     LogParts
    /// </code>
    /// A subnormal float is a normal binary64, so it needs no case of its own. log(±0) = -∞, log(+∞) = +∞, log of a negative number
    /// is NaN, log 1 = +0.
    /// Error of the binary64 value: about half a unit of its last place (one rounding of an exact head and a small, accurate rest).
    /// One rounding of it is wrong for five arguments, whose logarithms lie nearest to midpoints; they are listed.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Log(float x) => ElementMap<LogFunction>.Scalar(x);

    /// <summary>y_i = log x_i; the bits of <see cref="Log(float)"/>.</summary>
    /// <exception cref="ShapeException">x and y differ in length.</exception>
    public static void Log(ReadOnlySpan<float> x, Span<float> y) => ElementMap<LogFunction>.Span(x, y);
}

/// <summary>The steps of <see cref="Correct.Log(float)"/>.</summary>
internal readonly struct LogFunction : IElementFunction
{
    /// <summary>The exceptions, by bits 2..4 of the argument; a free slot holds NaN.</summary>
    private static ReadOnlySpan<uint> Exceptions =>
    [
        0xFFFFFFFF, 0x4C5D65A5, 0x41178FEB, 0x6F31A8EC, 0x65D890D3, 0xFFFFFFFF, 0x3C413D3A, 0xFFFFFFFF,
        0x7FC00000, 0x418F034B, 0x400FE5E7, 0x42845A89, 0x4254D1F9, 0x7FC00000, 0xC08E158F, 0x7FC00000,
    ];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers<F>(F x) where F : struct, IFloatLanes<F> => F.AllPositive(x);

    public static float Elsewhere(float x) =>
        x == 0 ? float.NegativeInfinity : x == float.PositiveInfinity ? x : Correct.NaN;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Clamp<F>(F x) where F : struct, IFloatLanes<F> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static D Core<D>(D x) where D : struct, IDoubleLanes<D>
    {
        D e = LogParts.Split(x, out D m, out D index);
        D r = D.Fma(m, D.Lookup(LogParts.Inverse, index), D.Of(-1.0));
        D head = D.Fma(e, D.Of(LogParts.Ln2Head), D.Lookup(LogParts.LogC, index));
        return LogParts.Sum(e, head, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Finish<F>(F x, F y) where F : struct, IFloatLanes<F>
    {
        y = F.Except(x, y, Exceptions, 2);
        return y;
    }
}
