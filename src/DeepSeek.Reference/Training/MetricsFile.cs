using System.Globalization;
using System.Text;
using System.Text.Json;

namespace DeepSeek.Reference.Training;

/// <summary>A run's metrics, a JSON object a line and step; after a resume as if the run had never ended, but for the times.</summary>
public sealed class MetricsFile : IDisposable
{
    private readonly string path;
    private readonly FileStream stream;

    private MetricsFile(string path, FileStream stream)
    {
        this.path = path;
        this.stream = stream;
    }

    /// <summary>Opens a file to go on after a step: lines of later steps, and a last one that was cut off, are dropped.</summary>
    /// <exception cref="DataException">The file cannot be written.</exception>
    public static MetricsFile Open(string path, long afterStep)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            byte[] kept = File.Exists(path) ? Kept(File.ReadAllBytes(path), afterStep) : [];
            AtomicFile.Write(path, s => s.Write(kept));
            return new MetricsFile(path, new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read));
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotWrite(path, e);
        }
    }

    /// <summary>Adds a step.</summary>
    /// <exception cref="DataException">The file cannot be written.</exception>
    public void Write(StepReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        try
        {
            stream.Write(Line(report));
            stream.Flush();
        }
        catch (IOException e)
        {
            throw FileError.CannotWrite(path, e);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => stream.Dispose();

    private static byte[] Line(StepReport report)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("step", report.Step);
            json.WriteNumber("tokens", report.Tokens);
            json.WriteNumber("loss", report.Loss);
            json.WriteNumber("learning_rate", report.LearningRate);
            json.WriteNumber("gradient_norm", report.GradientNorm);
            json.WriteNumber("gradient_scale", report.GradientScale);
            json.WriteNumber("batch", report.Batch);
            if (report.MaxVio is { } vio)
            {
                json.WriteNumber("max_vio", vio);
                json.WriteNumber("bias_speed", report.BiasSpeed);
            }

            foreach ((string name, double value) in report.Figures.OrderBy(f => f.Key, StringComparer.Ordinal))
                json.WriteNumber(name, value);
            json.WriteNumber("seconds", Math.Round(report.Duration.TotalSeconds, 6));
            json.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    private static byte[] Kept(byte[] bytes, long afterStep)
    {
        var kept = new StringBuilder();
        string[] lines = Encoding.UTF8.GetString(bytes).Split('\n');
        // What follows the last line feed was cut off.
        foreach (string line in lines[..^1])
        {
            if (StepOf(line) is { } step && step <= afterStep)
                kept.Append(CultureInfo.InvariantCulture, $"{line}\n");
        }

        return Encoding.UTF8.GetBytes(kept.ToString());
    }

    private static long? StepOf(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("step", out JsonElement step) && step.TryGetInt64(out long number) ? number : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
