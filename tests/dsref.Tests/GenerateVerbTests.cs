using System.Text.Json;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>Drafts, pages and several texts of generate, on the model that the tool brings along: it has an MTP module.</summary>
public sealed class GenerateVerbTests
{
    // The id of "\n" in the tokenizer of that model.
    private const int LineBreak = 201;
    private const string Text = "The people of the United States", Other = "In the year";

    [Theory]
    [InlineData("--speculative")]
    [InlineData("--speculative", "3")]
    public void Drafts_change_no_id_and_are_counted(params string[] drafts)
    {
        JsonElement plain = Row(Generate());
        JsonElement row = Row(Generate(drafts));

        Assert.Equal(plain.GetProperty("ids").ToString(), row.GetProperty("ids").ToString());
        Assert.False(plain.TryGetProperty("drafts", out _));
        JsonElement counts = row.GetProperty("drafts");
        Assert.Equal(["drafted", "accepted", "passes"], counts.EnumerateObject().Select(p => p.Name));
        Assert.InRange(counts.GetProperty("accepted").GetInt32(), 1, counts.GetProperty("drafted").GetInt32());
        Assert.Equal(24, 1 + counts.GetProperty("accepted").GetInt32() + counts.GetProperty("passes").GetInt32());
    }

    [Fact]
    public void The_same_draws_with_drafts_give_the_ids_without()
    {
        string[] drawn = ["--temperature", "0.9", "--seed", "3"];
        Assert.Equal(Row(Generate(drawn)).GetProperty("ids").ToString(), Row(Generate([.. drawn, "--speculative", "--acceptance", "same-draw"])).GetProperty("ids").ToString());
    }

