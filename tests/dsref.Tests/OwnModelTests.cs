using System.Security.Cryptography;
using System.Text.Json;
using DeepSeek.Reference.Tests.House;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>The model that the tool brings along: its bytes, what it writes, and that verbs take it when none is named.</summary>
public sealed class OwnModelTests(Models models) : IClassFixture<Models>
{
    private const long MostBytes = 8_000_000;

    private static string Kept(params string[] parts) => Repository.Path(["golden", "model", .. parts]);

    /// <summary>SHA256SUMS is the training run's own, of its last checkpoint.</summary>
    [Fact]
    public void Its_bytes_are_those_that_the_training_gave()
    {
        (string Sum, string Name)[] sums = [.. File.ReadLines(Kept("SHA256SUMS")).Select(l => l.Split("  ")).Select(p => (p[0], p[1]))];
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json"], sums.Select(s => s.Name).Order(StringComparer.Ordinal));
        long bytes = 0;
        foreach ((string sum, string name) in sums)
        {
            byte[] embedded = GoldenSource.Embedded("golden/model/" + name);
            Assert.Equal(sum, Convert.ToHexStringLower(SHA256.HashData(embedded)));
            Assert.Equal(embedded, File.ReadAllBytes(Kept(name)));
            bytes += embedded.Length;
        }

        Assert.InRange(bytes, 1, MostBytes);
    }

    /// <summary>The whole of DeepSeek-V3, small: compressed queries, experts in groups beside a shared one, a dense first layer, multi-token prediction.</summary>
    [Fact]
    public void It_is_a_whole_DeepSeek_V3()
    {
        DeepSeekConfig config = DeepSeekConfig.Load(Kept("config.json"));
        Assert.Equal((true, 1, 1, 1), (config.QLoraRank is not null, config.FirstKDenseReplace, config.NSharedExperts, config.NumNextnPredictLayers));
        Assert.True(config.NRoutedExperts >= 8 && config.NGroup > 1 && config.NumHiddenLayers > config.FirstKDenseReplace);
        JsonElement json = CommandLine.Run("inspect", "--check", "--json").Passes().Json;
        Assert.InRange(json.GetProperty("parameters_total").GetInt64(), 3_000_000, 8_000_000);
        Assert.True(json.GetProperty("weights").GetBoolean());
        Assert.Empty(json.GetProperty("findings").EnumerateArray());
    }

    public static TheoryData<int> Continuations => [.. Enumerable.Range(0, File.ReadLines(Kept("continuations.jsonl")).Count())];

    /// <summary>The fast backend from the text, the definitions from the ids; each row is of one domain.</summary>
    [Theory]
    [MemberData(nameof(Continuations))]
    public void It_goes_on_as_it_did(int row)
    {
        JsonElement kept = JsonDocument.Parse(File.ReadLines(Kept("continuations.jsonl")).ElementAt(row)).RootElement;
        JsonElement simd = CommandLine.Run("generate", "--prompt", kept.GetProperty("prompt").GetString()!, "--max-tokens", "32", "--json").Passes().Json.GetProperty("rows")[0];
        Assert.Equal(kept.GetProperty("text").GetString(), simd.GetProperty("text").GetString());
        Assert.Equal(Ids(kept, "ids"), Ids(simd, "ids"));
        string prompt = string.Join(',', Ids(kept, "prompt_ids"));
        Assert.Equal(kept.GetProperty("prompt_ids").GetArrayLength(), simd.GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(string.Join(',', Ids(kept, "ids")), CommandLine.Run("generate", "--ids", prompt, "--max-tokens", "32", "--backend", "scalar").Passes().Out.Trim());

        static int[] Ids(JsonElement element, string name) => [.. element.GetProperty(name).EnumerateArray().Select(i => i.GetInt32())];
    }

    [Fact]
    public void It_says_what_the_README_says()
    {
        string readme = Repository.ReadText("README.md");
        const string Command = "dotnet run -c Release --project tools/dsref -- generate --prompt \"The people of the United States\" ", Said = "```text\n";
        int at = readme.IndexOf(Command, StringComparison.Ordinal) + Command.Length;
        string[] options = readme[at..readme.IndexOf('\n', at)].Split(' ');
        int said = readme.IndexOf(Said, at, StringComparison.Ordinal) + Said.Length;
        Outcome outcome = CommandLine.Run(["generate", "--prompt", "The people of the United States", .. options]).Passes();
        Assert.Equal(readme[said..readme.IndexOf("\n```", said, StringComparison.Ordinal)], outcome.Out.TrimEnd());
    }

    /// <summary>Every bit of logits and intermediates, of the tool's copy and of the files, by the definitions and fast.</summary>
    [Fact]
    public void The_definitions_give_the_same_bits()
    {
        string fast = models.NewPath(".safetensors"), plain = models.NewPath(".safetensors");
        CommandLine.Run("run", "--ids", "0,300,400,500,600", "--trace", "all", "--out", fast).Passes();
        CommandLine.Run("run", "--model", Kept(), "--ids", "0,300,400,500,600", "--trace", "all", "--backend", "scalar", "--out", plain).Passes();
        CommandLine.Run("diff", fast, plain).Passes();
        CommandLine.Run("bisect", "--backend", "scalar", "--ids", "0,300,400").Passes();
    }

    /// <summary>excerpts/ are the beginnings of held-out texts that nobody owns; excerpts.json is what they cost.</summary>
    [Fact]
    public void Held_out_texts_cost_what_they_did()
    {
        JsonElement kept = JsonDocument.Parse(File.ReadAllText(Kept("excerpts.json"))).RootElement;
        Assert.Equal(kept.GetRawText(), CommandLine.Run("eval", "--data", Kept("excerpts"), "--json").Passes().Json.GetRawText());
    }

    [Fact]
    public void A_chat_needs_no_model()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var input = new StringReader("Hello\n/exit\n");
        var terminal = new Terminal(output, error, outIsTerminal: false, errorIsTerminal: false, CancellationToken.None) { In = input };
        Assert.Equal(0, Application.Run(["chat", "--max-tokens", "4"], terminal));
        Assert.NotEmpty(output.ToString());
    }
}
