using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Tests.House;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification;

/// <summary>docs/spec/capture.md: the file, the inputs, the comparison. Every capture here is synthetic.</summary>
public sealed class HardwareCaptureTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("capture-tests-").FullName;

    public static TheoryData<string> Instructions => [.. Described().Select(line => line.GetProperty("instruction").GetString()!)];

    /// <summary>One change to the E4M3 unit each.</summary>
    public static TheoryData<string> Changes => ["FractionBits - 1", "FractionBits + 1", "OutputFractionBits + 1", "to nearest", "downward", "C after", "two blocks", "normalised", "flushed"];

    private string NewPath => Path.Combine(folder, Path.GetRandomFileName() + ".capture");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_inputs_of_a_seed_are_those_of_the_capture_program()
    {
        JsonElement[] lines = Described();
        Assert.Equal(28, lines.Length);
        foreach (JsonElement line in lines)
        {
            CaptureInstruction instruction = CaptureInstruction.Parse(line.GetProperty("instruction").GetString()!);
            string got = CaptureInputs.Digest(instruction, 0x0123456789ABCDEF, line.GetProperty("tiles").GetInt64(), line.GetProperty("steps").GetInt32());
            Assert.Equal((instruction.Name, line.GetProperty("inputs_sha256").GetString()), (instruction.Name, got));
        }
    }

    [Fact]
    public void The_header_is_that_of_the_capture_program()
    {
        JsonElement line = Described()[0];
        string mine = CapturedDots.Describe(SyntheticCapture.WgmmaE4M3, "synthetic", "model.h", 0x0123456789ABCDEF, 126, 2).ToString();
        Assert.Equal(line.GetRawText(), mine);
    }

    [Theory]
    [MemberData(nameof(Instructions))]
    public void What_the_model_gives_agrees_in_every_bit(string instruction)
    {
        string path = SyntheticCapture.Dots(NewPath, instruction, seed: 3, tiles: 14, steps: 2);
        CaptureReport report = CapturedDots.Of(HardwareCapture.Read(path)).Judge();
        Assert.Equal((7168L, 7168L), (report.Total, report.Equal));
        Assert.Empty(report.First);
    }

    [Theory]
    [MemberData(nameof(Instructions))]
    public void Whole_numbers_are_exact_in_every_unit(string instruction)
    {
        CaptureInstruction parsed = CaptureInstruction.Parse(instruction);
        const int tile = (int)ElementMap.Integers;
        uint[] a = new uint[64 * parsed.K], b = new uint[8 * parsed.K], c = new uint[512];
        CaptureInputs.Tile(parsed, 1, 1, tile, a, b, c);
        for (int i = 0; i < 512; i++)
        {
            int sum = 0;
            for (int k = 0; k < parsed.K; k++)
                sum += Whole(parsed.A, a[i / 8 * parsed.K + k]) * Whole(parsed.B, b[i % 8 * parsed.K + k]);
            uint d = parsed.Unit.Define(a.AsSpan(i / 8 * parsed.K, parsed.K), b.AsSpan(i % 8 * parsed.K, parsed.K), c[i]);
            Assert.Equal(sum, Whole(parsed.Accumulator, d));
        }
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public void Hardware_that_is_not_the_model_is_caught_and_described(string change)
    {
        TensorCore right = TensorCore.HopperWgmmaE4M3F32, other = Changed(right, change);
        string path = SyntheticCapture.Dots(NewPath, SyntheticCapture.WgmmaE4M3, tiles: 126, wrong: other);
        CaptureReport report = CapturedDots.Of(HardwareCapture.Read(path)).Judge(keep: 3);
        Assert.True(report.Equal < report.Total, $"{change} was not noticed");
        Assert.Equal(report.Total, report.Equal + Enum.GetValues<DifferenceKind>().Where(k => k != DifferenceKind.None).Sum(report.Of));
        Assert.Equal(3, report.First.Count);
        foreach (CaptureDifference d in report.First)
        {
            Assert.Equal(d.Captured, other.Define([.. d.A], [.. d.B], d.C));
            Assert.Equal(d.Model, right.Define([.. d.A], [.. d.B], d.C));
        }
    }

    [Fact]
    public void The_zero_exponent_is_noticed_where_products_are_tiny()
    {
        const string instruction = "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16";
        string path = SyntheticCapture.Dots(NewPath, instruction, tiles: 14, wrong: TensorCore.HopperWgmmaBF16F32 with { ZeroExponent = -126 });
        CaptureReport report = CapturedDots.Of(HardwareCapture.Read(path)).Judge();
        Assert.True(report.Maps[(ElementMap.Tiny, AddendMap.None)].Different > 0);
        Assert.Equal(0, report.Maps[(ElementMap.Near, AddendMap.None)].Different);
    }

    [Fact]
    public void The_sign_of_zero_is_told_apart_from_other_differences()
    {
        byte[] results = SyntheticCapture.Results(SyntheticCapture.WgmmaE4M3, 1, 28, 1);
        long zeros = 0;
        for (int i = 3; i < results.Length; i += 4)
        {
            if (results[i] == 0 && results[i - 1] == 0 && results[i - 2] == 0 && results[i - 3] == 0)
            {
                results[i] = 0x80;
                zeros++;
            }
        }

        string path = NewPath;
        HardwareCapture.Write(path, SyntheticCapture.Header(SyntheticCapture.WgmmaE4M3, 1, 28, 1), results);
        CaptureReport report = CapturedDots.Of(HardwareCapture.Read(path)).Judge();
        Assert.True(zeros > 10);
        Assert.Equal((zeros, report.Total - zeros), (report.Of(DifferenceKind.SignOfZero), report.Equal));
    }

    [Theory]
    [InlineData(0x3F800000u, 0x3F800000u, DifferenceKind.None)]
    [InlineData(0x80000000u, 0x00000000u, DifferenceKind.SignOfZero)]
    [InlineData(0x7FFFFFFFu, 0x7FC00000u, DifferenceKind.CodeOfNaN)]
    [InlineData(0x7F800000u, 0x7F7FFFFFu, DifferenceKind.Special)]
    [InlineData(0x7F800000u, 0xFF800000u, DifferenceKind.Special)]
    [InlineData(0x3F800000u, 0x3F7FFFFFu, DifferenceKind.LastPlace)]
    [InlineData(0x80000001u, 0x00000000u, DifferenceKind.LastPlace)]
    [InlineData(0x80000001u, 0x00000001u, DifferenceKind.Value)]
    [InlineData(0x3F800000u, 0xBF800000u, DifferenceKind.Value)]
    public void A_difference_has_a_kind(uint captured, uint model, object kind) =>
        Assert.Equal(kind, new CaptureDifference(0, 0, 0, 0, captured, model).Kind(CaptureFormat.Accumulator("f32")!));

    [Fact]
    public void Inputs_may_lie_in_the_file()
    {
        const string instruction = "mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16";
        CaptureInstruction parsed = CaptureInstruction.Parse(instruction);
        const int tiles = 14;
        byte[] d = SyntheticCapture.Results(instruction, 9, tiles, 1);
        byte[] a = new byte[tiles * 64 * 16 * 2], b = new byte[tiles * 8 * 16 * 2], c = new byte[tiles * 512 * 2];
        uint[] codesA = new uint[1024], codesB = new uint[128], codesC = new uint[512];
        for (int tile = 0; tile < tiles; tile++)
        {
            CaptureInputs.Tile(parsed, 9, 1, tile, codesA, codesB, codesC);
            CaptureInputs.Bytes(codesA, 2, a.AsSpan(tile * 2048));
            CaptureInputs.Bytes(codesB, 2, b.AsSpan(tile * 256));
            CaptureInputs.Bytes(codesC, 2, c.AsSpan(tile * 1024));
        }

        byte[] inputs = [.. a, .. b, .. c];
        string path = NewPath;
        var header = new CaptureHeader();
        foreach ((string name, object value) in SyntheticCapture.Header(instruction, 9, tiles, 1).Fields)
            header.Add(name, name == "inputs" ? "explicit" : value);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(inputs)), header.Text("inputs_sha256"));
        HardwareCapture.Write(path, header, [.. d, .. inputs]);
        CaptureReport report = CapturedDots.Of(HardwareCapture.Read(path)).Judge(threads: 2);
        Assert.Equal((7168L, 7168L), (report.Total, report.Equal));
    }

    [Fact]
    public void A_gzip_wrapper_is_seen_through_and_a_damaged_one_named()
    {
        string path = SyntheticCapture.Dots(NewPath, SyntheticCapture.WgmmaE4M3), wrapped = path + ".gz";
        using (var gzip = new GZipStream(File.Create(wrapped), CompressionLevel.Fastest))
            gzip.Write(File.ReadAllBytes(path));
        Assert.Equal(7168, CapturedDots.Of(HardwareCapture.Read(wrapped)).Judge().Equal);
        byte[] bytes = File.ReadAllBytes(wrapped);
        bytes[bytes.Length / 2] ^= 0x55;
        File.WriteAllBytes(wrapped, bytes);
        Assert.Contains(wrapped, Assert.Throws<DataException>(() => HardwareCapture.Read(wrapped)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused_with_where()
    {
        byte[] whole = File.ReadAllBytes(SyntheticCapture.Dots(NewPath, SyntheticCapture.WgmmaE4M3));
        foreach (int length in (int[])[0, 1, 7, 8, 11, 12, 15, 16, 100, 500, 800, 1000, whole.Length / 2, whole.Length - 33, whole.Length - 32, whole.Length - 1])
        {
            string message = Refused(whole[..length]);
            Assert.Contains(length < 8 ? "does not begin with DSREFCAP" : "is cut short", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_byte_changed_anywhere_is_noticed()
    {
        byte[] whole = File.ReadAllBytes(SyntheticCapture.Dots(NewPath, SyntheticCapture.WgmmaE4M3));
        for (int at = 0; at < whole.Length; at += at < 1024 ? 1 : 997)
        {
            byte[] changed = [.. whole];
            changed[at] ^= 0x04;
            Refused(changed);
        }
    }

    [Fact]
    public void Bytes_behind_the_checksum_are_noticed() => Assert.Contains("goes on for 1 bytes", Refused([.. File.ReadAllBytes(SyntheticCapture.Dots(NewPath, SyntheticCapture.WgmmaE4M3)), 0]), StringComparison.Ordinal);

    [Theory]
    [InlineData("instruction", "wgmma.mma_async.sync.aligned.m64n8k32.f32.e4m3.e3m2", "no matrix instruction")]
    [InlineData("instruction", "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f16", "no matrix instruction")]
    [InlineData("instruction", "wgmma.mma_async.sync.aligned.m64n8k16.f32.e4m3.e4m3", "no matrix instruction")]
    [InlineData("instruction", 7L, "a number where a text is expected")]
    [InlineData("a", "e5m2", "a is 'e5m2' where 'e4m3' belongs")]
    [InlineData("accumulator", "f16", "accumulator is 'f16' where 'f32' belongs")]
    [InlineData("maps", "2", "maps is '2' where '1' belongs")]
    [InlineData("k", 16L, "k is 16, outside 32 to 32")]
    [InlineData("steps", 0L, "steps is 0, outside 1 to 256")]
    [InlineData("steps", 2L, "was made from inputs of SHA-256")]
    [InlineData("tiles", 9223372036854775807L, "tiles is 9223372036854775807")]
    [InlineData("tiles", 13L, "count is 7168")]
    [InlineData("count", 7167L, "count is 7167")]
    [InlineData("seed", "1", "not written as 0x")]
    [InlineData("seed", "0x2", "was made from inputs of SHA-256")]
    [InlineData("inputs", "explicit", "has a payload of 28672 bytes where its header describes")]
    [InlineData("inputs", "none", "neither seed nor explicit")]
    [InlineData("inputs_sha256", "00", "was made from inputs of SHA-256 00")]
    public void A_header_that_does_not_fit_is_named(string field, object value, string says)
    {
        var header = new CaptureHeader();
        foreach ((string name, object was) in SyntheticCapture.Header(SyntheticCapture.WgmmaE4M3, 1, 14, 1).Fields)
            header.Add(name, name == field ? value : was);
        string path = NewPath;
        HardwareCapture.Write(path, header, new byte[14 * 512 * 4]);
        string message = Assert.Throws<DataException>(() => CapturedDots.Of(HardwareCapture.Read(path))).Message;
        Assert.Contains(says, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("[]", "is no JSON object")]
    [InlineData("{", "not JSON")]
    [InlineData("{\"kind\":\"dot\",\"kind\":\"dot\"}", "names kind twice")]
    [InlineData("{\"kind\":1.5}", "neither a text nor a whole number")]
    [InlineData("{\"kind\":null}", "neither a text nor a whole number")]
    public void A_header_that_is_no_list_of_fields_is_named(string json, string says) =>
        Assert.Contains(says, Assert.Throws<FormatException>(() => CaptureHeader.Parse(Encoding.UTF8.GetBytes(json))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_unit_with_other_operands_is_refused()
    {
        CapturedDots dots = CapturedDots.Of(HardwareCapture.Read(SyntheticCapture.Dots(NewPath, SyntheticCapture.WgmmaE4M3)));
        Assert.Contains("does not take the operands", Assert.Throws<ContractException>(() => dots.Judge(TensorCore.HopperWgmmaE5M2F32)).Message, StringComparison.Ordinal);
        Assert.True(dots.Judge(TensorCore.HopperMmaE4M3F32).Equal < 7168);
    }

    private static JsonElement[] Described() =>
        [.. File.ReadLines(Repository.Path("golden", "hardware", "inputs.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];

    private static TensorCore Changed(TensorCore unit, string change) => change switch
    {
        "FractionBits - 1" => unit with { FractionBits = 12 },
        "FractionBits + 1" => unit with { FractionBits = 14 },
        "OutputFractionBits + 1" => unit with { OutputFractionBits = 14 },
        "to nearest" => unit with { Rounding = OutputRounding.NearestEven },
        "downward" => unit with { Alignment = AlignmentRounding.Downward },
        "C after" => unit with { Entry = AccumulatorEntry.AddedAfter },
        "two blocks" => unit with { FusedLength = 16 },
        "normalised" => unit with { NormalisesProducts = true },
        "flushed" => unit with { FlushesSubnormals = true },
        _ => throw new ArgumentException(change),
    };

    private static int Whole(CaptureFormat format, uint code)
    {
        Element e = format.Elements.Decode(code);
        return (e.Negative ? -1 : 1) * (int)Math.ScaleB(e.Significand, e.Exponent - format.Elements.FractionBits);
    }

    private string Refused(byte[] bytes)
    {
        string path = NewPath;
        File.WriteAllBytes(path, bytes);
        string message = Assert.Throws<DataException>(() => HardwareCapture.Read(path)).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        return message;
    }
}
