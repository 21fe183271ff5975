using System.CommandLine;
using System.Text.Json;
using DeepSeek.Reference.Plots;

var input = new Argument<string>("IN.json") { Description = "What dsref lab accumulation or quantisation wrote with --json." };
var output = new Argument<string>("OUT.svg|OUT.png") { Description = "The picture; its format is that of the name." };
var statistic = new Option<string?>("--statistic") { Description = "Which field of the results; by default median, or element_decibels.", HelpName = "FIELD" };
var width = new Option<int>("--width") { Description = "Pixels; 900.", HelpName = "N", DefaultValueFactory = _ => 900 };
var height = new Option<int>("--height") { Description = "Pixels; 560.", HelpName = "N", DefaultValueFactory = _ => 560 };
var command = new RootCommand("Draws the results of dsref lab.\n\nExample:\n  dsref lab accumulation --json > lab.json && dotnet run -c Release --project tools/plot -- lab.json lab.svg") { input, output, statistic, width, height };
command.SetAction(parsed =>
{
    string path = parsed.GetRequiredValue(output);
    try
    {
        using JsonDocument results = JsonDocument.Parse(File.ReadAllBytes(parsed.GetRequiredValue(input)));
        Picture.Write(path, LabPlot.Of(results.RootElement, parsed.GetValue(statistic)), parsed.GetValue(width), parsed.GetValue(height));
        return 0;
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException or FormatException)
    {
        Console.Error.WriteLine($"plot: {e.Message.ReplaceLineEndings(" ")}");
        return 2;
    }
});
return command.Parse(args).Invoke();
