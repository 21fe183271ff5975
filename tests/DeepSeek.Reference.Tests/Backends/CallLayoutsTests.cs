using System.Text;
using System.Text.Json;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Layouts;
using DeepSeek.Reference.Ops;
using Xunit;

namespace DeepSeek.Reference.Tests.Backends;

/// <summary>Layouts of a call's operands: who chooses, what a backend is told, and what is held against it.</summary>
public sealed class CallLayoutsTests
{
    private static readonly Dictionary<string, string> Nothing = [];

    [Theory]
    [InlineData("y=k[pad=1],x=mn", "y", "k[pad=1]")]
    [InlineData("weight=mn[align=16,pad=2]", "weight.1", "mn[align=16,pad=2]")]
    [InlineData("weight=mn,weight.1=k[pad=1]", "weight.1", "k[pad=1]")]
    [InlineData("weight=mn,grouped_linear:weight=k[pad=1]", "weight.0", "k[pad=1]")]
    [InlineData("linear:weight=mn", "weight.0", "contiguous")]
    public void The_more_particular_choice_wins(string choice, string operand, string layout)
    {
        OperationCall call = Grouped();
        var layouts = new CallLayouts(call, LayoutChoice.Parse(choice), Nothing);
        Assert.Equal(layout, layouts.Of(Named(call, operand)).ToString());
    }

    [Theory]
    [InlineData("mn", "'mn' is not NAME=LAYOUT")]
    [InlineData("x=", "'x=' is not NAME=LAYOUT")]
    [InlineData("x=mn,x=k", "operand 'x' has two layouts")]
    [InlineData("x=nz", "there is no 'nz'")]
    public void A_choice_that_is_none(string choice, string says) =>
        Assert.Contains(says, Assert.Throws<ContractException>(() => LayoutChoice.Parse(choice)).Message, StringComparison.Ordinal);

    [Fact]
    public void The_call_gives_the_groups_of_its_rows()
    {
        OperationCall call = Grouped();
        var layouts = new CallLayouts(call, LayoutChoice.None, new Dictionary<string, string> { ["x"] = "grouped[align=4]" });
        Assert.Equal("grouped[align=4,offsets=0:1:3]", layouts.Of(Named(call, "x")).ToString());
        Assert.Equal(8 * 2 * sizeof(float), layouts.Pack(Named(call, "x")).Length);
    }

    [Fact]
    public void What_the_user_chose_the_backend_does_not_change()
    {
        OperationCall call = Grouped();
        var layouts = new CallLayouts(call, LayoutChoice.Parse("x=mn"), new Dictionary<string, string> { ["x"] = "k[pad=1]", ["weight"] = "k[pad=1]" });
        Assert.Equal("mn", layouts.Of(Named(call, "x")).ToString());
        Assert.Equal("k[pad=1]", layouts.Of(Named(call, "weight.1")).ToString());
    }

    [Theory]
    [InlineData("z", "mn", "wants a layout for 'z', but the operands are x, weight.0, weight.1, y")]
    [InlineData("y", "nz", "wants 'y' in layout 'nz'")]
    [InlineData("y", "fp8row", "holds keys BF16 [..., 576]")]
    [InlineData("y", "strided[strides=1:1]", "share byte 4")]
    public void What_a_backend_wants_in_vain_is_its_failure(string operand, string layout, string says)
    {
        BackendException e = Assert.Throws<BackendException>(() => new CallLayouts(Grouped(), LayoutChoice.None, new Dictionary<string, string> { [operand] = layout }));
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_user_wants_in_vain_is_a_case_that_cannot_be_run()
    {
        OperationCall call = Grouped();
        Assert.Contains("share byte 4", Assert.Throws<ContractException>(() => new CallLayouts(call, LayoutChoice.Parse("y=strided[strides=1:1]"), Nothing)).Message, StringComparison.Ordinal);
        var scales = new CallLayouts(call, LayoutChoice.Parse("x=ue8m0"), Nothing);
        Assert.Contains("not a power of two", Assert.Throws<ContractException>(() => { scales.Pack(Named(call, "x")); }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Padding_that_a_kernel_wrote_fails_it()
    {
        OperationCall call = Grouped();
        var layouts = new CallLayouts(call, LayoutChoice.Parse("y=k[pad=1]"), Nothing);
        Operand y = Named(call, "y");
        byte[] bytes = layouts.Pack(y).ToArray();
        Assert.Equal(y.Tensor.AsBytes().ToArray(), layouts.Unpack(y, bytes));
        bytes[^1] = 0;
        Assert.Contains("padding of 'y' was written: byte 47 of 48 is 0x00 (layout k[pad=1])", Assert.Throws<BackendException>(() => layouts.Unpack(y, bytes)).Message, StringComparison.Ordinal);
        Assert.Contains("the worker wrote 47 bytes for 'y', which has 48", Assert.Throws<BackendException>(() => layouts.Unpack(y, bytes[..47])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_output_of_packed_scales_begins_as_0xA5_and_not_as_a_value()
    {
        var call = new CastCall(Tensor.From([1f, 2f], 2, 1), Tensor.From([3f, 3f], 2, 1));
        var layouts = new CallLayouts(call, LayoutChoice.Parse("y=ue8m0"), Nothing);
        Operand y = Named(call, "y");
        byte[] bytes = layouts.Pack(y).ToArray();
        Assert.Equal("A5000000" + "A5000000" + "FFFFFFFF" + "FFFFFFFF", Convert.ToHexString(bytes));
        (bytes[0], bytes[4]) = (0x7F, 0x80);
        Assert.Equal(call.X.AsBytes().ToArray(), layouts.Unpack(y, bytes));
    }

    [Fact]
    public void What_a_backend_is_told()
    {
        OperationCall call = Grouped();
        var layouts = new CallLayouts(call, LayoutChoice.Parse("x=grouped[align=2]+mn[align=16]"), Nothing);
        Assert.Equal(
            """{"layout":"grouped[align=2,offsets=0:1:3]\u002Bmn[align=16]","stored":{"dtype":"F32","shape":[4,2],"strides":[1,4],"byte_offset":0,"bytes":32},"parameters":{"offsets":[0,1,3],"starts":[0,2,4],"ends":[1,4],"index":[0,-1,1,1]}}""",
            Written(layouts, Named(call, "x")));
        Assert.Equal("""{"layout":"contiguous"}""", Written(layouts, Named(call, "y")));
    }

    private static GroupedLinearCall Grouped() => new(
        Tensor.From([1f, 2f, 3f, 4f, 5f, 6f], 3, 2), [0, 1, 3], [new Tensor(DType.F32, 3, 2), new Tensor(DType.F32, 3, 2)], Accumulation.Lanes16, new Tensor(DType.F32, 3, 3));

    private static Operand Named(OperationCall call, string name) => Assert.Single(call.Operands, o => o.Name == name);

    private static string Written(CallLayouts layouts, Operand operand)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            layouts.Write(json, operand);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
