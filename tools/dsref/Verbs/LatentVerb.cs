using System.CommandLine;
using System.Globalization;
using System.Text;
using DeepSeek.Reference.Tool.Lab;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref lab mla</c>: cache and decode attention of MLA, MHA and GQA.</summary>
internal static class LatentVerb
{
    public static Command Command(Terminal terminal)
    {
        var quick = new Option<bool>("--quick") { Description = "Fewer heads and shorter contexts: seconds." };
        var seed = new Option<string>("--seed") { Description = "Of the values, decimal or 0x hexadecimal; 1.", HelpName = "S", DefaultValueFactory = _ => "1" };
        var svg = new Option<string?>("--svg") { Description = "Where a picture of bytes a token and times goes.", HelpName = "FILE" }.NamesPath();
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("mla",
            "Counts the bytes a token leaves in the cache at DeepSeek-V3's size under multi-head, grouped-query and multi-head latent attention with equal heads, and times the attention of one decoded token. Exit 1 if MLA's cache is not that of 2.25 groups; times are told, not judged.\n\nExamples:\n  dsref lab mla --quick\n  dsref lab mla --threads 1 --svg mla.svg")
        { quick, seed, svg, threads, json };
        command.SetAction(parsed =>
        {
            LatentSettings settings = LatentExperiment.SettingsOf(parsed.GetValue(quick), SharedOptions.Seed(parsed.GetRequiredValue(seed)));
            IReadOnlyList<DecodeRow> rows;
            using (var progress = new Progress(terminal))
                rows = LatentExperiment.Run(settings, SharedOptions.Workers(parsed.GetValue(threads)), (name, done, of) => progress.Report(name, done, of));
            IReadOnlyList<CacheRow> caches = LatentExperiment.Caches;
            if (parsed.GetValue(svg) is { } path)
                AtomicFile.Write(path, stream => stream.Write(Picture(caches, rows)));
            if (parsed.GetValue(json))
                WriteJson(terminal, settings, caches, rows);
            else
                WriteTable(terminal, settings, caches, rows);
            return LatentExperiment.Holds(caches) ? ExitCode.Pass : ExitCode.Mismatch;
        });
        return command;
    }

    /// <summary>Bars: bytes a token, then times at the longest context, each as a part of its largest.</summary>
    private static byte[] Picture(IReadOnlyList<CacheRow> caches, IReadOnlyList<DecodeRow> rows)
    {
        DecodeRow[] longest = [.. rows.Where(r => r.Context == rows[^1].Context)];
        var bars = new List<(string Label, double Part)>();
        bars.AddRange(caches.Select(c => (string.Create(CultureInfo.InvariantCulture, $"{c.Name}: {c.Bytes} bytes a token, V3's layers, BF16"), (double)c.Bytes / caches.Max(o => o.Bytes))));
        bars.AddRange(longest.Select(r => (string.Create(CultureInfo.InvariantCulture, $"{r.Name}: {r.Microseconds:F0} µs a token and layer, context {r.Context}"), r.Microseconds / longest.Max(o => o.Microseconds))));
        int height = 40 + 40 * bars.Count;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 900 {height}\" width=\"900\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"900\" height=\"{height}\" fill=\"white\"/>\n");
        for (int i = 0; i < bars.Count; i++)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"20\" y=\"{32 + 40 * i}\">{bars[i].Label}</text>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"20\" y=\"{37 + 40 * i}\" width=\"{Math.Max(1, 860 * bars[i].Part):F1}\" height=\"14\" fill=\"{(i < caches.Count ? "#4477AA" : "#EE6677")}\"/>\n");
        }

        return Encoding.UTF8.GetBytes(svg.Append("</svg>\n").ToString());
    }

    private static void WriteTable(Terminal terminal, LatentSettings settings, IReadOnlyList<CacheRow> caches, IReadOnlyList<DecodeRow> rows)
    {
        terminal.Out.WriteLine("Cache at DeepSeek-V3's size: 61 layers, 128 heads of 128, BF16");
        terminal.Out.WriteLine();
        terminal.Out.WriteLine($"{"form",-14}{"values/layer",14}{"bytes/token",13}{"groups",9}");
        foreach (CacheRow c in caches)
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{c.Name,-14}{c.Values,14}{c.Bytes,13}{c.Groups,9:0.##}"));
        terminal.Out.WriteLine();
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Attention of one decoded token in one layer, {settings.Heads} heads of 128, median of {settings.Repeats}"));
        terminal.Out.WriteLine();
        terminal.Out.WriteLine($"{"context",-9}{"form",-14}{"cache bytes",13}{"products",12}{"µs",10}{"to mha",9}");
        foreach (DecodeRow r in rows)
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{r.Context,-9}{r.Name,-14}{r.CacheBytes,13}{r.Products,12}{r.Microseconds,10:F0}{ToMha(rows, r),9:F2}"));
        CacheRow mla = caches.Single(c => c.Name == "mla");
        terminal.Out.WriteLine();
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"mla: {mla.Bytes} bytes a token, those of {mla.Groups:0.##} groups; the report's claim, {LatentExperiment.Claim:0.##} groups, {(LatentExperiment.Holds(caches) ? "holds" : "does not hold")}"));
    }

    private static double ToMha(IReadOnlyList<DecodeRow> rows, DecodeRow row) => row.Microseconds / rows.Single(r => r.Context == row.Context && r.Name == "mha").Microseconds;

    private static void WriteJson(Terminal terminal, LatentSettings settings, IReadOnlyList<CacheRow> caches, IReadOnlyList<DecodeRow> rows) => JsonOutput.Write(terminal, "lab mla", json =>
    {
        json.WriteNumber("seed", settings.Seed);
        json.WriteNumber("heads", settings.Heads);
        json.WriteReal("claim", LatentExperiment.Claim);
        json.WriteBoolean("holds", LatentExperiment.Holds(caches));
        json.WriteStartArray("caches");
        foreach (CacheRow c in caches)
        {
            json.WriteStartObject();
            json.WriteString("form", c.Name);
            json.WriteNumber("values", c.Values);
            json.WriteNumber("bytes_per_token", c.Bytes);
            json.WriteReal("groups", c.Groups);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("decode");
        foreach (DecodeRow r in rows)
        {
            json.WriteStartObject();
            json.WriteNumber("context", r.Context);
            json.WriteString("form", r.Name);
            json.WriteNumber("cache_bytes", r.CacheBytes);
            json.WriteNumber("products", r.Products);
            json.WriteReal("microseconds", Math.Round(r.Microseconds, 1));
            json.WriteReal("to_mha", Math.Round(ToMha(rows, r), 3));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
