namespace DeepSeek.Reference.Numerics;

/// <summary>Conversions of whole spans between binary32, bfloat16 and the eight-bit formats, bit-equal to those of the formats element by element.</summary>
public static class Float8Spans
{
    /// <summary>y_i = x_i exactly.</summary>
    /// <exception cref="ShapeException">y is shorter than x.</exception>
    public static void Widen(ReadOnlySpan<Float8E4M3> x, Span<float> y)
    {
        RequireRoom(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
            y[i] = x[i].ToSingle();
    }

    /// <inheritdoc cref="Widen(ReadOnlySpan{Float8E4M3}, Span{float})"/>
    public static void Widen(ReadOnlySpan<Float8E5M2> x, Span<float> y)
    {
        RequireRoom(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
            y[i] = x[i].ToSingle();
    }

    /// <inheritdoc cref="Widen(ReadOnlySpan{Float8E4M3}, Span{float})"/>
    public static void Widen(ReadOnlySpan<Float8E8M0> x, Span<float> y)
    {
        RequireRoom(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
            y[i] = x[i].ToSingle();
    }

    /// <summary>y_i = x_i rounded to nearest even, as <see cref="Float8E4M3.FromSingle"/>.</summary>
    /// <exception cref="ShapeException">y is shorter than x.</exception>
    /// <exception cref="ContractException">The format has no such overflow.</exception>
    public static void Narrow(ReadOnlySpan<float> x, Span<Float8E4M3> y, Fp8Overflow overflow)
    {
        RequireRoom(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
            y[i] = Float8E4M3.FromSingle(x[i], overflow);
    }

    /// <summary>y_i = x_i rounded to nearest even, as <see cref="Float8E5M2.FromSingle"/>.</summary>
    /// <inheritdoc cref="Narrow(ReadOnlySpan{float}, Span{Float8E4M3}, Fp8Overflow)"/>
    public static void Narrow(ReadOnlySpan<float> x, Span<Float8E5M2> y, Fp8Overflow overflow)
    {
        RequireRoom(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
            y[i] = Float8E5M2.FromSingle(x[i], overflow);
    }

    /// <summary>y_i = the power of two that <paramref name="rounding"/> says, as <see cref="Float8E8M0.FromSingle(float, PowerOfTwoRounding, Fp8Overflow)"/>.</summary>
    /// <inheritdoc cref="Narrow(ReadOnlySpan{float}, Span{Float8E4M3}, Fp8Overflow)"/>
    public static void Narrow(ReadOnlySpan<float> x, Span<Float8E8M0> y, PowerOfTwoRounding rounding, Fp8Overflow overflow)
    {
        RequireRoom(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
            y[i] = Float8E8M0.FromSingle(x[i], rounding, overflow);
    }

    private static void RequireRoom(int from, int to)
    {
        if (to < from)
            throw new ShapeException($"{from} values do not fit {to}");
    }
}
