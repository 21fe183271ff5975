using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Tool.Lab;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref lab mtp</c>: what multi-token prediction gains, and how often its draft is right.</summary>
internal static class MtpVerb
{
    public static Command Command(Terminal terminal)
    {
        var options = new TrainedLabOptions("A folder of folders of texts, each a domain, instead of three generated languages; a file is one domain.", "the main model's loss");
        Command command = options.Command("mtp",
            "Trains one small model on the same data with a multi-token prediction module and without: the main model's held-out loss, and how many second tokens that the module drafts the main model accepts. Exit 1 if the loss is higher with the module.\n\nExamples:\n  dsref lab mtp --quick\n  dsref lab mtp --data texts --svg mtp.svg");
        command.SetAction(parsed =>
        {
            LabSettings settings = options.Settings(parsed);
            IReadOnlyList<MtpRun> runs;
            using (var progress = new Progress(terminal))
                runs = MtpExperiment.Run(settings, options.Workers(parsed), (name, done, of) => progress.Report(name, done, of));
            options.Draw(parsed, () => Picture(runs));
            if (options.Json(parsed))
                WriteJson(terminal, settings, runs);
            else
                WriteTable(terminal, settings, runs);
            return MtpExperiment.Holds(runs) ? ExitCode.Pass : ExitCode.Mismatch;
        });
        return command;
    }

    private static byte[] Picture(IReadOnlyList<MtpRun> runs)
    {
        (string Name, double[] Values)[] lines = [.. runs.Select(r => (r.Name, LabTraining.Smoothed(r.Losses, 0.9)))];
        return StepPlot.Svg("the main model's loss, nats a token, EMA 0.9", lines, 0, 1.15 * lines.Max(l => l.Values.Max()), [], 1);
    }

    private static void WriteTable(Terminal terminal, LabSettings settings, IReadOnlyList<MtpRun> runs)
    {
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{settings.Steps} steps, seed {settings.Seed}, {settings.Data ?? "three generated languages"}; losses are the main model's"));
        terminal.Out.WriteLine();
        terminal.Out.WriteLine($"{"variant",-10}{"training",10}{"held out",10}{"drafts",9}{"accepted",10}{"part",8}  held-out loss by domain");
        foreach (MtpRun r in runs)
        {
            string domains = string.Join(", ", r.Domains.Select(d => string.Create(CultureInfo.InvariantCulture, $"{d.Domain} {d.Loss:F4}")));
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{r.Name,-10}{LabTraining.Smoothed(r.Losses, 0.9)[^1],10:F4}{r.Loss,10:F4}{(r.Drafts == 0 ? "-" : r.Drafts),9}{(r.Drafts == 0 ? "-" : r.Accepted),10}{(r.Acceptance is { } part ? Percent(part) : "-"),8}  {domains}"));
        }

        (MtpRun with, MtpRun without) = (runs.Single(r => r.Name == "mtp"), runs.Single(r => r.Name == "none"));
        terminal.Out.WriteLine();
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"mtp: held-out loss {with.Loss:F4} against {without.Loss:F4} without; the claim, no higher loss with the module, {(MtpExperiment.Holds(runs) ? "holds" : "does not hold")}; {Percent(with.Acceptance ?? 0)} of the second tokens are accepted, 85 to 90% in the report"));
    }

    private static string Percent(double value) => (100 * value).ToString("0.0", CultureInfo.InvariantCulture) + "%";

    private static void WriteJson(Terminal terminal, LabSettings settings, IReadOnlyList<MtpRun> runs) => JsonOutput.Write(terminal, "lab mtp", json =>
    {
        json.WriteNumber("steps", settings.Steps);
        json.WriteNumber("seed", settings.Seed);
        json.WriteBoolean("holds", MtpExperiment.Holds(runs));
        json.WriteStartArray("runs");
        foreach (MtpRun r in runs)
        {
            json.WriteStartObject();
            json.WriteString("name", r.Name);
            json.WriteReal("held_out_loss", r.Loss);
            json.WriteNumber("drafts", r.Drafts);
            json.WriteNumber("accepted", r.Accepted);
            TrainedLabOptions.WriteArray(json, "losses", r.Losses);
            json.WriteStartArray("domains");
            foreach ((string domain, double loss) in r.Domains)
            {
                json.WriteStartObject();
                json.WriteString("name", domain);
                json.WriteReal("loss", loss);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
