using System.Text;
using Xunit;

namespace DeepSeek.Reference.Tests.Checkpoints;

public sealed class SafetensorsBadInputTests : IDisposable
{
    private readonly SafetensorsBytes files = new();

    public void Dispose() => files.Dispose();

    private static void Refused(string path, params string[] parts) => Refusal.Of(() => SafetensorsFile.Open(path).Dispose(), [path, .. parts]);

    [Fact]
    public void A_missing_file_and_a_directory()
    {
        Refused(files.At("absent.safetensors"), "no such file");
        Refused(files.At("absent/absent.safetensors"), "no such file");
        Refused(files.Folder, "is a directory");
    }

    [Theory, InlineData(0), InlineData(1), InlineData(7)]
    public void A_file_too_short_for_a_length(int length) => Refused(files.Bytes("t.safetensors", new byte[length]), $"{length} bytes", "truncated");

    [Fact]
    public void A_header_longer_than_the_file() => Refused(files.Raw(3, "{}"u8.ToArray(), 0), "is 3", "only 2 bytes follow");

    [Fact]
    public void A_header_length_near_2_to_the_64() => Refused(files.Raw(ulong.MaxValue, "{}"u8.ToArray(), 0), "18446744073709551615");

    [Fact]
    public void A_header_beyond_the_formats_limit()
    {
        string path = files.Raw(100_000_001, "{}"u8.ToArray(), 0);
        using (var stream = new FileStream(path, FileMode.Open))
            stream.SetLength(200_000_000);
        Refused(path, "100000001", "limit");
    }

    [Theory]
    [InlineData(99_999_999UL, "0")]
    [InlineData(0x7FFFFFFFFFFFFFFFUL, "0")]
    [InlineData(0UL, "1000000000000")]
    public void A_lie_in_a_header_costs_no_memory(ulong statedLength, string shape)
    {
        byte[] header = Encoding.UTF8.GetBytes(SafetensorsBytes.Header(("t", "U8", shape, 0, 1_000_000_000_000)));
        string path = files.Raw(statedLength == 0 ? (ulong)header.Length : statedLength, header, 8);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused(path);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData(" {}")]
    [InlineData("null")]
    public void A_header_that_is_no_object(string header) => Refused(files.File(header, 0), "byte 8");

    [Theory]
    [InlineData("{", "not JSON")]
    [InlineData("""{"t":""", "not JSON")]
    [InlineData("{t:1}", "not JSON")]
    [InlineData("""{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},}""", "not JSON")]
    [InlineData("{}{}", "not JSON")]
    [InlineData("{} x", "not JSON")]
    [InlineData("""{"\ud800":{}}""", "surrogate")]
    public void A_header_that_is_no_JSON(string header, string reason) => Refused(files.File(header, 1), reason, "byte");

    [Fact]
    public void A_header_that_is_no_UTF8() => Refused(files.File([(byte)'{', (byte)'"', 0xFF, (byte)'"', (byte)':', (byte)'1', (byte)'}'], 0), "UTF-8");

    [Fact]
    public void A_header_nested_without_end() => Refused(files.File("""{"t":""" + new string('[', 5000), 0), "t");

