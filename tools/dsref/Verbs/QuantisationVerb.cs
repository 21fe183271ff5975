using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tool.Lab;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref lab quantisation</c>: signal to quantisation noise by tile.</summary>
internal static class QuantisationVerb
{
    private static readonly (string Title, string Format, Func<QuantisationRow, double> Of)[] Measures =
    [
        ("decibels of signal over noise", "0.00", r => r.Decibels),
        ("decibels of signal over noise, each element weighing the same", "0.00", r => r.ElementDecibels),
        ("percentage of elements that became 0", "0.000", r => 100 * r.Zeros),
    ];

    public static Command Command(Terminal terminal)
    {
        var rows = new Option<int>("--rows") { Description = "Rows of the matrix; 512.", HelpName = "T", DefaultValueFactory = _ => 512 };
        var columns = new Option<int>("--columns") { Description = "Its columns; 1024.", HelpName = "K", DefaultValueFactory = _ => 1024 };
        var seed = new Option<string>("--seed") { Description = "Which values, decimal or 0x hexadecimal; 1.", HelpName = "S", DefaultValueFactory = _ => "1" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("quantisation",
            "Signal to quantisation noise, in decibels, of FP8 with one scale for a tensor, a row, 128 x 128 and 1 x 128 elements, on bell-shaped values, values over ten decades, and bell-shaped ones with outliers among elements or columns.\n\nExample:\n  dsref lab quantisation --seed 7")
        { rows, columns, seed, json };
        command.SetAction(parsed =>
        {
            int T = parsed.GetValue(rows), K = parsed.GetValue(columns);
            if (T < 1 || K < 1 || (long)T * K > 1 << 26)
                throw new ContractException($"--rows {T} --columns {K}: take positive numbers whose product is at most 2^26");
            ulong key = SharedOptions.Seed(parsed.GetRequiredValue(seed));
            IReadOnlyList<QuantisationRow> results;
            using (var progress = new Progress(terminal))
                results = QuantisationExperiment.Run(key, T, K, (done, of) => progress.Report("quantiser", done, of));
            if (parsed.GetValue(json))
                WriteJson(terminal, key, T, K, results);
            else
                WriteTables(terminal, key, T, K, results);
            return ExitCode.Pass;
        });
        return command;
    }

    private static void WriteTables(Terminal terminal, ulong seed, int T, int K, IReadOnlyList<QuantisationRow> results)
    {
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{T} x {K} values, seed {seed}; columns by tile"));
        foreach ((string title, string format, Func<QuantisationRow, double> of) in Measures)
        {
            terminal.Out.WriteLine();
            terminal.Out.WriteLine(title);
            terminal.Out.WriteLine($"{"data",-10} {"format",-7} {"scales",-7}" + string.Concat(QuantisationExperiment.Tiles.Select(t => $"{Name(t),9}")));
            foreach (IGrouping<(string Data, string Format, ScaleFormat Scales), QuantisationRow> line in results.GroupBy(r => (r.Data, r.Format, r.Scales)))
                terminal.Out.WriteLine($"{line.Key.Data,-10} {line.Key.Format,-7} {line.Key.Scales,-7}" + string.Concat(line.Select(r => $"{of(r).ToString(format, CultureInfo.InvariantCulture),9}")));
        }
    }

    private static string Name(QuantizationTile tile) => tile switch
    {
        QuantizationTile.PerTensor => "tensor",
        QuantizationTile.PerChannel => "row",
        QuantizationTile.Block128x128 => "128x128",
        _ => "1x128",
    };

    private static void WriteJson(Terminal terminal, ulong seed, int T, int K, IReadOnlyList<QuantisationRow> results) => JsonOutput.Write(terminal, "lab quantisation", json =>
    {
        json.WriteNumber("seed", seed);
        json.WriteNumber("rows", T);
        json.WriteNumber("columns", K);
        json.WriteStartArray("results");
        foreach (QuantisationRow r in results)
        {
            json.WriteStartObject();
            json.WriteString("data", r.Data);
            json.WriteString("format", r.Format);
            json.WriteString("scales", r.Scales.ToString());
            json.WriteString("tile", Name(r.Tile));
            json.WriteReal("decibels", r.Decibels);
            json.WriteReal("element_decibels", r.ElementDecibels);
            json.WriteReal("zeros", r.Zeros);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
