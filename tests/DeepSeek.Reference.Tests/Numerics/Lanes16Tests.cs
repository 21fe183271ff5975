using DeepSeek.Reference.Numerics;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Numerics;

public class Lanes16Tests
{
    private static uint Bits(float x) => float.IsNaN(x) ? 0x7FC00000u : BitConverter.SingleToUInt32Bits(x);

    private static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b, int offset = 0)
    {
        var sum = new Lanes16();
        for (int k = 0; k < a.Length; k++)
            sum.AddProduct(k + offset, a[k], b[k]);
        return sum.Fold();
    }

    [Fact]
    public void Rule_N6_an_empty_sum_and_a_sum_of_negative_zeros_are_plus_zero()
    {
        Assert.Equal(0u, Bits(Dot([], [])));
        Assert.Equal(0u, Bits(Dot([-0f, -0f], [1f, 1f])));
        // A product that underflows to -0 in its lane.
        Assert.Equal(0u, Bits(Dot([-1e-30f], [1e-30f])));
    }

    [Fact]
    public void Rule_N6_terms_sixteen_apart_share_a_lane_and_the_fold_is_8_4_2_1()
    {
        // 2^24 in lane 0 swallows the 1 of term 16, but not the 1s that meet it after they met each other.
        float[] one = [.. Enumerable.Repeat(1f, 17)];
        float[] x = [16777216f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1f];
        Assert.Equal(16777216f, Dot(x, one));
        x[16] = 0f;
        x[1] = 1f;
        x[9] = 1f; // lanes 1 and 9 meet at h = 8
        Assert.Equal(16777218f, Dot(x, one));
        x[9] = 0f;
        x[8] = 1f; // lane 8 meets lane 0 alone: lost; then lane 1 alone: lost
        Assert.Equal(16777216f, Dot(x, one));
    }

    [Property]
    public void Rule_N6_zero_padding_changes_nothing(uint[] bits, byte padding)
    {
        float[] a = [.. bits.Select(BitConverter.UInt32BitsToSingle)];
        float[] b = [.. a.Reverse()];
        float[] pa = [.. a, .. new float[padding % 40]];
        float[] pb = [.. b, .. new float[padding % 40]];
        Assert.Equal(Bits(Dot(a, b)), Bits(Dot(pa, pb)));
    }

    [Property]
    public void Rule_N6_rotating_the_lanes_changes_nothing(uint[] bits, byte offset)
    {
        float[] a = [.. bits.Select(BitConverter.UInt32BitsToSingle)];
        float[] b = [.. a.Reverse()];
        Assert.Equal(Bits(Dot(a, b)), Bits(Dot(a, b, offset)));
    }
}
