using System.Runtime.InteropServices;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace DeepSeek.Reference.Tests.Checkpoints;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly SafetensorsBytes files = new();

    public void Dispose() => files.Dispose();

    private static KeyValuePair<string, Tensor>[] Tensors(params (string Name, Tensor Tensor)[] tensors) => [.. tensors.Select(t => KeyValuePair.Create(t.Name, t.Tensor))];

    [Fact]
    public void What_is_written_is_read_bit_for_bit()
    {
        string path = files.At("t.safetensors");
        Gen<(string Name, Tensor Tensor)> named = from name in ArbMap.Default.GeneratorFor<NonNull<string>>() from tensor in AnyTensor.Any() select (new string(name.Get.Where(c => !char.IsSurrogate(c)).ToArray()), tensor);
        Prop.ForAll(named.ArrayOf().Select(a => a.DistinctBy(t => t.Name).ToArray()).ToArbitrary(), tensors =>
        {
            var metadata = tensors.ToDictionary(t => t.Name, t => t.Name + "\"\\\u0001é");
            SafetensorsWriter.Write(path, Tensors(tensors), metadata, NaNBits.AsStored);
            using SafetensorsFile file = SafetensorsFile.Open(path);
            return file.Entries.Count == tensors.Length
                && metadata.All(m => file.Metadata[m.Key] == m.Value)
                && tensors.All(t => AnyTensor.SameBytes(t.Tensor, file.Get(t.Name)));
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("bf16"), InlineData("bf16_softmax"), InlineData("fp32_batch2"), InlineData("fp32_decode"), InlineData("fp32_greedy"), InlineData("fp32_groups"), InlineData("fp32_mtp")]
    [InlineData("fp32_negbias"), InlineData("fp32_noqlora"), InlineData("fp32_short"), InlineData("fp32_yarn_long")]
    public void The_bytes_are_those_of_another_writer(string oracle)
    {
        string source = Golden.Path("oracles", oracle, "model.safetensors");
        using SafetensorsFile file = SafetensorsFile.Open(source);
        string copy = files.At("model.safetensors");
        SafetensorsWriter.Write(copy, file.Entries.Keys.Reverse().Select(n => KeyValuePair.Create(n, file.Get(n))), file.Metadata);
        Assert.Equal(File.ReadAllBytes(source), File.ReadAllBytes(copy));
    }

    [Fact]
    public void Order_spelling_and_padding()
    {
        string path = files.At("t.safetensors");
        SafetensorsWriter.Write(
            path,
            Tensors(("\uFB00", new Tensor(DType.U8, 1)), ("\U0001F600", new Tensor(DType.U8, 1)), ("b", new Tensor(DType.F32, 1, 0)), ("a", new Tensor(DType.I64)), ("\t\"", new Tensor(DType.Bool, 2))),
            new Dictionary<string, string> { ["z"] = "\\", ["k"] = "\u0001" });
        byte[] bytes = File.ReadAllBytes(path);
        int length = (int)BitConverter.ToUInt64(bytes);
        Assert.Equal(0, length % 8);
        Assert.Equal(
            """{"__metadata__":{"k":"\u0001","z":"\\"},"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1,0],"data_offsets":[8,8]},"""
            + "\"\uFB00\":" + """{"dtype":"U8","shape":[1],"data_offsets":[8,9]},""" + "\"\U0001F600\":" + """{"dtype":"U8","shape":[1],"data_offsets":[9,10]},"\t\"":{"dtype":"BOOL","shape":[2],"data_offsets":[10,12]}}""",
            Encoding.UTF8.GetString(bytes, 8, length).TrimEnd(' '));
        Assert.Equal(8 + length + 12, bytes.Length);
    }

    [Fact]
    public void Rule_N3_files_carry_the_canonical_NaN_unless_asked_otherwise()
    {
        string path = files.At("t.safetensors");
        var f32 = new Tensor(DType.F32, 3);
        new uint[] { 0xFFFFFFFF, 0x7F800001, 0xFF800000 }.CopyTo(MemoryMarshal.Cast<float, uint>(f32.AsSpan<float>()));
        var bf16 = Tensor.From([BFloat16.FromBits(0xFF81), BFloat16.FromBits(0x7F80)], 2);
        var f16 = new Tensor(DType.F16, 2);
        new ushort[] { 0xFC01, 0xFC00 }.CopyTo(f16.AsSpan<ushort>());
        var f64 = new Tensor(DType.F64, 2);
        new ulong[] { 0xFFF0000000000001, 0x7FF0000000000000 }.CopyTo(MemoryMarshal.Cast<double, ulong>(f64.AsSpan<double>()));
        KeyValuePair<string, Tensor>[] tensors = Tensors(("f32", f32), ("bf16", bf16), ("f16", f16), ("f64", f64));

        SafetensorsWriter.Write(path, tensors);
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            Assert.Equal("0000C07F0000C07F000080FF", Convert.ToHexString(file.Get("f32").AsBytes()));
            Assert.Equal("C07F807F", Convert.ToHexString(file.Get("bf16").AsBytes()));
            Assert.Equal("007E00FC", Convert.ToHexString(file.Get("f16").AsBytes()));
            Assert.Equal("000000000000F87F000000000000F07F", Convert.ToHexString(file.Get("f64").AsBytes()));
        }

        SafetensorsWriter.Write(path, tensors, nan: NaNBits.AsStored);
        using (SafetensorsFile file = SafetensorsFile.Open(path))
            Assert.Equal("FFFFFFFF0100807F000080FF", Convert.ToHexString(file.Get("f32").AsBytes()));
    }

    [Fact]
    public void Tensors_larger_than_a_piece_are_written_whole()
    {
        var large = new Tensor(DType.F32, 3, 100_003);
        new System.Random(1).NextBytes(MemoryMarshal.AsBytes(large.AsSpan<float>()));
        string path = files.At("t.safetensors");
        SafetensorsWriter.Write(path, Tensors(("t", large)), nan: NaNBits.AsStored);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.True(AnyTensor.SameBytes(large, file.Get("t")));
    }

    [Fact]
    public void Names_that_cannot_be_written()
    {
        string path = files.At("t.safetensors");
        var t = new Tensor(DType.U8, 1);
        Refusal.Of(() => SafetensorsWriter.Write(path, Tensors(("a", t), ("a", t))), path, "'a'");
        Refusal.Of(() => SafetensorsWriter.Write(path, Tensors(("__metadata__", t))), path, "'__metadata__'");
        Refusal.Of(() => SafetensorsWriter.Write(path, Tensors(("\uD800", t))), path, "surrogate");
        Assert.Empty(Directory.GetFileSystemEntries(files.Folder));
    }

    [Fact]
    public void Cancellation_leaves_what_was_there()
    {
        string path = files.Text("t.safetensors", "before");
        Assert.Throws<OperationCanceledException>(() => SafetensorsWriter.Write(path, Tensors(("a", new Tensor(DType.U8, 1))), cancellationToken: new CancellationToken(true)));
        Assert.Equal("before", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(files.Folder));
    }
}
