using DeepSeek.Reference.Layouts;
using Xunit;

namespace DeepSeek.Reference.Tests.Tensors.Layouts;

/// <summary>A layout that cannot be says so in one line, with what to do.</summary>
public sealed class LayoutErrorTests
{
    [Theory]
    [InlineData("swizzled", "there is no 'swizzled'; there are contiguous, strided, k, mn, ue8m0, fp8row, kgrouped, and grouped, masked, varlen, paged before a '+'")]
    [InlineData("mn[align=16", "does not end in ']'")]
    [InlineData("mn[align]", "'align' is not key=value")]
    [InlineData("mn[align=x]", "align holds 'x', which is no whole number from 0 to 2147483647")]
    [InlineData("mn[align=0]", "align is 0; take 1 or more")]
    [InlineData("mn[align=4,align=4]", "the key 'align' occurs twice")]
    [InlineData("mn[block=4]", "has no 'block'; mn takes align, pad")]
    [InlineData("contiguous[align=4]", "has no 'align'; contiguous takes no arguments")]
    [InlineData("strided", "needs its strides in elements")]
    [InlineData("mn+grouped", "'mn' places no rows; grouped, masked, varlen, paged do, and stand before the '+'")]
    [InlineData("grouped+kgrouped", "kgrouped places its rows itself")]
    [InlineData("grouped+strided[strides=4:1]", "strided places its rows itself")]
    [InlineData("grouped+mn+mn", "has 3 parts")]
    [InlineData("grouped[offsets=1:2]", "do not begin with 0")]
    [InlineData("grouped[offsets=0:3:2]", "offsets fall at group 1: 3, 2")]
    [InlineData("grouped[fill=one]", "fill is 'one'; there are poison, zero")]
    public void A_text_that_names_no_layout(string text, string says)
    {
        ContractException e = Assert.Throws<ContractException>(() => Layout.Parse(text));
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("strided[strides=1:1]", "two elements of F32 [4, 6] share byte 4; take strides that do not overlap")]
    [InlineData("strided[strides=0:1]", "two elements of F32 [4, 6] share byte 0")]
    [InlineData("strided[strides=1]", "has 1 strides, but F32 [4, 6] has 2 dimensions")]
    [InlineData("mn[align=6]", "6 bytes are no whole number of elements of 4 bytes")]
    [InlineData("ue8m0[align=6]", "6 bytes are no whole number of words of 4 bytes")]
    [InlineData("grouped", "needs the groups of the 4 rows: offsets=0:...:4")]
    [InlineData("grouped[offsets=0:3]", "the offsets end at 3, but the tensor has 4 rows")]
    [InlineData("masked[rows=2,offsets=0:3:4]", "group 0 has 3 rows, more than the 2 of its rectangle")]
    [InlineData("paged[block=2,table=0:0]", "page 0 is shared by entries 0 and 1 of the table")]
    [InlineData("paged[block=2,pages=2,table=0:2]", "entry 1 of the table is page 2; there are pages 0 to 1")]
    [InlineData("paged[block=2,table=0]", "the table has 1 pages, but sequences of 4 rows take 2 of 2")]
    [InlineData("fp8row", "holds keys BF16 [..., 576], not F32 [4, 6]")]
    public void A_layout_that_cannot_hold_the_tensor(string text, string says)
    {
        ShapeException e = Assert.Throws<ShapeException>(() => Layout.Parse(text).Pack(new Tensor(DType.F32, 4, 6)));
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_ranks_and_types()
    {
        Assert.Contains("orders the last two dimensions; F32 [4] has 1", Assert.Throws<ShapeException>(() => Layout.Parse("mn").Pack(new Tensor(DType.F32, 4))).Message, StringComparison.Ordinal);
        Assert.Contains("a scalar has no rows", Assert.Throws<ShapeException>(() => Layout.Parse("paged").Pack(new Tensor(DType.F32))).Message, StringComparison.Ordinal);
        Assert.Contains("[K, M] with K in groups", Assert.Throws<ShapeException>(() => Layout.Parse("kgrouped[offsets=0:4]").Pack(new Tensor(DType.F32, 4))).Message, StringComparison.Ordinal);
        Assert.Contains("do not fill whole bytes", Assert.Throws<ShapeException>(() => Layout.Parse("k").Pack(new Tensor(DType.F4, 4, 6))).Message, StringComparison.Ordinal);
        Assert.Contains("holds scales F32 or F8_E8M0", Assert.Throws<ShapeException>(() => Layout.Parse("ue8m0").Pack(new Tensor(DType.BF16, 4, 6))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Values_that_the_format_cannot_hold()
    {
        DataException e = Assert.Throws<DataException>(() => Layout.Parse("ue8m0").Pack(Tensor.From([1f, 3f], 1, 2)));
        Assert.Contains("scale (0, 1) is 3", e.Message, StringComparison.Ordinal);
        var keys = new Tensor(DType.BF16, 1, 576);
        keys.AsSpan<BFloat16>()[0] = BFloat16.Round(448f);
        keys.AsSpan<BFloat16>()[7] = BFloat16.Round(1.0078125f);
        e = Assert.Throws<DataException>(() => Layout.Parse("fp8row").Pack(keys));
        Assert.Contains("value 7 of row 0 is 1.0078125 (0x3F81), which an FP8 cache row would hold as 1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_number_of_bytes()
    {
        var layout = Layout.Parse("mn[align=16]");
        ShapeException e = Assert.Throws<ShapeException>(() => layout.Unpack(new byte[20], DType.F32, new Shape(3, 2)));
        Assert.Contains("layout mn[align=16]: 20 bytes for F32 [3, 2], expected 32", e.Message, StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => layout.FirstTouched(new byte[20], DType.F32, new Shape(3, 2)));
    }
}