    [Theory]
    [InlineData("""{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", "'t' stands twice")]
    [InlineData("""{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0074":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", "'t' stands twice")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", "'__metadata__' stands twice")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", "__metadata__.a stands twice")]
    [InlineData("""{"t":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", "'dtype' twice")]
    [InlineData("""{"t":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}""", "'shape' twice")]
    [InlineData("""{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"data_offsets":[0,1]}}""", "'data_offsets' twice")]
    public void A_name_or_field_that_stands_twice(string header, string reason) => Refused(files.File(header, 1), reason, "byte");

    [Theory]
    [InlineData("""{"t":1}""", "'t' is a number where an object")]
    [InlineData("""{"__metadata__":[]}""", "__metadata__ is an array")]
    [InlineData("""{"__metadata__":{"a":1}}""", "__metadata__.a is a number where a string")]
    [InlineData("""{"t":{"dtype":1,"shape":[1],"data_offsets":[0,1]}}""", "dtype of tensor 't' is a number")]
    [InlineData("""{"t":{"dtype":"U8","shape":1,"data_offsets":[0,1]}}""", "shape of tensor 't' is a number")]
    [InlineData("""{"t":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}""", "shape of tensor 't' is a string")]
    [InlineData("""{"t":{"dtype":"U8","shape":[1],"data_offsets":{}}}""", "data_offsets of tensor 't' is an object")]
    [InlineData("""{"t":{"dtype":"U8","shape":[1],"data_offsets":[0]}}""", "have 1 numbers")]
    [InlineData("""{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}""", "have 3 numbers")]
    [InlineData("""{"t":{"shape":[1],"data_offsets":[0,1]}}""", "lacks 'dtype'")]
    [InlineData("""{"t":{"dtype":"U8","data_offsets":[0,1]}}""", "lacks 'shape'")]
    [InlineData("""{"t":{"dtype":"U8","shape":[1]}}""", "lacks 'data_offsets'")]
    [InlineData("""{"t":{"dtype":"F31","shape":[1],"data_offsets":[0,1]}}""", "unknown dtype 'F31'")]
    [InlineData("""{"t":{"dtype":"f32","shape":[1],"data_offsets":[0,1]}}""", "unknown dtype 'f32'")]
    [InlineData("""{"t":{"dtype":"0","shape":[1],"data_offsets":[0,1]}}""", "unknown dtype '0'")]
    public void A_field_of_the_wrong_kind(string header, string reason) => Refused(files.File(header, 1), reason, "byte");

    [Theory]
    [InlineData("-1"), InlineData("1.0"), InlineData("1e0"), InlineData("9223372036854775808"), InlineData("1e400")]
    public void A_shape_that_is_no_count(string dimension) =>
        Refused(files.File(SafetensorsBytes.Header(("t", "U8", dimension, 0, 1)), 1), "shape of tensor 't'", dimension);

    [Theory]
    [InlineData("U8", "4294967296,4294967296")]
    [InlineData("U8", "9223372036854775807,2")]
    [InlineData("F64", "9223372036854775807")]
    [InlineData("F4", "3")]
    public void A_shape_that_cannot_be(string dtype, string shape) =>
        Refused(files.File(SafetensorsBytes.Header(("t", dtype, shape, 0, 1)), 1), "'t'", "impossible shape");

    [Theory]
    [InlineData("1", 0, 2, "hold 2")]
    [InlineData("4", 0, 2, "hold 2")]
    [InlineData("2", 2, 0, "after its end")]
    [InlineData("3", 0, 3, "truncated")]
    [InlineData("2", 9223372036854775805, 9223372036854775807, "truncated")]
    public void Offsets_that_do_not_fit(string shape, long begin, long end, string reason) =>
        Refused(files.File(SafetensorsBytes.Header(("t", "U8", shape, begin, end)), 2), "'t'", reason, "byte");

    [Theory]
    [InlineData(0, 2, 1, 3, "overlap")]
    [InlineData(0, 3, 1, 2, "overlap")]
    [InlineData(0, 3, 0, 3, "overlap")]
    [InlineData(0, 1, 2, 3, "belong to no tensor")]
    [InlineData(1, 2, 2, 3, "belong to no tensor")]
    [InlineData(0, 1, 1, 2, "follow the last tensor")]
    public void Tensors_that_do_not_tile_the_data(int begin, int end, int nextBegin, int nextEnd, string reason)
    {
        string header = SafetensorsBytes.Header(("t", "U8", $"{end - begin}", begin, end), ("u", "U8", $"{nextEnd - nextBegin}", nextBegin, nextEnd));
        Refused(files.File(header, 3), reason);
    }

    [Fact]
    public void An_empty_tensor_inside_another_overlaps_it() =>
        Refused(files.File("""{"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"u":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}""", 2), "overlap", "'t'", "'u'");

    [Fact]
    public void Bytes_without_any_tensor() => Refused(files.File("{}", 1), "1 bytes follow");

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        string sound = files.File("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}""", 11);
        byte[] whole = File.ReadAllBytes(sound);
        for (int length = 0; length < whole.Length; length++)
            Refused(files.Bytes("cut.safetensors", whole[..length]));
    }

    [Fact]
    public void A_header_with_one_byte_changed_is_read_or_refused_but_never_breaks()
    {
        byte[] header = Encoding.UTF8.GetBytes("""{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""");
        for (int i = 0; i < header.Length; i++)
        {
            foreach (byte changed in "\"{}[]:,-.0189eENtf\\u \0\u007f"u8)
            {
                byte[] copy = [.. header];
                copy[i] = changed;
                try
                {
                    SafetensorsFile.Open(files.File(copy, 8)).Dispose();
                }
                catch (DataException e)
                {
                    Assert.DoesNotContain('\n', e.Message);
                }
            }
        }
    }
}
