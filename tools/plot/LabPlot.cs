using System.Globalization;
using System.Text.Json;
using ScottPlot;
using ScottPlot.Plottables;
using ScottPlot.TickGenerators;

namespace DeepSeek.Reference.Plots;

/// <summary>The pictures of the lab's experiments, from their JSON (docs/spec/json.md).</summary>
internal static class LabPlot
{
    private static readonly Color[] Colors = [Color.FromHex("#4477AA"), Color.FromHex("#66CCEE"), Color.FromHex("#228833"), Color.FromHex("#CCBB44"), Color.FromHex("#EE6677"), Color.FromHex("#AA3377")];

    /// <summary>The picture of a document.</summary>
    /// <exception cref="FormatException">It is no experiment's.</exception>
    public static Plot Of(JsonElement results, string? statistic) => results.GetProperty("command").GetString() switch
    {
        "lab accumulation" => Accumulation(results, statistic ?? "median"),
        "lab quantisation" => Quantisation(results, statistic ?? "element_decibels"),
        "lab fp8-vs-bf16" => Precision(results, statistic ?? "differences"),
        var other => throw new FormatException($"'{other}' has no picture; take the JSON of dsref lab accumulation, quantisation or fp8-vs-bf16"),
    };

    /// <summary>Errors over K, both logarithmic, a line for each promotion interval.</summary>
    private static Plot Accumulation(JsonElement results, string statistic)
    {
        var plot = new Plot();
        JsonElement[] rows = [.. results.GetProperty("rows").EnumerateArray()];
        int color = 0;
        foreach (IGrouping<int, JsonElement> line in rows.GroupBy(r => r.GetProperty("promotion").GetInt32()))
        {
            // A logarithm has no place for an error of 0.
            JsonElement[] points = [.. line.Where(r => r.GetProperty(statistic).GetDouble() > 0)];
            if (points.Length == 0)
                continue;
            Scatter scatter = plot.Add.Scatter(
                Array.ConvertAll(points, r => Math.Log2(r.GetProperty("k").GetInt32())),
                Array.ConvertAll(points, r => Math.Log10(r.GetProperty(statistic).GetDouble())),
                Colors[color++ % Colors.Length]);
            scatter.LegendText = line.Key == 0 ? "no promotion" : string.Create(CultureInfo.InvariantCulture, $"N_C = {line.Key}");
            scatter.LineWidth = 2;
        }

        double[] lengths = [.. rows.Select(r => (double)r.GetProperty("k").GetInt32()).Distinct()];
        plot.Axes.Bottom.TickGenerator = new NumericManual(Array.ConvertAll(lengths, Math.Log2), Array.ConvertAll(lengths, k => k.ToString(CultureInfo.InvariantCulture)));
        plot.Axes.Left.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true, LabelFormatter = y => string.Create(CultureInfo.InvariantCulture, $"1e{y:0}") };
        plot.Title($"{results.GetProperty("unit").GetString()}, {results.GetProperty("data").GetString()} values");
        plot.XLabel("K");
        plot.YLabel($"error against the exact sum: {statistic}");
        plot.ShowLegend(Alignment.UpperLeft);
        return plot;
    }

    /// <summary>Decibels, a group of bars for each kind of values and format with binary32 scales, a bar for each tile.</summary>
    private static Plot Quantisation(JsonElement results, string statistic)
    {
        var plot = new Plot();
        JsonElement[] rows = [.. results.GetProperty("results").EnumerateArray().Where(r => r.GetProperty("scales").GetString() == "F32")];
        string[] tiles = [.. rows.Select(r => r.GetProperty("tile").GetString()!).Distinct()];
        string[] groups = [.. rows.Select(Group).Distinct()];
        int stride = tiles.Length + 1;
        for (int t = 0; t < tiles.Length; t++)
        {
            Bar[] tile = [.. rows.Where(r => r.GetProperty("tile").GetString() == tiles[t]).Select(r => new Bar
            {
                Position = Array.IndexOf(groups, Group(r)) * stride + t,
                Value = r.GetProperty(statistic).GetDouble(),
                FillColor = Colors[t % Colors.Length],
            })];
            BarPlot bars = plot.Add.Bars(tile);
            bars.LegendText = tiles[t];
        }

        plot.Axes.Bottom.TickGenerator = new NumericManual([.. groups.Select((_, g) => g * stride + (tiles.Length - 1) / 2.0)], groups);
        plot.Title("FP8 with binary32 scales: signal over quantisation noise");
        plot.YLabel(statistic.Replace('_', ' '));
        plot.Axes.Margins(bottom: 0, top: 0.25);
        plot.ShowLegend(Alignment.UpperRight, Orientation.Horizontal);
        return plot;
    }

    /// <summary>Losses, or their differences from bfloat16's in percent, over the steps, a line for each variant.</summary>
    private static Plot Precision(JsonElement results, string statistic)
    {
        var plot = new Plot();
        bool percent = statistic == "differences";
        int color = 0;
        foreach (JsonElement run in results.GetProperty("runs").EnumerateArray())
        {
            string name = run.GetProperty("name").GetString()!;
            // Its differences from itself are nothing.
            if (percent && name == "bf16")
                continue;
            double[] values = [.. run.GetProperty(statistic).EnumerateArray().Select(v => v.GetDouble() * (percent ? 100 : 1))];
            Scatter line = plot.Add.ScatterLine([.. Enumerable.Range(1, values.Length).Select(step => (double)step)], values, Colors[color++ % Colors.Length]);
            line.LegendText = name;
            line.LineWidth = 2;
        }

        plot.XLabel("step");
        plot.YLabel(percent ? "loss (EMA 0.9) against bfloat16's, percent" : statistic);
        plot.ShowLegend(Alignment.UpperLeft);
        return plot;
    }

    private static string Group(JsonElement row) => $"{row.GetProperty("data").GetString()}\n{row.GetProperty("format").GetString()}";
}
