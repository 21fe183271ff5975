using System.Text.Json;
using ScottPlot;

namespace DeepSeek.Reference.Plots;

/// <summary>The picture of a training run, from its metrics.jsonl (docs/spec/training-recipe.md 11).</summary>
internal static class TrainingPlot
{
    /// <summary>One figure of each step; by default the loss.</summary>
    /// <exception cref="FormatException">No line has the figure.</exception>
    public static Plot Of(IEnumerable<string> lines, string? statistic)
    {
        string field = statistic ?? "loss";
        var steps = new List<double>();
        var values = new List<double>();
        foreach (string line in lines.Where(l => l.Length > 0))
        {
            using var document = JsonDocument.Parse(line);
            if (!document.RootElement.TryGetProperty(field, out JsonElement value))
                continue;
            steps.Add(document.RootElement.GetProperty("step").GetInt64());
            values.Add(value.GetDouble());
        }

        if (steps.Count == 0)
            throw new FormatException($"no line has '{field}'; take a metrics.jsonl of dsref train, and one of its fields");
        var plot = new Plot();
        plot.Add.ScatterLine(steps, values, Color.FromHex("#4477AA"));
        plot.XLabel("step");
        plot.YLabel(field.Replace('_', ' '));
        return plot;
    }
}
