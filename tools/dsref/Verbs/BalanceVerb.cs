using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Tool.Lab;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref lab balance</c>: experts balanced by a bias, by a loss, and not at all.</summary>
internal static class BalanceVerb
{
    public static Command Command(Terminal terminal)
    {
        var options = new TrainedLabOptions("A folder of folders of texts, each a domain, instead of three generated languages; a file is one domain.", "the batches' MaxVio");
        Command command = options.Command("balance",
            "Trains one small model on texts of several domains with auxiliary-loss-free balancing, with an auxiliary loss, and with none: imbalance, held-out loss, and how differently the domains use the experts. Exit 1 if the bias does not balance better than nothing, or costs more than the loss does.\n\nExamples:\n  dsref lab balance --quick\n  dsref lab balance --data texts --svg balance.svg");
        command.SetAction(parsed =>
        {
            LabSettings settings = options.Settings(parsed);
            IReadOnlyList<BalanceRun> runs;
            using (var progress = new Progress(terminal))
                runs = BalanceExperiment.Run(settings, options.Workers(parsed), (name, done, of) => progress.Report(name, done, of));
            options.Draw(parsed, () => Picture(runs));
            if (options.Json(parsed))
                WriteJson(terminal, settings, runs);
            else
                WriteTable(terminal, settings, runs);
            return BalanceExperiment.Holds(runs) ? ExitCode.Pass : ExitCode.Mismatch;
        });
        return command;
    }

    private static byte[] Picture(IReadOnlyList<BalanceRun> runs)
    {
        (string Name, double[] Values)[] lines = [.. runs.Select(r => (r.Name, LabTraining.Smoothed(r.MaxVio, 0.9)))];
        return StepPlot.Svg("MaxVio of the batches, EMA 0.9", lines, 0, 1.15 * lines.Max(l => l.Values.Max()), [], 1);
    }

    private static void WriteTable(Terminal terminal, LabSettings settings, IReadOnlyList<BalanceRun> runs)
    {
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{settings.Steps} steps, seed {settings.Seed}, {settings.Data ?? "three generated languages"}; MaxVio is the largest load over the mean load, less 1"));
        terminal.Out.WriteLine();
        terminal.Out.WriteLine($"{"method",-12}{"MaxVio",9}{"held out",10}{"loss",9}{"specialisation",16}  loss by domain");
        foreach (BalanceRun r in runs)
        {
            string domains = string.Join(", ", r.Domains.Select(d => string.Create(CultureInfo.InvariantCulture, $"{d.Domain} {d.Loss:F4}")));
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{r.Name,-12}{r.LastQuarter,9:F3}{r.HeldOutMaxVio,10:F3}{r.Loss,9:F4}{r.Specialisation,16:F3}  {domains}"));
        }

        (BalanceRun free, BalanceRun loss, BalanceRun none) = (BalanceExperiment.Named(runs, "aux-free"), BalanceExperiment.Named(runs, "aux-loss"), BalanceExperiment.Named(runs, "none"));
        terminal.Out.WriteLine();
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"aux-free: MaxVio {free.LastQuarter:F3} against {none.LastQuarter:F3} of none in the last quarter, held-out loss {free.Loss:F4} against {loss.Loss:F4} of aux-loss; the claim, balance at no higher loss, {(BalanceExperiment.Holds(runs) ? "holds" : "does not hold")}"));
    }

    private static void WriteJson(Terminal terminal, LabSettings settings, IReadOnlyList<BalanceRun> runs) => JsonOutput.Write(terminal, "lab balance", json =>
    {
        json.WriteNumber("steps", settings.Steps);
        json.WriteNumber("seed", settings.Seed);
        json.WriteBoolean("holds", BalanceExperiment.Holds(runs));
        json.WriteStartArray("runs");
        foreach (BalanceRun r in runs)
        {
            json.WriteStartObject();
            json.WriteString("name", r.Name);
            json.WriteReal("max_vio_of_last_quarter", r.LastQuarter);
            json.WriteReal("held_out_max_vio", r.HeldOutMaxVio);
            json.WriteReal("held_out_loss", r.Loss);
            json.WriteReal("specialisation", r.Specialisation);
            TrainedLabOptions.WriteArray(json, "max_vio", r.MaxVio);
            json.WriteStartArray("domains");
            foreach (DomainLoads d in r.Domains)
            {
                json.WriteStartObject();
                json.WriteString("name", d.Domain);
                json.WriteReal("loss", d.Loss);
                json.WriteStartArray("loads");
                foreach (double[] layer in d.Loads)
                {
                    json.WriteStartArray();
                    foreach (double part in layer)
                        json.WriteNumberValue(part);
                    json.WriteEndArray();
                }

                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
