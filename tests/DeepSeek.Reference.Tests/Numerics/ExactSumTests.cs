using System.Numerics;
using DeepSeek.Reference.Numerics;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

public class ExactSumTests
{
    /// <summary>The witness: integers in units of 2^-298, rounded by comparing with both neighbours.</summary>
    private static BigInteger Units(float x)
    {
        uint u = BitConverter.SingleToUInt32Bits(x);
        int e = (int)(u >> 23) & 0xFF;
        BigInteger m = e == 0 ? u & 0x7FFFFF : (u & 0x7FFFFF) | 0x800000;
        return (u >> 31 == 1 ? -m : m) << Math.Max(0, e - 1);
    }

    private static float Nearest(BigInteger units298)
    {
        // Binary search over the ordered finite floats for the largest one not above |v|, then compare distances.
        BigInteger v = BigInteger.Abs(units298);
        uint low = 0;
        uint high = 0x7F7FFFFF;
        while (low < high)
        {
            uint mid = low + (high - low + 1) / 2;
            if (Units(BitConverter.UInt32BitsToSingle(mid)) << 149 <= v)
                low = mid;
            else
                high = mid - 1;
        }

        BigInteger below = Units(BitConverter.UInt32BitsToSingle(low)) << 149;
        BigInteger above = low == 0x7F7FFFFF ? BigInteger.One << (128 + 298) : Units(BitConverter.UInt32BitsToSingle(low + 1)) << 149;
        BigInteger toBelow = v - below;
        BigInteger toAbove = above - v;
        uint nearest = toBelow < toAbove || (toBelow == toAbove && (low & 1) == 0) ? low : low + 1;
        return BitConverter.UInt32BitsToSingle(nearest | (units298.Sign < 0 ? 0x80000000u : 0u));
    }

    private static float Finite(uint u)
    {
        float x = BitConverter.UInt32BitsToSingle(u);
        return float.IsFinite(x) ? x : BitConverter.UInt32BitsToSingle(u & 0xBFFFFFFF);
    }

    [Property(MaxTest = 300)]
    public void Rule_N7_exact_equals_big_integers(uint[] bits, uint[] more)
    {
        int n = Math.Min(bits.Length, more.Length);
        var sum = new ExactSum();
        BigInteger units = 0;
        for (int k = 0; k < n; k++)
        {
            (float a, float b) = (Finite(bits[k]), Finite(more[k]));
            sum.AddProduct(a, b);
            units += Units(a) * Units(b);
        }

        Assert.Equal(BitConverter.SingleToUInt32Bits(Nearest(units)), BitConverter.SingleToUInt32Bits(sum.ToSingle()));
    }

    [Property(MaxTest = 300)]
    public void Rule_N7_exact_does_not_depend_on_order(uint[] bits)
    {
        var forward = new ExactSum();
        var backward = new ExactSum();
        foreach (uint u in bits)
            forward.Add(Finite(u));
        foreach (uint u in bits.Reverse())
            backward.Add(Finite(u));
        Assert.Equal(BitConverter.DoubleToUInt64Bits(forward.ToDouble()), BitConverter.DoubleToUInt64Bits(backward.ToDouble()));
    }

    [Fact]
    public void A_sum_that_cancels_leaves_its_smallest_term()
    {
        var sum = new ExactSum();
        sum.AddProduct(float.MaxValue, float.MaxValue);
        sum.AddProduct(float.Epsilon, 1f);
        sum.AddProduct(-float.MaxValue, float.MaxValue);
        Assert.Equal(float.Epsilon, sum.ToSingle());
        sum.Add(-float.Epsilon);
        Assert.Equal(0u, BitConverter.SingleToUInt32Bits(sum.ToSingle()));
    }

    [Fact]
    public void Bfloat16_is_rounded_once()
    {
        // 1 + 2^-8 is the tie between 1 and 1 + 2^-7; 2^-40 decides it, and would be lost in binary32.
        var sum = new ExactSum();
        sum.Add(1.00390625f);
        sum.Add(9.094947e-13f);
        Assert.Equal(0x3F81, sum.ToBFloat16().Bits);
        Assert.Equal(0x3F80, BFloat16.Round(sum.ToSingle()).Bits);
    }

    [Fact]
    public void Infinities_and_NaN_follow_IEEE()
    {
        var sum = new ExactSum();
        sum.AddProduct(float.PositiveInfinity, 2f);
        sum.Add(1f);
        Assert.Equal(float.PositiveInfinity, sum.ToSingle());
        sum.Add(float.NegativeInfinity);
        Assert.True(float.IsNaN(sum.ToSingle()));
        sum.Clear();
        sum.AddProduct(float.PositiveInfinity, 0f);
        Assert.True(float.IsNaN(sum.ToSingle()));
        sum.Clear();
        Assert.Equal(0f, sum.ToSingle());
    }
}
