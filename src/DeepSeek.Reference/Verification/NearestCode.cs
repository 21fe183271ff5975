namespace DeepSeek.Reference.Verification;

/// <summary>The definition of a cast that shares nothing with the casts: |x| against the border between each two neighbouring values, as real numbers.</summary>
/// <remarks>Borders are exact in binary64, and so is every binary32. Arguments that follow one another are found by a step or none.</remarks>
internal sealed class NearestCode
{
    private readonly double[] borders;
    private readonly bool[] upAtBorder;

    /// <summary>Code i goes up to borders[i], code i + 1 from there on; on the border itself upAtBorder[i] decides.</summary>
    private NearestCode(double[] borders, bool[] upAtBorder)
    {
        this.borders = borders;
        this.upAtBorder = upAtBorder;
    }

    /// <summary>Codes 0 ... largest of a format with gradual underflow; largest + 1 stands for everything beyond, as the next value if exponents went on.</summary>
    public static NearestCode WithFraction(int fraction, int bias, int largest)
    {
        double[] values = new double[largest + 2];
        int place = 0;
        for (int e = 0; place < values.Length; e++)
        {
            for (int f = 0; f < 1 << fraction && place < values.Length; f++)
                values[place++] = e == 0 ? Math.ScaleB(f, 1 - bias - fraction) : Math.ScaleB(1 + Math.ScaleB(f, -fraction), e - bias);
        }

        // Halfway goes to the code whose last bit is 0: up where the lower one is odd.
        return new NearestCode(
            [.. Enumerable.Range(0, largest + 1).Select(i => (values[i] + values[i + 1]) / 2)],
            [.. Enumerable.Range(0, largest + 1).Select(i => i % 2 == 1)]);
    }

    /// <summary>Codes 0 ... 254 of powers of two from 2^-127 on; 255 stands for everything beyond.</summary>
    public static NearestCode Exponent(PowerOfTwoRounding rounding)
    {
        static double Power(int code) => Math.ScaleB(1, code - 127);
        IEnumerable<int> codes = Enumerable.Range(0, 255);
        return rounding switch
        {
            // Between 2^-127 and 2^-126 the published casts know no middle: the lower one is reached from below alone.
            PowerOfTwoRounding.Nearest => new([.. codes.Select(c => c == 0 ? Power(0) : 1.5 * Power(c))], [.. codes.Select(c => c > 0)]),
            PowerOfTwoRounding.Up => new([.. codes.Select(Power)], [.. codes.Select(_ => false)]),
            _ => new([.. codes.Select(c => Power(c + 1))], [.. codes.Select(_ => true)]),
        };
    }

    /// <summary>The code of a number or an infinity without its sign, looked for from a code nearby, which becomes the one found.</summary>
    public int Of(double magnitude, ref int near)
    {
        int at = near;
        while (at < borders.Length && IsAbove(magnitude, at))
            at++;
        while (at > 0 && !IsAbove(magnitude, at - 1))
            at--;
        near = at;
        return at;
    }

    private bool IsAbove(double magnitude, int border) => magnitude > borders[border] || (magnitude == borders[border] && upAtBorder[border]);
}
