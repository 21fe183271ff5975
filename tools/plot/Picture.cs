using ScottPlot;

namespace DeepSeek.Reference.Plots;

/// <summary>A plot as a file: whole under its name, or not at all.</summary>
internal static class Picture
{
    /// <summary>Writes PNG or SVG, as the name says.</summary>
    /// <exception cref="ArgumentException">The name ends in neither.</exception>
    public static void Write(string path, Plot plot, int width, int height)
    {
        if (width is < 100 or > 10_000 || height is < 100 or > 10_000)
            throw new ArgumentException($"--width {width} --height {height}: take 100 to 10000 pixels");
        byte[] bytes = Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".png" => plot.GetImageBytes(width, height, ImageFormat.Png),
            ".svg" => System.Text.Encoding.UTF8.GetBytes(plot.GetSvgXml(width, height)),
            _ => throw new ArgumentException($"{path}: name a file that ends in .png or .svg"),
        };
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        File.WriteAllBytes(temporary, bytes);
        File.Move(temporary, path, overwrite: true);
    }
}
