using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Tool.Lab;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref lab noise</c>: legitimate and wrong variants of an FP8 product under the three statistics of NOISE.</summary>
internal static class NoiseVerb
{
    private static readonly string[] Maps = ["bell", "uniform", "logspread", "outlier", "int"];

    public static Command Command(Terminal terminal)
    {
        var rows = Size("--t", "Rows of x; 128.", 128);
        var columns = Size("--n", "Rows of the weight; 256.", 256);
        var depth = Size("--k", "Elements of a sum, a multiple of 512; 7168.", 7168);
        var seeds = Size("--seeds", "Seeds of each map; 5.", 5);
        var first = new Option<string>("--seed") { Description = "The first seed, decimal or 0x hexadecimal; 1000.", HelpName = "S", DefaultValueFactory = _ => "1000" };
        var map = new Option<string>("--map") { Description = $"One value map; by default {string.Join(", ", Maps)}.", HelpName = "NAME" };
        var legitimate = new Option<bool>("--legitimate") { Description = "Legitimate variants alone, to count false alarms over many seeds." };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("noise",
            "Judges legitimate and wrong variants of DeepGEMM's FP8 product on Hopper by the statistics of NOISE. Exit 1 if a legitimate one raises an alarm or a wrong one passes.\n\nExamples:\n  dsref lab noise\n  dsref lab noise --legitimate --k 2048 --seeds 10000 --map bell")
        { rows, columns, depth, seeds, first, map, legitimate, json };
        command.SetAction(parsed =>
        {
            var settings = new NoiseSettings(
                parsed.GetValue(rows), parsed.GetValue(columns), parsed.GetValue(depth), parsed.GetValue(map) is { } one ? [one] : Maps,
                parsed.GetValue(seeds), SharedOptions.Seed(parsed.GetRequiredValue(first)), parsed.GetValue(legitimate));
            if (settings.T < 1 || settings.N < 1 || settings.Seeds < 1 || settings.K < 512 || settings.K % 512 != 0)
                throw new ContractException("--t, --n and --seeds are at least 1, --k is a multiple of 512");
            IReadOnlyList<NoiseRow> table;
            using (var progress = new Progress(terminal))
                table = NoiseExperiment.Run(settings, (done, of) => progress.Report("seed", done, of));
            if (parsed.GetValue(json))
                WriteJson(terminal, settings, table);
            else
                WriteTable(terminal, table);
            return table.All(r => r.Holds) ? ExitCode.Pass : ExitCode.Mismatch;
        });
        return command;
    }

    private static Option<int> Size(string name, string description, int value) => new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };

    private static void WriteTable(Terminal terminal, IReadOnlyList<NoiseRow> table)
    {
        terminal.Out.WriteLine($"{"variant",-28}{"map",-10}{"y",-5}{"NOISE",-12}{"R",8}{"rate",9}{"emulation",10}{"bias z",9}{"margin",9}  {"nearest check",-22}outliers");
        foreach (NoiseRow r in table)
        {
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{r.Variant,-28}{r.Map,-10}{r.Output,-5}{$"{r.Noise} of {r.Seeds}",-12}{r.Ratio,8:F3}{r.Rate,9:P2}{r.EmulationRate,10:P2}{r.Bias,9:F1}{r.WorstMargin,9:F1}  {r.WorstCheck,-22}{r.Outliers}"));
        }
    }

    private static void WriteJson(Terminal terminal, NoiseSettings settings, IReadOnlyList<NoiseRow> table) => JsonOutput.Write(terminal, "lab noise", json =>
    {
        json.WriteNumber("t", settings.T);
        json.WriteNumber("n", settings.N);
        json.WriteNumber("k", settings.K);
        json.WriteStartArray("rows");
        foreach (NoiseRow r in table)
        {
            json.WriteStartObject();
            json.WriteString("variant", r.Variant);
            json.WriteBoolean("legitimate", r.Legitimate);
            json.WriteString("map", r.Map);
            json.WriteString("output", r.Output.Name());
            json.WriteNumber("seeds", r.Seeds);
            json.WriteNumber("noise", r.Noise);
            json.WriteReal("ratio", r.Ratio);
            json.WriteReal("rate", r.Rate);
            json.WriteReal("emulation_rate", r.EmulationRate);
            json.WriteReal("bias", r.Bias);
            json.WriteReal("margin", r.WorstMargin);
            json.WriteString("check", r.WorstCheck);
            json.WriteNumber("outliers", r.Outliers);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
