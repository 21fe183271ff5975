using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using DeepSeek.Reference.Text;

namespace DeepSeek.Reference.Bench;

/// <summary>Tokens a second of DeepSeek-V3's tokenizer beside the JavaScript implementation @lenml/tokenizers, on the kept texts and the pages of the specification; one thread each.</summary>
internal static class TokenizerSpeed
{
    public static int Run(double seconds, string? modules)
    {
        string root = Root(), kept = Path.Combine(root, "golden", "tokenizer");
        string[] texts =
        [
            .. File.ReadLines(Path.Combine(kept, "encode.jsonl")).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("text")).Where(t => t.ValueKind == JsonValueKind.String).Select(t => t.GetString()!),
            .. Directory.GetFiles(Path.Combine(root, "docs", "spec"), "*.md").Order(StringComparer.Ordinal).Select(File.ReadAllText),
        ];
        long start = Stopwatch.GetTimestamp();
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(kept);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"loaded in {Stopwatch.GetElapsedTime(start).TotalSeconds:0.00} s, first time, compressed file"));
        int tokens = texts.Sum(t => tokenizer.Encode(t).Length);
        var ours = new Measured("ours", tokens, () => Array.ForEach(texts, t => tokenizer.Encode(t)));
        Measured.Interleave(seconds, ours);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ours: {tokens} tokens of {texts.Sum(t => (long)t.Length)} characters, {ours.Best / 1e6:0.00} million tokens/s"));
        if (modules is null)
        {
            Console.WriteLine("npm install --prefix DIR @lenml/tokenizers@3.7.2, then --modules DIR, measures the peer too");
            return 0;
        }

        string list = Path.GetTempFileName();
        try
        {
            File.WriteAllText(list, JsonSerializer.Serialize(texts));
            var node = new ProcessStartInfo("node", [Path.Combine(root, "tools", "bench", "node", "tokenize.js"), modules, Path.Combine(kept, "tokenizer.json.br"), Path.Combine(kept, "tokenizer_config.json"), list, seconds.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true };
            using Process peer = Process.Start(node)!;
            string[] figures = peer.StandardOutput.ReadToEnd().Split(' ');
            peer.WaitForExit();
            if (peer.ExitCode != 0)
                return peer.ExitCode;
            double theirs = int.Parse(figures[0], CultureInfo.InvariantCulture) / double.Parse(figures[1], CultureInfo.InvariantCulture);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"@lenml/tokenizers: {figures[0]} tokens, {theirs / 1e6:0.00} million tokens/s; ours is {ours.Best / theirs:0.0}x"));
            return 0;
        }
        finally
        {
            File.Delete(list);
        }
    }

    private static string Root()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "DeepSeek.Reference.sln")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"no folder above {AppContext.BaseDirectory} holds DeepSeek.Reference.sln; run from a clone");
    }
}
