using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification;

/// <summary>Sums of balls, and what is added to: where they promise something, and where nothing (docs/spec/bounds.md 2 and 11).</summary>
public sealed class BallSumTests
{
    [Fact]
    public void One_term_is_itself_and_none_is_zero()
    {
        var one = new BallSum(1.5);
        Assert.Equal(new Measurement(1.5, 0), one.Total(products: false).Stored(DType.F32));
        Assert.Equal(new Measurement(0, 0), new BallSum().Total(products: false).Stored(DType.F32));
    }

    [Fact]
    public void Every_order_of_a_sum_that_cancels_is_inside()
    {
        float[] terms = [1e8f, 3f, -1e8f, 1e-3f];
        var sum = new BallSum();
        foreach (float term in terms)
            sum.Add(term);
        Measurement total = sum.Total(products: false).Stored(DType.F32);
        foreach (float order in (float[])[1e8f + 3f + -1e8f + 1e-3f, 1e8f + -1e8f + 3f + 1e-3f, 1e-3f + 3f + 1e8f + -1e8f])
            Assert.InRange(order, total.Exact - total.Bound, total.Exact + total.Bound);
        Assert.True(total.Bound < 100);
    }

    [Theory]
    [InlineData(3e38, 3e38, -3e38)]
    [InlineData(double.PositiveInfinity, 3e38, 3e38)]
    public void Nothing_is_promised_where_one_order_overflows_and_another_does_not(double a, double b, double c)
    {
        var sum = new BallSum(a);
        sum.Add(b);
        sum.Add(c);
        Assert.True(sum.Total(products: false).IsNothing);
    }

    [Fact]
    public void Infinities_and_NaNs_are_certain_beside_small_terms()
    {
        var infinite = new BallSum(double.NegativeInfinity);
        infinite.Add(1);
        Assert.Equal(new Ball(double.NegativeInfinity), infinite.Total(products: true));
        infinite.Add(double.PositiveInfinity);
        Assert.True(double.IsNaN(infinite.Total(products: true).Mid));
    }

    /// <summary>A score of operands that cancel beyond binary64 may be anything within its radius, and its exponential too.</summary>
    [Theory]
    [InlineData(-800, 795, -5)]
    [InlineData(-800, 100, -701)]
    [InlineData(800, 790, 10)]
    [InlineData(800, 720, 80)]
    public void An_exponential_holds_what_its_argument_may_be(double mid, double radius, double argument)
    {
        Ball e = ElementFunctions.Exp(new Ball(mid, radius));
        Assert.True(e.IsNothing || Math.Abs(Math.Exp(argument) - e.Mid) <= e.Radius, $"{e}");
    }
}
