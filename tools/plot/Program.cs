using System.CommandLine;
using System.Text.Json;
using DeepSeek.Reference.Plots;
using ScottPlot;

var input = new Argument<string>("IN.json|IN.jsonl") { Description = "What dsref lab accumulation, quantisation or fp8-vs-bf16 wrote with --json, or the metrics.jsonl of dsref train." };
var output = new Argument<string>("OUT.svg|OUT.png") { Description = "The picture; its format is that of the name." };
var statistic = new Option<string?>("--statistic") { Description = "Which field of the results; by default median, element_decibels, differences, or loss.", HelpName = "FIELD" };
var width = new Option<int>("--width") { Description = "Pixels; 900.", HelpName = "N", DefaultValueFactory = _ => 900 };
var height = new Option<int>("--height") { Description = "Pixels; 560.", HelpName = "N", DefaultValueFactory = _ => 560 };
var command = new RootCommand("Draws the results of dsref lab and of dsref train.\n\nExample:\n  dsref lab accumulation --json > lab.json && dotnet run -c Release --project tools/plot -- lab.json lab.svg") { input, output, statistic, width, height };
command.SetAction(parsed =>
{
    string path = parsed.GetRequiredValue(output);
    try
    {
        Picture.Write(path, PlotOf(parsed.GetRequiredValue(input), parsed.GetValue(statistic)), parsed.GetValue(width), parsed.GetValue(height));
        return 0;
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException or FormatException)
    {
        Console.Error.WriteLine($"plot: {e.Message.ReplaceLineEndings(" ")}");
        return 2;
    }
});
return command.Parse(args).Invoke();

static Plot PlotOf(string path, string? statistic)
{
    if (path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase))
        return TrainingPlot.Of(File.ReadLines(path), statistic);
    using JsonDocument results = JsonDocument.Parse(File.ReadAllBytes(path));
    return LabPlot.Of(results.RootElement, statistic);
}
