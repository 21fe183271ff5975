using System.IO.Compression;
using DeepSeek.Reference.Tests.House;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary><c>dsref vectors</c>: kinds from names and fields, counts, the first difference, and what is refused.</summary>
public sealed class VectorsVerbTests(Models models) : IClassFixture<Models>
{
    private static string Vectors => Path.Combine(Repository.Root, "golden", "vectors");

    [Theory]
    [InlineData("dev/hopper_wgmma_e4m3_f32.jsonl.gz", "h100_wgmma_e4m3_f32.jsonl", "hopper-wgmma-e4m3-f32")]
    [InlineData("dev/hopper_wgmma_e5m2_f16.jsonl.gz", "WGMMA-E5M2-F16-hidden.jsonl.gz", "hopper-wgmma-e5m2-f16")]
    [InlineData("dev/hopper_wgmma_bf16_f32.jsonl.gz", "h200_mmasync_bf16_f32.jsonl", "hopper-mma-bf16-f32")]
    [InlineData("dev/hopper_wgmma_tf32_f32.jsonl.gz", "f32.tf32.jsonl", "hopper-wgmma-tf32-f32")]
    [InlineData("dev/hopper_wgmma_fp16_f16.jsonl.gz", "hopper_wgmma_f16_f16.jsonl", "hopper-wgmma-fp16-f16")]
    [InlineData("dev/hopper_wgmma_e4m3_f32.jsonl.gz", "unnamed.jsonl", "hopper-wgmma-e4m3-f32")]
    [InlineData("dev/hopper_wgmma_fp16_f16.jsonl.gz", "1.jsonl.gz", "hopper-wgmma-fp16-f16")]
    [InlineData("dev/hopper_mmasync_e5m2_emulated.jsonl.gz", "hopper_mmasync_e5m2_emulated.jsonl", "hopper-mma-e5m2-f32 and f16")]
    [InlineData("dev/hopper_mmasync_e4m3_emulated.jsonl.gz", "held_e4m3.jsonl", "hopper-mma-e4m3-f32 and f16")]
    [InlineData("dev/hopper_mmasync_e5m2_emulated.jsonl.gz", "no_words.jsonl", "hopper-mma-e5m2-f32 and f16")]
    [InlineData("dev/fp8_gemm_e4m3_block128.jsonl.gz", "some_gemm.jsonl", "block-scaled product, hopper-wgmma-e4m3-f32")]
    [InlineData("dev/bf16_gemm_wgmma.jsonl.gz", "chains.jsonl.gz", "product, hopper-wgmma-bf16-f32")]
    [InlineData("quantisers/act_quant_1x128.jsonl.gz", "tiles.jsonl", "quantisers of 1x128 tiles")]
    [InlineData("fp8/e5m2_encode.csv.gz", "held-out-e5m2.csv", "encode e5m2")]
    [InlineData("fp8/e4m3fn_decode.csv.gz", "e4m3fn_all.csv.gz", "decode e4m3fn")]
    [InlineData("libm/log1pf.csv.gz", "log1p_more.csv", "function log1p")]
    public void A_kind_is_told_by_fields_and_name_in_any_order_of_lines(string source, string name, string kind)
    {
        string[] lines = Lines(source);
        int header = source.Contains(".csv", StringComparison.Ordinal) ? 1 : 0;
        string[] sample = [.. lines.Take(header), .. lines.Skip(header).Where((_, i) => i % 7 == 0).Reverse().Take(300)];
        Outcome outcome = CommandLine.Run("vectors", Write(name, sample)).Passes();
        string first = outcome.Out.Split('\n')[0];
        Assert.StartsWith($"{sample.Length - header}/{sample.Length - header} ", first, StringComparison.Ordinal);
        Assert.EndsWith($"({kind})", first.TrimEnd(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dev/hopper_wgmma_e4m3_f32.jsonl.gz", "hopper_wgmma_e4m3_f32.jsonl", "\"d\":\"", "d is ")]
    [InlineData("dev/hopper_mmasync_e4m3_emulated.jsonl.gz", "hopper_mmasync_e4m3_emulated.jsonl", "\"d16\":\"", "d16 is ")]
    [InlineData("dev/fp8_gemm_e4m3_block128.jsonl.gz", "fp8_gemm_e4m3_block128.jsonl", "\"tc\":\"", "tc[0] is ")]
    [InlineData("dev/fp8_gemm_e4m3_block128.jsonl.gz", "fp8_gemm_e4m3_block128.jsonl", "\"deepgemm_bf16\":\"", "deepgemm_bf16 is ")]
    [InlineData("dev/fp8_gemm_e4m3_block128.jsonl.gz", "fp8_gemm_e4m3_block128.jsonl", "\"triton_nofma_f32\":\"", "triton_nofma_f32 is ")]
    [InlineData("dev/fp8_gemm_e4m3_block128.jsonl.gz", "fp8_gemm_e4m3_block128.jsonl", "\"unscaled_nopromote_f32\":\"", "unscaled_nopromote_f32 is ")]
    [InlineData("dev/bf16_gemm_wgmma.jsonl.gz", "bf16_gemm_wgmma.jsonl", "\"d_bf16\":\"", "d_bf16 is ")]
    [InlineData("quantisers/act_quant_1x128.jsonl.gz", "act_quant_1x128.jsonl", "\"y_recip\":\"", "y_recip[0] is ")]
    public void One_digit_that_differs_is_found_and_named(string source, string name, string column, string says)
    {
        string[] lines = [.. Lines(source).Take(40)];
        int digit = lines[16].IndexOf(column, StringComparison.Ordinal) + column.Length + 1;
        lines[16] = $"{lines[16][..digit]}{(lines[16][digit] == '1' ? '2' : '1')}{lines[16][(digit + 1)..]}";
        Outcome outcome = CommandLine.Run("vectors", Write(name, lines));
        Assert.Equal(1, outcome.Exit);
        Assert.StartsWith("39/40 ", outcome.Out, StringComparison.Ordinal);
        Assert.Contains($"first difference: line 17: {says}", outcome.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"a":"00","b":"00","c":"00000000","d":"00000000"}""", ":1: ", "fits no matrix unit")]
    [InlineData("{\"a\":", ":1: ", "is not JSON")]
    [InlineData("[1]", ":1: ", "not an object")]
    [InlineData("""{"q":1}""", ":1: ", "no kind of vectors")]
    [InlineData("GOOD\n{}", ":2: ", "no field 'a'")]
    [InlineData("GOOD\nnonsense", ":2: ", "is not JSON")]
    [InlineData("GOOD\n{\"a\":\"38\",\"b\":\"38\",\"c\":\"00000000\",\"d\":\"3f800000\"}", ":2: ", "'a' has 1 elements")]
    [InlineData("GOOD\n{\"a\":\"A0\",\"b\":\"B\",\"c\":\"00000000\",\"d\":\"3f800000\"}", ":2: ", "'a' has 1 elements")]
    [InlineData("GOOD\n{\"a\":\"ZEROS\",\"b\":\"ZEROS\",\"c\":\"0000000\",\"d\":\"3f800000\"}", ":2: ", "'c' has 7 digits")]
    [InlineData("GOOD\n{\"a\":\"ZEROS\",\"b\":\"ZEROS\",\"c\":\"00000000\",\"d\":\"3f80000g\"}", ":2: ", "'d' has '3f80000g'")]
    [InlineData("GOOD\n{\"a\":\"ZEROS\",\"b\":\"ZEROS\",\"c\":\"00000000\",\"d\":7}", ":2: ", "'d' is Number")]
    [InlineData("GOOD\n{\"a\":\"ZEROS\",\"b\":\"ZEROS00\",\"c\":\"00000000\",\"d\":\"00000000\"}", ":2: ", "'b' has 33 elements")]
    [InlineData("", "holds no vectors")]
    [InlineData("code,f32_bits,class", "holds no rows")]
    public void A_malformed_line_is_refused_with_its_number(string text, params string[] says)
    {
        string zeros = new('0', 64);
        string good = $$"""{"a":"{{zeros}}","b":"{{zeros}}","c":"00000000","d":"00000000"}""";
        string file = Write("wgmma_e4m3_f32.jsonl", text.Replace("GOOD", good, StringComparison.Ordinal).Replace("ZEROS", zeros, StringComparison.Ordinal));
        CommandLine.Run("vectors", file).RefusesWith(2, ["wgmma_e4m3_f32.jsonl", .. says]);
        CommandLine.Run("vectors", file, "--json").RefusesWith(2, says);
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_refused()
    {
        CommandLine.Run("vectors", models.NewPath(".jsonl")).RefusesWith(2, "no such file");
        CommandLine.Run("vectors", Directory.CreateDirectory(models.NewPath()).FullName).RefusesWith(2, "holds no file that ends in");
        CommandLine.Run("vectors").RefusesWith(2, "FILE");
        CommandLine.Run("vectors", Write("decode.csv", "code,f32_bits,class", "00,00000000,zero")).RefusesWith(2, "decode.csv:1: ", "does not say of what");
        byte[] packed = File.ReadAllBytes(Path.Combine(Vectors, "dev", "hopper_wgmma_e4m3_f32.jsonl.gz"));
        packed.AsSpan(packed.Length / 2).Fill(0x55);
        string damaged = Path.Combine(models.Folder, "hopper_wgmma_e4m3_f32_damaged.jsonl.gz");
        File.WriteAllBytes(damaged, packed);
        CommandLine.Run("vectors", damaged, "--json").RefusesWith(2, "damaged");
        CommandLine.Run("vectors", damaged, "--unit", "hopper").RefusesWith(2, "hopper-wgmma-e4m3-f32");
    }

    [Theory]
    [InlineData("hopper_mmasync_e4m3_emulated", "\"c\":", "\"d\":", "only16_e4m3.jsonl", "hopper-mma-e4m3-f16")]
    [InlineData("hopper_mmasync_e5m2_emulated", "\"c16\":", "\"d16\":", "only32_e5m2_f32.jsonl", "hopper-mma-e5m2-f32")]
    [InlineData("hopper_mmasync_e5m2_emulated", "\"c16\":", "\"d16\":", "only32.jsonl", "hopper-mma-e5m2-f32")]
    public void An_instruction_that_the_name_does_not_say_is_told_by_the_results(string source, string c, string d, string name, string kind)
    {
        string[] lines = [.. Lines($"dev/{source}.jsonl.gz").Take(300).Select(line => line.Replace(c, "\"c_other\":", StringComparison.Ordinal).Replace(d, "\"d_other\":", StringComparison.Ordinal))];
        Assert.Contains("300/300 ", CommandLine.Run("vectors", Write(name, lines)).Passes().Out, StringComparison.Ordinal);
        Assert.Contains($"({kind})", CommandLine.Run("vectors", Write(name, lines)).Passes().Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Digits_in_capitals_Windows_line_ends_and_tables_without_their_last_column_are_read()
    {
        string[] decode = [.. Lines("fp8/e4m3fn_decode.csv.gz").Select((line, i) => i == 0 ? "code,f32_bits" : line[..line.LastIndexOf(',')].ToUpperInvariant())];
        CommandLine.Run("vectors", Write("e4m3fn_capitals_decode.csv", string.Join("\r\n", decode) + "\r\n\r\n")).Passes();
        string[] exp = [.. Lines("libm/expf.csv.gz").Take(50).Select(line => line[..line.LastIndexOf(',')])];
        CommandLine.Run("vectors", Write("expf_short.csv", exp)).Passes();
        string[] lines = [.. Lines("dev/hopper_wgmma_e4m3_f32.jsonl.gz").Take(50).Select(line => System.Text.RegularExpressions.Regex.Replace(line, ":\"[0-9a-f]+\"", m => m.Value.ToUpperInvariant()))];
        CommandLine.Run("vectors", Write("wgmma_e4m3_capitals.jsonl", string.Join("\r\n", lines) + "\r\n\r\n")).Passes();
        CommandLine.Run("vectors", Write("e5m2_nan_decode.csv", "code,f32_bits", "7d,7fa00000", "7D,7FC00000")).Passes();
    }

    [Fact]
    public void A_compressed_file_that_ends_too_soon_is_refused()
    {
        byte[] packed = File.ReadAllBytes(Path.Combine(Vectors, "dev", "hopper_wgmma_e4m3_f32.jsonl.gz"));
        foreach (int length in new[] { 10, packed.Length - 8, packed.Length - 1 })
        {
            string path = Path.Combine(models.Folder, $"hopper_wgmma_e4m3_f32_{length}.jsonl.gz");
            File.WriteAllBytes(path, packed[..length]);
            CommandLine.Run("vectors", path).RefusesWith(2, "damaged");
        }
    }

    [Fact]
    public void A_line_of_a_table_without_end_is_refused()
    {
        string path = Path.Combine(models.Folder, "e4m3fn_decode_endless.csv.gz");
        using (var packed = new GZipStream(File.Create(path), CompressionLevel.Fastest))
        {
            packed.Write("code,f32_bits,class\n"u8);
            byte[] much = new byte[1 << 20];
            much.AsSpan().Fill((byte)'0');
            for (int i = 0; i < 65; i++)
                packed.Write(much);
        }

        CommandLine.Run("vectors", path).RefusesWith(2, "e4m3fn_decode_endless.csv.gz:2: ", "a line of more than");
    }

    [Fact]
    public void What_only_later_lines_have_is_told()
    {
        string[] lines = [.. Lines("dev/hopper_wgmma_e4m3_f32.jsonl.gz").Take(2)];
        lines[1] = lines[1].Replace("{", "{\"d16\":\"0000\",", StringComparison.Ordinal);
        Assert.Contains("not evaluated: d16", CommandLine.Run("vectors", Write("hopper_wgmma_e4m3_f32_later.jsonl", lines)).Passes().Out, StringComparison.Ordinal);
        lines[1] = lines[1].Replace("{", "{\"unit\":\"hopper-wgmma-e5m2-f32\",", StringComparison.Ordinal);
        CommandLine.Run("vectors", Write("hopper_wgmma_e4m3_f32_two.jsonl", lines)).RefusesWith(2, ":2: ", "a file for each unit");
        lines[0] = lines[0].Replace("{", "{\"unit\":\"x\",", StringComparison.Ordinal);
        CommandLine.Run("vectors", Write("hopper_wgmma_e4m3_f32_no_unit.jsonl", lines)).RefusesWith(2, ":1: ", "no matrix unit is named 'x'");
    }

    [Fact]
    public void The_unit_may_be_named_outright()
    {
        string[] lines = [.. Lines("dev/hopper_wgmma_e4m3_f32.jsonl.gz").Take(300)];
        string file = Write("e5m2_wgmma_f32.jsonl", lines);
        Assert.Equal(1, CommandLine.Run("vectors", file).Exit);
        CommandLine.Run("vectors", file, "--unit", "hopper-wgmma-e4m3-f32").Passes();
        lines[0] = lines[0].Replace("{", "{\"unit\":\"hopper-wgmma-e4m3-f32\",", StringComparison.Ordinal);
        CommandLine.Run("vectors", Write("e5m2_wgmma_f32_named.jsonl", lines)).Passes();
    }

    [Fact]
    public void Zeros_of_both_signs_are_one_where_the_line_says_so()
    {
        string zeros = new('0', 64);
        string line = $$"""{"a":"{{zeros}}","b":"{{zeros}}","c":"00000000","d":"80000000"}""";
        Assert.Equal(1, CommandLine.Run("vectors", Write("wgmma_e4m3_f32_zero.jsonl", line)).Exit);
        CommandLine.Run("vectors", Write("wgmma_e4m3_f32_open.jsonl", line.Replace("\"a\"", "\"amb\":1,\"a\"", StringComparison.Ordinal))).Passes();
    }

    [Fact]
    public void A_folder_stands_for_its_files()
    {
        Outcome outcome = CommandLine.Run("vectors", Path.Combine(Vectors, "dev")).Passes();
        Assert.Equal("26034/26034 lines equal in 12 files", outcome.Out.TrimEnd().Split('\n')[^1]);
    }

    private string Write(string name, params string[] lines)
    {
        string path = Path.Combine(models.Folder, name);
        using Stream file = File.Create(path);
        using Stream to = name.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.Fastest) : file;
        using var writer = new StreamWriter(to);
        writer.Write(string.Join('\n', lines));
        return path;
    }

    private static string[] Lines(string name)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(Vectors, name)), CompressionMode.Decompress));
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
