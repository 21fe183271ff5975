using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Tool.Lab;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref lab accumulation</c>: errors of a matrix unit's sums by length and promotion interval.</summary>
internal static class AccumulationVerb
{
    private static readonly (string Title, Func<AccumulationRow, double> Of)[] Statistics =
    [
        ("median of |d - s| / |s|", r => r.Median),
        ("95 of 100 of |d - s| / |s| are at most", r => r.P95),
        ("root mean square of |d - s| / |s|", r => r.Rms),
        ("largest |d - s| / |s|", r => r.Max),
        ("norm of d - s over norm of s", r => r.Norm),
        ("largest |d - s| over largest |s|", r => r.MaxOverMax),
    ];

    public static Command Command(Terminal terminal)
    {
        var unit = new Option<string>("--unit") { Description = "The matrix unit; hopper-wgmma-e4m3-f32.", HelpName = "NAME", DefaultValueFactory = _ => TensorCore.HopperWgmmaE4M3F32.Name };
        var data = new Option<string>("--data") { Description = $"The values: {string.Join(", ", AccumulationExperiment.Data)}; bell.", HelpName = "KIND", DefaultValueFactory = _ => "bell" };
        var longest = new Option<int>("--k") { Description = "The largest K, a power of two from 32 to 65536; 4096.", HelpName = "K", DefaultValueFactory = _ => 4096 };
        var size = new Option<int>("--size") { Description = "Rows of each matrix: N x N dot products; 64.", HelpName = "N", DefaultValueFactory = _ => 64 };
        var seed = new Option<string>("--seed") { Description = "Which values, decimal or 0x hexadecimal; 1.", HelpName = "S", DefaultValueFactory = _ => "1" };
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("accumulation",
            "Errors of a matrix unit's sums against exact ones, by K and by the interval N_C after which a partial sum moves to binary32: the accumulation precision of DeepSeek-V3's report, 3.3.2.\n\nExample:\n  dsref lab accumulation --data positive")
        { unit, data, longest, size, seed, threads, json };
        command.SetAction(parsed =>
        {
            int K = parsed.GetValue(longest), n = parsed.GetValue(size);
            if (K is < 32 or > 65536 || !int.IsPow2(K))
                throw new ContractException($"--k {K}: take a power of two from 32 to 65536");
            if (n is < 1 or > 1024)
                throw new ContractException($"--size {n}: take 1 to 1024");
            TensorCore core = TensorCore.Parse(parsed.GetRequiredValue(unit));
            if (core.ScaleBlock != 0)
                throw new ContractException($"--unit {core.Name}: it takes scales inside its sum; take one without");
            var settings = new AccumulationSettings(core, parsed.GetRequiredValue(data).ToLowerInvariant(), SharedOptions.Seed(parsed.GetRequiredValue(seed)), n, K);
            int workers = SharedOptions.Workers(parsed.GetValue(threads));
            IReadOnlyList<AccumulationRow> rows;
            using (var progress = new Progress(terminal))
                rows = AccumulationExperiment.Run(settings, workers, (done, of) => progress.Report("row", done, of));
            if (parsed.GetValue(json))
                WriteJson(terminal, settings, rows);
            else
                WriteTables(terminal, settings, rows);
            return ExitCode.Pass;
        });
        return command;
    }

    private static void WriteTables(Terminal terminal, AccumulationSettings settings, IReadOnlyList<AccumulationRow> rows)
    {
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{settings.Unit}, {settings.Data}, seed {settings.Seed}, {settings.Size} x {settings.Size} dot products; columns by N_C"));
        foreach ((string title, Func<AccumulationRow, double> of) in Statistics)
        {
            terminal.Out.WriteLine();
            terminal.Out.WriteLine(title);
            terminal.Out.WriteLine($"{"K",6}" + string.Concat(AccumulationExperiment.Promotions.Select(p => $"{Name(p),10}")));
            foreach (IGrouping<int, AccumulationRow> line in rows.GroupBy(r => r.K))
                terminal.Out.WriteLine($"{line.Key,6}" + string.Concat(line.Select(r => $"{of(r).ToString("0.00e+00", CultureInfo.InvariantCulture),10}")));
        }
    }

    private static string Name(int promotion) => promotion == 0 ? "none" : promotion.ToString(CultureInfo.InvariantCulture);

    private static void WriteJson(Terminal terminal, AccumulationSettings settings, IReadOnlyList<AccumulationRow> rows) => JsonOutput.Write(terminal, "lab accumulation", json =>
    {
        json.WriteString("unit", settings.Unit.Name);
        json.WriteString("data", settings.Data);
        json.WriteNumber("seed", settings.Seed);
        json.WriteNumber("size", settings.Size);
        json.WriteStartArray("rows");
        foreach (AccumulationRow r in rows)
        {
            json.WriteStartObject();
            json.WriteNumber("k", r.K);
            json.WriteNumber("promotion", r.Promotion);
            json.WriteReal("median", r.Median);
            json.WriteReal("p95", r.P95);
            json.WriteReal("rms", r.Rms);
            json.WriteReal("max", r.Max);
            json.WriteReal("norm", r.Norm);
            json.WriteReal("max_over_max", r.MaxOverMax);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
