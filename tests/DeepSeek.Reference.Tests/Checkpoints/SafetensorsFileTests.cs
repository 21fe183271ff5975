using System.Text;
using Xunit;

namespace DeepSeek.Reference.Tests.Checkpoints;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly SafetensorsBytes files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void A_tensor_is_read_where_it_lies_also_unaligned()
    {
        string header = """{"b":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[3,11]}}""";
        string path = files.Bytes("t.safetensors", [.. BitConverter.GetBytes((ulong)header.Length), .. Encoding.UTF8.GetBytes(header), 7, 8, 9, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]);
        using SafetensorsFile file = SafetensorsFile.Open(path);

        Assert.Equal(["b", "a"], file.Entries.Keys);
        Assert.Equal(new TensorEntry("a", DType.F32, new Shape(2, 1), 3, 11, 8 + header.Length + 3), file.Entries["a"]);
        Assert.Equal([7, 8, 9], file.Get("b").AsReadOnlySpan<byte>().ToArray());
        Assert.Equal([1f, -2f], file.Get("a").AsReadOnlySpan<float>().ToArray());
        Assert.True(file.Get("a").IsReadOnly);
        Assert.Throws<ShapeException>(() => { file.Get("a").AsSpan<float>().Clear(); });
    }

    [Fact]
    public void Entries_follow_the_bytes_not_the_header()
    {
        using SafetensorsFile file = SafetensorsFile.Open(files.File("""{"b":{"dtype":"U8","shape":[3],"data_offsets":[1,4]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 4));
        Assert.Equal(["a", "b"], file.Entries.Keys);
    }

    [Theory]
    [InlineData("BOOL", 1), InlineData("F4", 4), InlineData("F6_E2M3", 6), InlineData("F6_E3M2", 6), InlineData("U8", 8), InlineData("I8", 8)]
    [InlineData("F8_E5M2", 8), InlineData("F8_E4M3", 8), InlineData("F8_E8M0", 8), InlineData("F8_E4M3FNUZ", 8), InlineData("F8_E5M2FNUZ", 8)]
    [InlineData("I16", 16), InlineData("U16", 16), InlineData("F16", 16), InlineData("BF16", 16), InlineData("I32", 32), InlineData("U32", 32)]
    [InlineData("F32", 32), InlineData("C64", 64), InlineData("F64", 64), InlineData("I64", 64), InlineData("U64", 64)]
    public void Every_dtype_of_the_format_is_read(string dtype, int bits)
    {
        int bytes = bits == 1 ? 8 : bits;
        using SafetensorsFile file = SafetensorsFile.Open(files.File(SafetensorsBytes.Header(("t", dtype, "4,2", 0, bytes)), bytes));
        Assert.Equal(dtype, file.Get("t").DType.Name());
        Assert.Equal(bytes, file.Get("t").ByteCount);
    }

    [Fact]
    public void Scalars_empty_tensors_metadata_and_padding_are_read()
    {
        string header = """{"__metadata__":{"format":"pt","é":"\n"},"s":{"shape":[],"data_offsets":[0,8],"dtype":"I64"},"e":{"dtype":"F32","shape":[0,5],"data_offsets":[8,8],"other":{"x":[1]}}}     """;
        using SafetensorsFile file = SafetensorsFile.Open(files.File(header, 8));
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal("\n", file.Metadata["é"]);
        Assert.Equal(0, file.Get("s").Shape.Rank);
        Assert.Equal(1, file.Get("s").ElementCount);
        Assert.Equal(new Shape(0, 5), file.Get("e").Shape);
        Assert.False(file.TryGet("absent", out _));
        Refusal.Of(() => file.Get("absent"), "'absent'", "t.safetensors");
    }

    [Fact]
    public void A_file_without_tensors_is_sound()
    {
        using SafetensorsFile file = SafetensorsFile.Open(files.File("{}", 0));
        Assert.Empty(file.Entries);
    }

    [Fact]
    public void Tensors_beyond_4_GiB_are_reached()
    {
        const long Large = (1L << 32) + 16;
        string header = SafetensorsBytes.Header(("large", "U8", $"{Large}", 0, Large), ("last", "I32", "1", Large, Large + 4));
        string path = files.File(header, 0);
        using (var stream = new FileStream(path, FileMode.Open, FileAccess.Write))
        {
            stream.SetLength(8 + header.Length + Large + 4);
            stream.Position = stream.Length - 5;
            stream.Write([0x5A, 4, 3, 2, 1]);
        }

        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal(0x01020304, file.Get("last").AsReadOnlySpan<int>()[0]);
        Assert.Equal(Large, file.Get("large").ElementCount);
        Assert.Equal(0x5A, file.Get("large").Rows(Large - 1, 1).AsBytes()[0]);
    }

    [Fact]
    public void A_closed_file_refuses_its_tensors()
    {
        SafetensorsFile file = SafetensorsFile.Open(Golden.Path("oracles", "fp32_short", "model.safetensors"));
        Tensor tensor = file.Get("lm_head.weight");
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => tensor.AsReadOnlySpan<float>()[0]);
        Assert.Throws<ObjectDisposedException>(() => file.Get("lm_head.weight"));
    }

    [Fact]
    public void A_forgotten_file_stays_mapped_under_its_spans()
    {
        ReadOnlySpan<float> span = Forget(files.File("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8));
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(0f, span[1]);

        static ReadOnlySpan<float> Forget(string path) => SafetensorsFile.Open(path).Get("t").AsReadOnlySpan<float>();
    }

    [Theory]
    [InlineData("bf16"), InlineData("bf16_softmax"), InlineData("fp32_batch2"), InlineData("fp32_decode"), InlineData("fp32_greedy"), InlineData("fp32_groups"), InlineData("fp32_mtp")]
    [InlineData("fp32_negbias"), InlineData("fp32_noqlora"), InlineData("fp32_short"), InlineData("fp32_yarn_long")]
    public void Every_oracle_is_read(string oracle)
    {
        foreach (string part in new[] { "model.safetensors", "oracle.safetensors" })
        {
            using SafetensorsFile file = SafetensorsFile.Open(Golden.Path("oracles", oracle, part));
            Assert.NotEmpty(file.Entries);
            Assert.Equal(file.Entries.Keys, file.Entries.Values.OrderBy(e => e.Begin).Select(e => e.Name));
            foreach (string name in file.Entries.Keys)
                Assert.Equal(file.Entries[name].ByteCount, file.Get(name).AsBytes().Length);
        }
    }
}
