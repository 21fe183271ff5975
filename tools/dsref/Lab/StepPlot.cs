using System.Globalization;
using System.Text;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>Figures of several runs over their steps, as an SVG of lines.</summary>
internal static class StepPlot
{
    private const int Width = 900, Height = 480, Left = 70, Right = 20, Top = 40, Bottom = 50;

    private static readonly string[] colors = ["#228833", "#4477AA", "#66CCEE", "#CCBB44", "#EE6677", "#AA3377"];

    /// <summary>The picture, UTF-8.</summary>
    /// <param name="title">Above it.</param>
    /// <param name="lines">Names and values; all of one length.</param>
    /// <param name="low">The lower end of the scale, 0 or less.</param>
    /// <param name="high">The upper end.</param>
    /// <param name="marks">Values at which a dashed line is drawn.</param>
    /// <param name="factor">What labels of the scale multiply values by.</param>
    public static byte[] Svg(string title, IReadOnlyList<(string Name, double[] Values)> lines, double low, double high, double[] marks, double factor)
    {
        int steps = lines[0].Values.Length;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" height=\"{Height}\" font-family=\"sans-serif\" font-size=\"13\">\n");
        svg.Append(CultureInfo.InvariantCulture, $"<rect width=\"{Width}\" height=\"{Height}\" fill=\"white\"/>\n");
        Text(svg, Width / 2, 22, "middle", title);
        Text(svg, Width / 2, Height - 12, "middle", "step");
        foreach (double tick in Ticks(low, high))
        {
            double y = Y(tick, low, high);
            Line(svg, Left, y, Width - Right, y, tick == 0 ? "#666666" : "#dddddd", "");
            Text(svg, Left - 8, y + 4, "end", (factor * tick).ToString("0.##", CultureInfo.InvariantCulture));
        }

        for (int step = 0; step <= steps; step += Math.Max(1, steps / 5))
            Text(svg, X(step, steps), Height - Bottom + 18, "middle", step.ToString(CultureInfo.InvariantCulture));
        foreach (double mark in marks)
            Line(svg, Left, Y(mark, low, high), Width - Right, Y(mark, low, high), "#bb0000", " stroke-dasharray=\"6 4\"");
        for (int i = 0; i < lines.Count; i++)
        {
            string points = string.Join(' ', lines[i].Values.Select((v, step) => string.Create(CultureInfo.InvariantCulture, $"{X(step + 1, steps):F1},{Y(v, low, high):F1}")));
            svg.Append(CultureInfo.InvariantCulture, $"<polyline fill=\"none\" stroke=\"{colors[i % colors.Length]}\" stroke-width=\"1.8\" points=\"{points}\"/>\n");
            Line(svg, Left + 14, Top + 14 + 18 * i, Left + 40, Top + 14 + 18 * i, colors[i % colors.Length], " stroke-width=\"3\"");
            Text(svg, Left + 48, Top + 18 + 18 * i, "start", lines[i].Name);
        }

        return Encoding.UTF8.GetBytes(svg.Append("</svg>\n").ToString());
    }

    /// <summary>Multiples of a round distance from the lower end to the upper, ten or so.</summary>
    private static IEnumerable<double> Ticks(double low, double high)
    {
        double raw = (high - low) / 8, power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        double distance = power * (raw / power > 5 ? 10 : raw / power > 2 ? 5 : raw / power > 1 ? 2 : 1);
        int first = (int)Math.Ceiling(low / distance), last = (int)(high / distance);
        return Enumerable.Range(first, last - first + 1).Select(i => i * distance);
    }

    private static double X(double step, int steps) => Left + step / steps * (Width - Left - Right);

    private static double Y(double value, double low, double high) => Top + (high - value) / (high - low) * (Height - Top - Bottom);

    private static void Line(StringBuilder svg, double x1, double y1, double x2, double y2, string color, string more) => svg.Append(
        CultureInfo.InvariantCulture, $"<line x1=\"{x1:F1}\" y1=\"{y1:F1}\" x2=\"{x2:F1}\" y2=\"{y2:F1}\" stroke=\"{color}\"{more}/>\n");

    private static void Text(StringBuilder svg, double x, double y, string anchor, string text) =>
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:F1}\" y=\"{y:F1}\" text-anchor=\"{anchor}\">{text}</text>\n");
}
