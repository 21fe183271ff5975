using System.Text.Json;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>dsref tokenize: rows in, rows out, and the comparison.</summary>
public sealed class TokenizeVerbTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("dsref-tokenize-").FullName;

    private static string Kept { get; } = Path.Combine(Path.GetDirectoryName(Pages.PathOf("README.md"))!, "..", "..", "golden", "tokenizer");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("encode.jsonl", "300/300 rows equal")]
    [InlineData("chat.jsonl", "20/20 rows equal")]
    [InlineData("decode.jsonl", "40/40 rows equal", "--decode")]
    public void Kept_rows_are_equal(string file, string line, params string[] more) =>
        Assert.StartsWith(line, Tokenize(Path.Combine(Kept, file), ["--check", .. more]).Passes().Out, StringComparison.Ordinal);

    [Fact]
    public void A_difference_is_named_and_ends_with_1()
    {
        string file = Write("""{"text":"Hello","ids":[19923]}""", "", """{"text":"Hello","ids":[19924]}""", """{"text":"x","ids":[]}""");
        Outcome outcome = Tokenize(file, "--check");
        Assert.Equal((1, $"1/3 rows equal in {file}; first difference: {file}, line 3: ids: the row holds [19924], here [19923]"), (outcome.Exit, outcome.Out.TrimEnd()));
        JsonElement json = Tokenize(file, "--check", "--json").Json;
        Assert.Equal(["command", "in", "checked", "total", "equal", "first_difference", "exit"], json.EnumerateObject().Select(p => p.Name));
        Assert.Equal((3, 1, 1), (json.GetProperty("total").GetInt32(), json.GetProperty("equal").GetInt32(), json.GetProperty("exit").GetInt32()));
    }

    [Fact]
    public void Rows_keep_their_other_fields()
    {
        string file = Write("""{"i":7,"text":"Hello","ids":[1]}""", """{"utf16":[55357]}""", """{"messages":[{"role":"user","content":"Hello"}],"add_generation_prompt":true}""");
        string[] expected =
        [
            """{"i":7,"text":"Hello","ids":[19923]}""",
            """{"utf16":[55357],"ids":[2808]}""",
            """{"messages":[{"role":"user","content":"Hello"}],"add_generation_prompt":true,"text":"<｜begin▁of▁sentence｜><｜User｜>Hello<｜Assistant｜>","ids":[0,128803,19923,128804]}""",
        ];
        string output = Path.Combine(folder, "out.jsonl");
        Tokenize(file, "--out", output).Passes();
        Assert.Equal(expected, File.ReadAllLines(output));
        Assert.Equal(expected, Tokenize(file).Passes().Out.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("""{"ids":[19923,0],"decoded":"Hello<｜begin▁of▁sentence｜>","decoded_skip_special":"Hello"}""", Tokenize(Write("""{"ids":[19923,0]}"""), "--decode").Passes().Out.TrimEnd());
    }

    [Theory]
    [InlineData("{", "line 2: not JSON")]
    [InlineData("[]", "line 2: an object")]
    [InlineData("{}", "line 2: has none of text")]
    [InlineData("""{"text":5}""", "line 2: text")]
    [InlineData("""{"utf16":[65536]}""", "line 2: utf16: 65536")]
    [InlineData("""{"text":"\ud800"}""", "line 2: a string with half a surrogate pair")]
    [InlineData("""{"messages":[{"role":"user"}]}""", "line 2: ")]
    [InlineData("""{"messages":[{"role":"user","role":"user","content":"x"}]}""", "'role' stands twice")]
    [InlineData("""{"messages":7}""", "line 2: messages")]
    [InlineData("""{"messages":[],"add_generation_prompt":1}""", "line 2: add_generation_prompt")]
    public void A_bad_row_is_named_by_line_and_field(string row, string part) => Tokenize(Write("""{"text":""}""", row), "--json").RefusesWith(2, part);

    [Theory]
    [InlineData("""{"ids":[-1]}""", "line 1: ids: -1")]
    [InlineData("""{"ids":"x"}""", "line 1: ids")]
    [InlineData("""{"text":"x"}""", "line 1: ids")]
    public void A_bad_row_of_ids_too(string row, string part) => Tokenize(Write(row), "--decode").RefusesWith(2, part);

    [Fact]
    public void A_file_that_is_not_UTF_8_is_refused_at_the_byte()
    {
        string file = Write("");
        File.WriteAllBytes(file, [0xEF, 0xBB, 0xBF, .. "{\"text\":\"Hello\"}\r\n\n{\"text\":\""u8, 0xE8, 0xAA, .. "\"}\n"u8]);
        Tokenize(file).RefusesWith(2, $"{file}, byte 31: not UTF-8", "convert");
        File.WriteAllBytes(file, [0xEF, 0xBB, 0xBF, .. "{\"text\":\"Hello\"}\r\n\n{\"text\":\"Hello\"}"u8]);
        Assert.Equal(2, Tokenize(file).Passes().Out.Split("19923").Length - 1);
    }

    [Fact]
    public void Nothing_to_check_is_an_error()
    {
        Tokenize(Write("""{"text":"x"}"""), "--check").RefusesWith(2, "line 1: holds nothing to check");
        Assert.Equal(3, Tokenize(Write(""), "--check").Exit);
    }

    [Fact]
    public void Missing_files_and_inputs_as_outputs_are_refused()
    {
        Tokenize(Path.Combine(folder, "none.jsonl")).RefusesWith(2, "none.jsonl: no such file");
        CommandLine.Run("tokenize", "--tokenizer", folder, "--in", "x").RefusesWith(2, "holds no tokenizer.json");
        string file = Write("""{"text":"x"}""");
        Tokenize(file, "--out", file).RefusesWith(2, "this is an input");
    }

    private static Outcome Tokenize(string file, params string[] more) => CommandLine.Run(["tokenize", "--tokenizer", Kept, "--in", file, .. more]);

    private string Write(params string[] lines)
    {
        string path = Path.Combine(folder, $"{Guid.NewGuid():N}.jsonl");
        File.WriteAllLines(path, lines);
        return path;
    }
}
