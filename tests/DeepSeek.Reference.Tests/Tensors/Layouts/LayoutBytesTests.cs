using DeepSeek.Reference.Layouts;
using DeepSeek.Reference.Ops;
using Xunit;

namespace DeepSeek.Reference.Tests.Tensors.Layouts;

/// <summary>Where elements stand, worked by hand from docs/spec/layouts.md; -1 is padding.</summary>
public sealed class LayoutBytesTests
{
    [Theory]
    [InlineData("contiguous", "0 1 2 3 4 5")]
    [InlineData("k[align=16]", "0 1 2 -1 3 4 5 -1")]
    [InlineData("k[pad=1]", "0 1 2 -1 3 4 5 -1")]
    [InlineData("k[align=8,pad=2]", "0 1 2 -1 -1 -1 3 4 5 -1 -1 -1")]
    [InlineData("mn", "0 3 1 4 2 5")]
    [InlineData("mn[align=16]", "0 3 -1 -1 1 4 -1 -1 2 5 -1 -1")]
    [InlineData("mn[align=8,pad=1]", "0 3 -1 -1 1 4 -1 -1 2 5 -1 -1")]
    [InlineData("strided[strides=1:3,offset=1]", "-1 0 3 -1 1 4 -1 2 5")]
    [InlineData("strided[strides=3:1]", "0 1 2 3 4 5")]
    [InlineData("grouped[align=2,offsets=0:1:2]", "0 1 2 -1 -1 -1 3 4 5 -1 -1 -1")]
    [InlineData("grouped[align=2,fill=zero,offsets=0:1:2]", "0 1 2 0 0 0 3 4 5 0 0 0")]
    [InlineData("grouped[align=3,offsets=0:0:2]", "0 1 2 3 4 5 -1 -1 -1")]
    [InlineData("grouped[align=2,offsets=0:1:2]+mn[align=16]", "0 -1 3 -1 1 -1 4 -1 2 -1 5 -1")]
    [InlineData("masked[rows=2,offsets=0:0:2]", "-1 -1 -1 -1 -1 -1 0 1 2 3 4 5")]
    [InlineData("masked[rows=2,offsets=0:1:2]+mn[align=16]", "0 -1 -1 -1 1 -1 -1 -1 2 -1 -1 -1 3 -1 -1 -1 4 -1 -1 -1 5 -1 -1 -1")]
    [InlineData("varlen[offsets=0:1:2]", "0 1 2 3 4 5")]
    [InlineData("paged[block=1,table=2:0]", "3 4 5 -1 -1 -1 0 1 2")]
    [InlineData("paged[block=2,spare=1,table=1]", "-1 -1 -1 -1 -1 -1 -1 -1 -1 0 1 2 3 4 5 -1 -1 -1")]
    [InlineData("paged[block=2,offsets=0:1:2]", "-1 -1 -1 -1 -1 -1 3 4 5 -1 -1 -1 0 1 2 -1 -1 -1")]
    [InlineData("kgrouped[align=1,offsets=0:2]", "0 3 1 4 2 5")]
    [InlineData("kgrouped[align=2,offsets=0:1:2]", "0 0 1 0 2 0 3 0 4 0 5 0")]
    public void Elements_of_a_matrix_of_two_rows_of_three(string layout, string expected)
    {
        var x = Tensor.From([0, 1, 2, 3, 4, 5], 2, 3);
        byte[] bytes = Layout.Parse(layout).Pack(x);
        Assert.Equal(expected, string.Join(' ', bytes.Chunk(4).Select(b => BitConverter.ToInt32(b))));
    }

    [Fact]
    public void Scales_of_DeepGEMM_on_Hopper_are_columns_of_a_multiple_of_four()
    {
        // x_scale [13, 7]: stride(-2) = 1 and stride(-1) = align(13, 4) = 16, as check_sf_layout asks.
        StoredForm form = Layout.Parse("mn[align=16]").Form(DType.F32, new Shape(13, 7));
        Assert.Equal("F32 [13, 7] strides 1:16, 448 bytes", form.ToString());
        // Of a masked product, [G, M, K/128] with the last two dimensions column-major.
        Assert.Equal("F32 [3, 5, 7] strides 56:1:8, 672 bytes", Layout.Parse("mn[align=16]").Form(DType.F32, new Shape(3, 5, 7)).ToString());
    }

