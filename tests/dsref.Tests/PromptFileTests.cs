using System.Text;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>generate --prompt-file: a text of a file or of standard input is continued as it stands, or refused in one line.</summary>
public sealed class PromptFileTests(Models models) : IClassFixture<Models>
{
    private readonly string model = TextModel.Make(models);

    [Theory]
    [InlineData("Hi")]
    [InlineData("Hi\n")]
    [InlineData("two\nlines \n\n")]
    public void A_file_gives_what_its_text_gives(string text)
    {
        string expected = Generate("--prompt", text).Passes().Out;
        string file = models.Write(text, ".txt");
        Assert.Equal(expected, Generate("--prompt-file", file).Passes().Out);
        Assert.Equal(expected, Piped(Encoding.UTF8.GetBytes(text)).Passes().Out);
    }

    [Fact]
    public void A_line_break_at_the_end_is_a_part_of_the_text() =>
        Assert.NotEqual(Prompted("Hi"), Prompted("Hi\n"));

    [Fact]
    public void A_byte_order_mark_is_none_of_it()
    {
        string file = models.NewPath(".txt");
        File.WriteAllBytes(file, [0xEF, 0xBB, 0xBF, .. "Hi"u8]);
        Assert.Equal(Generate("--prompt", "Hi", "--json").Passes().Out, Generate("--prompt-file", file, "--json").Passes().Out);
    }

    [Fact]
    public void Streams_and_stops_are_those_of_a_text()
    {
        string file = models.Write("Hi", ".txt");
        string all = Generate("--prompt", "Hi").Passes().Out;
        Assert.Equal(all, Generate("--prompt-file", file, "--stream").Passes().Out);
        string stop = all[5..7];
        Assert.Equal(all[..all.IndexOf(stop, StringComparison.Ordinal)] + Environment.NewLine, Generate("--prompt-file", file, "--stop", stop).Passes().Out);
    }

    [Fact]
    public void A_file_that_is_none_is_named_with_the_remedy()
    {
        string missing = Path.Combine(models.Folder, "none.txt"), empty = models.Write("", ".txt"), marked = models.NewPath(".txt"), broken = models.NewPath(".txt");
        File.WriteAllBytes(marked, [0xEF, 0xBB, 0xBF]);
        File.WriteAllBytes(broken, [.. "Hi "u8, 0xC3, 0x28]);

        Generate("--prompt-file", missing).RefusesWith(2, missing, "no such file; check the path");
        Generate("--prompt-file", models.Folder).RefusesWith(2, models.Folder, "name a file in it");
        Generate("--prompt-file", empty).RefusesWith(2, empty, "is empty; a prompt has at least one character");
        Generate("--prompt-file", marked).RefusesWith(2, marked, "is empty");
        Generate("--prompt-file", broken).RefusesWith(2, $"{broken}, byte 3", "not UTF-8; convert the text first");
        Generate("--prompt-file", "").RefusesWith(2, "--prompt-file is empty");
        Piped([]).RefusesWith(2, "--prompt-file -, standard input: is empty");
        Piped([0xFF]).RefusesWith(2, "standard input, byte 0: not UTF-8");
    }

    [Theory]
    [InlineData("--prompt", "x", "--prompt and --prompt-file")]
    [InlineData("--ids", "1", "--prompt-file and --ids")]
    [InlineData("--ids-file", "f.json", "--prompt-file and --ids")]
    public void One_source_of_prompts_is_taken(string option, string value, string says) =>
        Generate("--prompt-file", models.Write("Hi", ".txt"), option, value).RefusesWith(2, says, "give one of them");

    private string Prompted(string text) => Generate("--prompt-file", models.Write(text, ".txt"), "--json").Passes().Json.GetProperty("rows")[0].GetProperty("prompt_tokens").ToString();

    private Outcome Generate(params string[] more) => CommandLine.Run(["generate", "--model", model, "--max-tokens", "12", "--ignore-eos", .. more]);

    private Outcome Piped(byte[] input)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var terminal = new Terminal(output, error, outIsTerminal: false, errorIsTerminal: false, CancellationToken.None) { InBytes = () => new MemoryStream(input) };
        int exit = Application.Run(["generate", "--model", model, "--max-tokens", "12", "--ignore-eos", "--prompt-file", "-"], terminal);
        return new Outcome(exit, output.ToString(), error.ToString());
    }
}
