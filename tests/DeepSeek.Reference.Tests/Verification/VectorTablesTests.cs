using System.IO.Compression;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification;

/// <summary>Tables of others, read where they lie: golden/vectors.</summary>
public sealed class VectorTablesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("vectors").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("e4m3fn_decode", 256)]
    [InlineData("e5m2_decode", 256)]
    [InlineData("e8m0fnu_decode", 256)]
    [InlineData("e4m3fn_encode", 20000)]
    [InlineData("e5m2_encode", 20000)]
    [InlineData("e8m0fnu_encode", 10022)]
    [InlineData("fp16_encode", 20000)]
    public void Rule_N18_every_row_of_the_outside_tables_is_met_in_each_column(string table, int rows)
    {
        VectorTableResult result = VectorTables.Evaluate(Golden.Path("vectors", "fp8", $"{table}.csv.gz"));
        Assert.Null(result.FirstDifference);
        Assert.Equal((rows, rows), (result.Rows, result.Matches));
    }

    [Fact]
    public void Rule_N12_every_row_of_the_bfloat16_table_is_met_in_each_column()
    {
        VectorTableResult result = VectorTables.Evaluate(Golden.Path("vectors", "formats", "bf16_encode.csv"));
        Assert.Null(result.FirstDifference);
        Assert.Equal((20000, 20000), (result.Rows, result.Matches));
    }

    [Theory]
    [InlineData("exp", 20401)]
    [InlineData("log1p", 15305)]
    [InlineData("rsqrt", 10326)]
    public void Rule_N5_tables_of_functions_are_known_by_their_names(string function, int rows) =>
        Assert.Equal(new VectorTableResult($"function {function}", rows, rows, null), VectorTables.Evaluate(Golden.Path("vectors", "libm", $"{function}f.csv.gz")));

    [Theory]
    [InlineData("e4m3fn_decode.csv", true)]
    [InlineData("e5m2_encode.csv.gz", true)]
    [InlineData("folder/sinf.csv", true)]
    [InlineData("sin.csv", false)]
    [InlineData("e3m4_decode.csv", false)]
    [InlineData("act_quant_1x128.jsonl", false)]
    public void A_table_is_recognised_by_its_name(string path, bool known) => Assert.Equal(known, VectorTables.Recognises(path));

    [Theory]
    [InlineData("e4m3fn_decode.csv", "code,f32_bits,class\n38,3f800000,normal\n39,3f900001,normal\n3a,3fa00000,subnormal", 1, "line 3: e4m3fn code 39 decodes to 3f900000,normal, the table says 3f900001,normal")]
    [InlineData("e8m0fnu_decode.csv", "code,f32_bits,class\n80,3f800000,pow2", 0, "line 2: e8m0fnu code 80 decodes to 40000000,pow2, the table says 3f800000,pow2")]
    [InlineData("e4m3fn_encode.csv", "f32_bits,nv_satfinite\n43e80001,7f", 0, "line 2: e4m3fn of 43e80001 as nv_satfinite is 7e, the table says 7f")]
    [InlineData("e5m2_encode.csv", "f32_bits,torch_le_2_11,nv_nosat\nffc00000,ff,7f\n3f800000,3c,3d", 1, "line 3: e5m2 of 3f800000 as nv_nosat is 3c, the table says 3d")]
    [InlineData("fp16_encode.csv", "f32_bits,cuda_rn\n3f800000,3c01", 0, "line 2: fp16 of 3f800000 as cuda_rn is 3c00, the table says 3c01")]
    [InlineData("expf.csv", "x_bits,cr_bits,kind\n3f800000,402df855,sample", 0, "line 2: exp of 3f800000 is 402df854, the table says 402df855")]
    public void The_first_difference_is_named(string name, string text, int matches, string first)
    {
        VectorTableResult result = VectorTables.Evaluate(Write(name, text));
        Assert.Equal((matches, first), (result.Matches, result.FirstDifference));
    }

    [Theory]
    [InlineData("e4m3fn_encode.csv", "f32_bits,ours\n3f800000,38", "ours")]
    [InlineData("e4m3fn_encode.csv", "", ":1: ")]
    [InlineData("e4m3fn_decode.csv", "f32_bits,class\n3f800000,normal", ":1: ")]
    [InlineData("e4m3fn_decode.csv", "code,f32_bits,class\n38,3f800000", ":2: ")]
    [InlineData("expf.csv", "x_bits,cr_bits,kind\n3f80000g,402df854,sample", ":2: ")]
    [InlineData("e4m3fn_encode.csv", "f32_bits,nv_satfinite\n13f800000,38", ":2: ")]
    [InlineData("unknown.csv", "a,b", "no table is known")]
    [InlineData("expf.csv.gz", "x_bits,kind", ":1: ")]
    public void A_table_that_is_damaged_is_refused_with_its_place(string name, string text, string said)
    {
        string path = Write(name, text);
        DataException e = Assert.Throws<DataException>(() => VectorTables.Evaluate(path));
        Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
        Assert.Contains(said, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_that_is_missing_is_refused() =>
        Assert.Contains("no such file", Assert.Throws<DataException>(() => VectorTables.Evaluate(Path.Combine(folder, "expf.csv"))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_compressed_table_cut_short_is_refused()
    {
        using var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            zip.Write("x_bits,cr_bits,kind\n3f800000,402df854,sample\n"u8);
        string path = Path.Combine(folder, "expf.csv.gz");
        File.WriteAllBytes(path, packed.ToArray()[..20]);
        Assert.Throws<DataException>(() => VectorTables.Evaluate(path));
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