    [Fact]
    public void Packed_scales_are_those_of_PackedScales_but_for_rows_of_padding()
    {
        float[] scales = [.. Enumerable.Range(0, 5 * 6).Select(i => MathF.ScaleB(1, 4 * i - 60))];
        var x = Tensor.From(scales, 5, 6);
        int[] expected = PackedScales.Pack(x).AsSpan<int>().ToArray();
        for (int g = 0; g < 2; g++)
            expected.AsSpan(g * 8 + 5, 3).Fill(-1);
        var layout = Layout.Parse("ue8m0");
        Assert.Equal(expected, layout.Pack(x).Chunk(4).Select(b => BitConverter.ToInt32(b)));
        Assert.Equal("I32 [5, 2] strides 1:8, 64 bytes", layout.Form(DType.F32, x.Shape).ToString());
    }

    [Fact]
    public void Bytes_beyond_the_last_scale_of_a_word_are_zero_and_must_stay_so()
    {
        var x = Tensor.From([1f, 2f], 2, 1);
        var layout = Layout.Parse("ue8m0");
        byte[] bytes = layout.Pack(x);
        Assert.Equal("7F000000" + "80000000" + "FFFFFFFF" + "FFFFFFFF", Convert.ToHexString(bytes));
        bytes[5] = 1;
        Assert.Equal(5, layout.FirstTouched(bytes, x.DType, x.Shape));
    }

    [Fact]
    public void Rows_of_the_FP8_cache_in_pages_with_a_spare_row()
    {
        var keys = new Tensor(DType.BF16, 3, 576);
        keys.AsSpan<BFloat16>()[576] = BFloat16.Round(448f);
        keys.AsSpan<BFloat16>()[576 + 575] = BFloat16.Round(-1f);
        var layout = Layout.Parse("paged[block=2,spare=1,table=1:0]+fp8row");
        byte[] bytes = layout.Pack(keys);
        Assert.Equal("U8 [2, 2, 656] strides 1968:656:1, 3936 bytes", layout.Form(keys.DType, keys.Shape).ToString());
        // Token 1 is the second row of page 1: code 0x7E under a scale of 1, the last value BF80 at the row's end.
        Assert.Equal(0x7E, bytes[4 * 656]);
        Assert.Equal([0x00, 0x00, 0x80, 0x3F], bytes[(4 * 656 + 512)..(4 * 656 + 516)]);
        Assert.Equal([0x80, 0xBF], bytes[(5 * 656 - 2)..(5 * 656)]);
        Assert.All(bytes[(5 * 656)..(6 * 656)], b => Assert.Equal(Layout.Poison, b));
        Assert.All(bytes[656..(3 * 656)], b => Assert.Equal(Layout.Poison, b));
    }

    [Fact]
    public void Numbers_beside_grouped_rows()
    {
        IReadOnlyDictionary<string, IReadOnlyList<long>> of = Layout.Parse("grouped[align=4,offsets=0:3:3:8]").Parameters(DType.F32, new Shape(8, 1));
        Assert.Equal([0, 4, 4, 12], of["starts"]);
        Assert.Equal([3, 4, 9], of["ends"]);
        Assert.Equal([0, 0, 0, -1, 2, 2, 2, 2, 2, -1, -1, -1], of["index"]);
    }

    [Fact]
    public void Numbers_beside_sequences_and_pages()
    {
        Assert.Equal([0, 3, 3, 8], Layout.Parse("varlen[offsets=0:3:3:8]").Parameters(DType.F32, new Shape(8, 1))["cu_seqlens"]);
        Assert.Equal([3, 0, 5], Layout.Parse("masked[rows=9,offsets=0:3:3:8]").Parameters(DType.F32, new Shape(8, 1))["counts"]);
        IReadOnlyDictionary<string, IReadOnlyList<long>> pages = Layout.Parse("paged[block=2,offsets=0:3:3:8]").Parameters(DType.F32, new Shape(8, 1));
        Assert.Equal([5, 4, int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, 3, 2, 1], pages["table"]);
        Assert.Equal([3], pages["width"]);
        Assert.Equal([3, 0, 5], pages["lengths"]);
    }

    [Fact]
    public void The_poison_is_NaN_in_every_floating_point_format()
    {
        byte[] eight = [.. Enumerable.Repeat(Layout.Poison, 8)];
        Assert.True(Float8E4M3.IsNaN(Float8E4M3.FromBits(Layout.Poison)));
        Assert.True(Float8E5M2.IsNaN(Float8E5M2.FromBits(Layout.Poison)));
        Assert.True(float.IsNaN(Float8E8M0.FromBits(Layout.Poison).ToSingle()));
        Assert.True(float.IsNaN(BFloat16.FromBits(BitConverter.ToUInt16(eight)).ToSingle()));
        Assert.True(Half.IsNaN(BitConverter.ToHalf(eight)) && float.IsNaN(BitConverter.ToSingle(eight)) && double.IsNaN(BitConverter.ToDouble(eight)));
    }
}
