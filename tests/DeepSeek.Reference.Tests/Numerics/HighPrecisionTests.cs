using DeepSeek.Reference.Numerics;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

public class HighPrecisionTests
{
    [Fact]
    public void Constants_round_to_the_known_binary64()
    {
        Assert.Equal(Math.PI, HighPrecision.Pi.ToDouble());
        Assert.Equal(0.6931471805599453, HighPrecision.Ln2.ToDouble());
        Assert.Equal(Math.E, HighPrecision.Exp(HighPrecision.One).ToDouble());
        Assert.Equal(Math.Sqrt(2), HighPrecision.Sqrt(HighPrecision.FromRatio(2, 1)).ToDouble());
    }

    [Property]
    public bool A_binary64_comes_back(double x) =>
        !double.IsFinite(x) || Math.Abs(x) is > 1e60 or < 1e-60 && x != 0 || HighPrecision.FromDouble(x).ToDouble() == x;

    [Property]
    public bool Rounding_to_binary32_is_the_conversion_of_binary64(double x) =>
        !double.IsFinite(x) || Math.Abs(x) is > 1e60 or < 1e-60 && x != 0 || HighPrecision.FromDouble(x).ToSingle() == (float)x;

    [Property]
    public bool Exp_undoes_Ln(uint n)
    {
        HighPrecision x = HighPrecision.FromRatio(n, 1000) + HighPrecision.FromRatio(1, 1 << 20);
        HighPrecision error = HighPrecision.Exp(HighPrecision.Ln(x)) - x;
        return Math.Abs(error.ToDouble()) <= Math.ScaleB(1, -250);
    }

    [Property]
    public bool Floor_and_ceiling_bracket(int n, ushort d)
    {
        HighPrecision x = HighPrecision.FromRatio(n, d + 1);
        var floor = HighPrecision.FromRatio(x.Floor(), 1);
        var ceiling = HighPrecision.FromRatio(x.Ceiling(), 1);
        return floor.CompareTo(x) <= 0 && ceiling.CompareTo(x) >= 0 && (ceiling - floor).ToDouble() is 0 or 1;
    }

    [Fact]
    public void Ties_go_to_the_even_neighbour()
    {
        Assert.Equal(16777216f, HighPrecision.FromRatio(16777217, 1).ToSingle());
        Assert.Equal(16777220f, HighPrecision.FromRatio(16777219, 1).ToSingle());
        Assert.Equal(16777218f, HighPrecision.FromRatio(33554435, 2).ToSingle());
    }
}
