using System.Text.Json;
using DeepSeek.Reference.Tests.House;
using DeepSeek.Reference.Text;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>Hugging Face's libraries load the tokenizers that are trained here, encode with them as we do, and learn the same merges. Needs node and npm.</summary>
public sealed class TokenizerTests : IDisposable
{
    private static readonly Lazy<string> Modules = new(Install);

    private readonly string folder = Directory.CreateTempSubdirectory("dsref-node-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(264)]
    [InlineData(1500)]
    public void A_trained_tokenizer_encodes_the_same_there(int size)
    {
        string file = Path.Combine(folder, "tokenizer.json"), texts = Path.Combine(folder, "texts.json");
        File.WriteAllBytes(file, TokenizerTrainer.Train(Corpus(), size));
        string[] fifty = [.. Fifty()];
        File.WriteAllText(texts, JsonSerializer.Serialize(fifty));
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(file);
        Assert.Equal(size, tokenizer.IdLimit);
        JsonElement[] rows = [.. JsonDocument.Parse(Node("encode.js", file, texts)).RootElement.EnumerateArray()];
        Assert.Equal(50, rows.Length);
        for (int i = 0; i < rows.Length; i++)
        {
            int[] ids = tokenizer.Encode(fifty[i]);
            Assert.Equal(ids, rows[i].GetProperty("rust").EnumerateArray().Select(id => id.GetInt32()));
            Assert.Equal(ids, rows[i].GetProperty("script").EnumerateArray().Select(id => id.GetInt32()));
            Assert.Equal(fifty[i], rows[i].GetProperty("decoded").GetString());
        }
    }

    [Fact]
    public void The_merges_are_those_of_Hugging_Faces_trainer()
    {
        // Their trainer takes a file line by line; ours takes whole texts.
        string text = string.Join(' ', Corpus()).ReplaceLineEndings(" ");
        string form = Path.Combine(folder, "form.json"), file = Path.Combine(folder, "text.txt");
        File.WriteAllBytes(form, TokenizerTrainer.Bytes());
        File.WriteAllText(file, text);
        string[] theirs = [.. JsonDocument.Parse(Node("train.js", form, file)).RootElement.EnumerateArray().Select(m => m.ValueKind == JsonValueKind.String ? m.GetString()! : $"{m[0].GetString()} {m[1].GetString()}")];
        byte[] made = TokenizerTrainer.Train([text], TokenizerTrainer.LeastVocabulary + 3000, leastCount: 1);
        string[] ours = [.. JsonDocument.Parse(made).RootElement.GetProperty("model").GetProperty("merges").EnumerateArray().Select(m => m.GetString()!)];
        Assert.Equal(3000, ours.Length);
        Assert.Equal(theirs.Take(3000), ours);
    }

    private static IEnumerable<string> Corpus() => Repository.Files("docs/spec", ".md").Order(StringComparer.Ordinal).Select(f => Repository.ReadText(f));

    /// <summary>Every twelfth part of a page, kept texts of every category, and what is hard by nature.</summary>
    private static IEnumerable<string> Fifty()
    {
        string[] kept = [.. File.ReadLines(Repository.Path("golden", "tokenizer", "encode.jsonl")).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("text")).Where(t => t.ValueKind == JsonValueKind.String).Select(t => t.GetString()!)];
        string page = Repository.ReadText("docs", "spec", "generation.md");
        IEnumerable<string> hard = ["<｜User｜>hi<｜Assistant｜>", " <｜end▁of▁sentence｜> ", "a  b\n\n  c", "1234567", "語カナ한국어", "𠀋🙂é", "it's I'LL", "\t\r\n", "x", "..!?\n\n"];
        return hard.Concat(kept.Where((_, i) => i % 9 == 0).Take(30)).Concat(Enumerable.Range(0, 10).Select(i => page.Substring(97 * i, 80)));
    }

    private static string Node(string script, params string[] arguments)
    {
        InstructionSets.Outcome outcome = ForeignTool.RunQuietly("node", [Repository.Path("tests", "External", "node", script), Modules.Value, .. arguments]);
        ForeignTool.Pass(outcome);
        return outcome.Output;
    }

    private static string Install()
    {
        string modules = Directory.CreateDirectory(Repository.Path("artifacts", "node")).FullName;
        File.Copy(Repository.Path("tests", "External", "node", "package.json"), Path.Combine(modules, "package.json"), overwrite: true);
        ForeignTool.Pass(ForeignTool.RunQuietly("npm", "install", "--prefix", modules, "--no-package-lock", "--no-audit", "--no-fund", "--silent"));
        return modules;
    }
}