    [Fact]
    public void Several_texts_give_the_texts_of_each_alone_on_pages_too()
    {
        string one = Row(Generate()).GetProperty("text").GetString()!, two = Row(Run("--prompt", Other, "--json")).GetProperty("text").GetString()!;
        Outcome both = Run("--prompt", Text, "--prompt", Other), paged = Run("--prompt", Text, "--prompt", Other, "--paged", "16");

        Assert.Equal(string.Join(Environment.NewLine, "# row 0", one, "# row 1", two, ""), both.Out);
        Assert.Equal(both.Out, paged.Out);
        Assert.Contains("tokens/s", paged.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData]
    [InlineData("--paged", "16")]
    [InlineData("--speculative", "2")]
    [InlineData("--paged", "16", "--speculative", "2")]
    public void Several_texts_each_end_before_their_stop_text(params string[] how)
    {
        string[] whole = [Alone(Text), Alone(Other)];
        // A piece of each that comes later in the other, if at all.
        string[] stops = ["--stop", whole[0][20..24], "--stop", whole[1][10..14]];
        string[] expected = [Alone(Text, stops), Alone(Other, stops)];
        Assert.All(expected.Zip(whole), pair => Assert.InRange(pair.First.Length, 0, pair.Second.Length - 1));

        JsonElement rows = Run(["--prompt", Text, "--prompt", Other, "--json", .. stops, .. how]).Json.GetProperty("rows");
        Assert.Equal(expected, rows.EnumerateArray().Select(r => r.GetProperty("text").GetString()));
        Assert.All(rows.EnumerateArray(), r => Assert.Equal("stopped", r.GetProperty("stop").GetString()));

        static string Alone(string text, params string[] more) => Row(Run(["--prompt", text, "--json", .. more])).GetProperty("text").GetString()!;
    }

    [Theory]
    [InlineData]
    [InlineData("--paged", "16", "--speculative", "2")]
    public void Several_texts_are_streamed_line_by_line_behind_their_row(params string[] how)
    {
        // A line break, drawn now and then, ends lines of both texts.
        string[] both = ["--prompt", Text, "--prompt", Other, "--logit-bias", $"{LineBreak}=9", "--temperature", "1", .. how];
        string[] texts = [.. Run([.. both, "--json"]).Json.GetProperty("rows").EnumerateArray().Select(r => r.GetProperty("text").GetString()!)];
        Assert.All(texts, t => Assert.Contains("\n", t, StringComparison.Ordinal));

        string[] lines = Run([.. both, "--stream"]).Out.Split(Environment.NewLine)[..^1];
        for (int row = 0; row < 2; row++)
            Assert.Equal(texts[row], string.Join('\n', lines.Where(l => l.StartsWith($"row {row}: ", StringComparison.Ordinal)).Select(l => l[7..])));
        Assert.All(lines, l => Assert.Matches("^row [01]: ", l));
        // The first line of the second text does not wait for the end of the first.
        Assert.NotEqual(lines.Order(StringComparer.Ordinal).Select(l => l[..6]), lines.Select(l => l[..6]));
    }

    [Theory]
    [InlineData("--speculative", "2")]
    [InlineData("--speculative", "3", "--temperature", "0.8", "--seed", "5")]
    public void Drafts_on_pages_are_those_of_each_text_alone(params string[] drafts)
    {
        string[] both = ["--prompt", Text, "--prompt", Other, "--json", .. drafts];
        string alone = Run(both).Json.GetProperty("rows").ToString();

        Assert.Contains("drafted", alone, StringComparison.Ordinal);
        Assert.Equal(alone, Run([.. both, "--paged", "16"]).Json.GetProperty("rows").ToString());
    }

    [Fact]
    public void Acceptance_is_told_on_standard_error() =>
        Assert.Matches("24 tokens in .* tokens/s; [0-9]+ of [0-9]+ drafts taken", Run("--prompt", Text, "--speculative").Error);

    [Theory]
    [InlineData]
    [InlineData("--paged", "16")]
    [InlineData("--speculative", "2")]
    public void A_binary32_cache_gives_the_ids_of_the_activations_in_twice_the_bytes_of_bfloat16(params string[] how)
    {
        JsonElement plain = Generate(["--contract", "DeepSeekInference", .. how]).Json, wide = Generate(["--contract", "DeepSeekInference", "--cache", "F32", .. how]).Json;

        Assert.Equal(plain.GetProperty("rows")[0].GetProperty("ids").ToString(), wide.GetProperty("rows")[0].GetProperty("ids").ToString());
        Assert.Equal(("activations", "f32"), (plain.GetProperty("cache").GetString(), wide.GetProperty("cache").GetString()));
        Assert.Equal(2 * plain.GetProperty("cache_bytes_per_token").GetInt64(), wide.GetProperty("cache_bytes_per_token").GetInt64());
    }

    [Theory]
    [InlineData("--cache 'fp16': there are activations, bf16, f32 and f8", "--cache", "fp16")]
    [InlineData("--speculative 'x'", "--speculative", "x")]
    [InlineData("--acceptance 'all'", "--acceptance", "all")]
    [InlineData("--paged 0", "--paged", "0")]
    public void What_fits_nothing_is_refused(string says, params string[] options) =>
        CommandLine.Run(["generate", "--prompt", Text, "--ignore-eos", .. options]).RefusesWith(2, says);

    [Theory]
    [InlineData("--stream")]
    [InlineData("--stop", "x")]
    public void Ids_are_neither_streamed_nor_stopped_by_a_text(params string[] options) =>
        CommandLine.Run(["generate", "--ids", "1,2", .. options]).RefusesWith(2, "--stream and --stop are about texts; give --prompt or --prompt-file");

    private static JsonElement Row(Outcome outcome) => outcome.Json.GetProperty("rows")[0];

    private static Outcome Generate(params string[] more) => Run(["--prompt", Text, "--json", .. more]);

    private static Outcome Run(params string[] more) => CommandLine.Run(["generate", "--max-tokens", "24", "--ignore-eos", .. more]).Passes();
}
