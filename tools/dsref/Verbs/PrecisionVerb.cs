using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Tool.Lab;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref lab fp8-vs-bf16</c>: what FP8 products cost a training run.</summary>
internal static class PrecisionVerb
{
    public static Command Command(Terminal terminal)
    {
        var options = new TrainedLabOptions("A text file, a .jsonl file or a folder, instead of generated text.", "the differences");
        Command command = options.Command("fp8-vs-bf16",
            "Trains one small model on the same data in bfloat16 and with FP8 products: scales of tiles or of whole tensors, Hopper's sums promoted or not, exact sums. Exit 1 if the loss under the report's recipe is 0.25 % or more away.\n\nExamples:\n  dsref lab fp8-vs-bf16 --quick\n  dsref lab fp8-vs-bf16 --data texts --svg fp8.svg");
        command.SetAction(parsed =>
        {
            LabSettings settings = options.Settings(parsed);
            IReadOnlyList<PrecisionRun> runs;
            using (var progress = new Progress(terminal))
                runs = PrecisionExperiment.Run(settings, options.Workers(parsed), (name, done, of) => progress.Report(name, done, of));
            options.Draw(parsed, () => Picture(runs));
            if (options.Json(parsed))
                WriteJson(terminal, settings, runs);
            else
                WriteTable(terminal, settings, runs);
            return Report(runs).Holds ? ExitCode.Pass : ExitCode.Mismatch;
        });
        return command;
    }

    /// <summary>Differences of all but bfloat16 itself; the first steps have next to none, so that the scale is that of the largest, and shows the claim.</summary>
    private static byte[] Picture(IReadOnlyList<PrecisionRun> runs)
    {
        PrecisionRun[] lines = [.. runs.Skip(1)];
        double most = 1.15 * lines.Max(r => Math.Max(r.LargestOfAll, PrecisionExperiment.Claim));
        return StepPlot.Svg(
            "loss against bfloat16's on the same data, EMA 0.9: relative difference in percent",
            [.. lines.Select(r => (r.Name, r.Differences))], -most, most, [PrecisionExperiment.Claim, -PrecisionExperiment.Claim], 100);
    }

    private static PrecisionRun Report(IReadOnlyList<PrecisionRun> runs) => runs.Single(r => r.Name == "fp8");

    private static void WriteTable(Terminal terminal, LabSettings settings, IReadOnlyList<PrecisionRun> runs)
    {
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{settings.Steps} steps, seed {settings.Seed}, {settings.Data ?? "generated text"}; loss averaged with 0.9, differences from bf16"));
        terminal.Out.WriteLine();
        terminal.Out.WriteLine($"{"variant",-24}{"scales",-8}{"products",-26}{"loss",9}{"at the end",12}{"last half",11}{"whole run",11}{"tok/s",8}");
        foreach (PrecisionRun r in runs)
        {
            bool fp8 = r.Precision.Recipe == PrecisionRecipe.Fp8;
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{r.Name,-24}{(fp8 ? r.Precision.Scaling.ToString().ToLowerInvariant() : "-"),-8}{(fp8 ? r.Precision.Product.Name : "-"),-26}{r.Smoothed[^1],9:F4}{Percent(r.Last),12}{Percent(r.Largest),11}{Percent(r.LargestOfAll),11}{r.TokensPerSecond,8:F0}"));
        }

        PrecisionRun report = Report(runs);
        terminal.Out.WriteLine();
        terminal.Out.WriteLine($"fp8 against bf16: at most {Percent(report.Largest)} in the last half; the report's claim, below {Percent(PrecisionExperiment.Claim)}, {(report.Holds ? "holds" : "does not hold")}");
    }

    private static string Percent(double value) => (100 * value).ToString("0.000", CultureInfo.InvariantCulture) + "%";

    private static void WriteJson(Terminal terminal, LabSettings settings, IReadOnlyList<PrecisionRun> runs) => JsonOutput.Write(terminal, "lab fp8-vs-bf16", json =>
    {
        json.WriteNumber("steps", settings.Steps);
        json.WriteNumber("seed", settings.Seed);
        json.WriteReal("claim", PrecisionExperiment.Claim);
        json.WriteBoolean("holds", Report(runs).Holds);
        json.WriteStartArray("runs");
        foreach (PrecisionRun r in runs)
        {
            json.WriteStartObject();
            json.WriteString("name", r.Name);
            if (r.Precision.Recipe == PrecisionRecipe.Fp8)
            {
                json.WriteString("scales", r.Precision.Scaling.ToString().ToLowerInvariant());
                json.WriteString("product", r.Precision.Product.Name);
            }

            json.WriteReal("loss", r.Smoothed[^1]);
            json.WriteReal("difference", r.Last);
            json.WriteReal("largest_of_last_half", r.Largest);
            json.WriteReal("largest", r.LargestOfAll);
            json.WriteReal("tokens_per_second", Math.Round(r.TokensPerSecond, 1));
            TrainedLabOptions.WriteArray(json, "losses", r.Losses);
            TrainedLabOptions.WriteArray(json, "differences", r.Differences);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
