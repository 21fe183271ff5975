using System.Globalization;
using System.Text;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>The differences of <c>dsref lab fp8-vs-bf16</c> over the steps, as an SVG of lines.</summary>
internal static class PrecisionPlot
{
    private const int Width = 900, Height = 480, Left = 70, Right = 20, Top = 40, Bottom = 50;

    private static readonly string[] colors = ["#228833", "#4477AA", "#66CCEE", "#CCBB44", "#EE6677", "#AA3377"];

    /// <summary>The picture, UTF-8.</summary>
    public static byte[] Svg(IReadOnlyList<PrecisionRun> runs)
    {
        PrecisionRun[] lines = [.. runs.Skip(1)];
        int steps = lines[0].Differences.Length;
        // The first steps have next to no difference; the scale is that of the largest, and shows the claim.
        double most = 1.15 * lines.Max(r => Math.Max(r.LargestOfAll, PrecisionExperiment.Claim));
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" height=\"{Height}\" font-family=\"sans-serif\" font-size=\"13\">\n");
        svg.Append(CultureInfo.InvariantCulture, $"<rect width=\"{Width}\" height=\"{Height}\" fill=\"white\"/>\n");
        Text(svg, Width / 2, 22, "middle", "loss against bfloat16's on the same data, EMA 0.9: relative difference in percent");
        Text(svg, Width / 2, Height - 12, "middle", "step");
        foreach (double tick in Ticks(most))
        {
            double y = Y(tick, most);
            Line(svg, Left, y, Width - Right, y, tick == 0 ? "#666666" : "#dddddd", "");
            Text(svg, Left - 8, y + 4, "end", (100 * tick).ToString("0.##", CultureInfo.InvariantCulture));
        }

        for (int step = 0; step <= steps; step += Math.Max(1, steps / 5))
            Text(svg, X(step, steps), Height - Bottom + 18, "middle", step.ToString(CultureInfo.InvariantCulture));
        foreach (double claim in (double[])[PrecisionExperiment.Claim, -PrecisionExperiment.Claim])
            Line(svg, Left, Y(claim, most), Width - Right, Y(claim, most), "#bb0000", " stroke-dasharray=\"6 4\"");
        for (int i = 0; i < lines.Length; i++)
        {
            string points = string.Join(' ', lines[i].Differences.Select((d, step) => string.Create(CultureInfo.InvariantCulture, $"{X(step + 1, steps):F1},{Y(d, most):F1}")));
            svg.Append(CultureInfo.InvariantCulture, $"<polyline fill=\"none\" stroke=\"{colors[i % colors.Length]}\" stroke-width=\"1.8\" points=\"{points}\"/>\n");
            Line(svg, Left + 14, Top + 14 + 18 * i, Left + 40, Top + 14 + 18 * i, colors[i % colors.Length], " stroke-width=\"3\"");
            Text(svg, Left + 48, Top + 18 + 18 * i, "start", lines[i].Name);
        }

        return Encoding.UTF8.GetBytes(svg.Append("</svg>\n").ToString());
    }

    /// <summary>Round values on both sides of 0, ten at most.</summary>
    private static IEnumerable<double> Ticks(double most)
    {
        double raw = most / 4, power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        double distance = power * (raw / power > 5 ? 10 : raw / power > 2 ? 5 : raw / power > 1 ? 2 : 1);
        int count = (int)(most / distance);
        return Enumerable.Range(-count, 2 * count + 1).Select(i => i * distance);
    }

    private static double X(double step, int steps) => Left + step / steps * (Width - Left - Right);

    private static double Y(double value, double most) => Top + (1 - value / most) / 2 * (Height - Top - Bottom);

    private static void Line(StringBuilder svg, double x1, double y1, double x2, double y2, string color, string more) => svg.Append(
        CultureInfo.InvariantCulture, $"<line x1=\"{x1:F1}\" y1=\"{y1:F1}\" x2=\"{x2:F1}\" y2=\"{y2:F1}\" stroke=\"{color}\"{more}/>\n");

    private static void Text(StringBuilder svg, double x, double y, string anchor, string text) =>
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:F1}\" y=\"{y:F1}\" text-anchor=\"{anchor}\">{text}</text>\n");
}
