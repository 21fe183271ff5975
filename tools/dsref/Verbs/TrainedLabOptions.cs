using System.CommandLine;
using System.Text.Json;
using DeepSeek.Reference.Tool.Lab;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary>What every experiment that trains is told.</summary>
internal sealed class TrainedLabOptions
{
    private readonly Option<bool> quick = new("--quick") { Description = "A smaller model and fewer steps: a minute or two." };
    private readonly Option<int?> steps = new("--steps") { Description = $"Steps of each run; {LabTraining.StepsOf(quick: false)}, or {LabTraining.StepsOf(quick: true)} with --quick.", HelpName = "N" };
    private readonly Option<string> seed = new("--seed") { Description = "Of weights and data, decimal or 0x hexadecimal; 1.", HelpName = "S", DefaultValueFactory = _ => "1" };
    private readonly Option<string?> data;
    private readonly Option<string?> svg;
    private readonly Option<int> threads = SharedOptions.Threads();
    private readonly Option<bool> json = SharedOptions.Json();

    /// <param name="data">What --data takes.</param>
    /// <param name="drawn">What the picture shows over the steps.</param>
    public TrainedLabOptions(string data, string drawn)
    {
        this.data = new Option<string?>("--data") { Description = data, HelpName = "PATH" }.NamesPath();
        svg = new Option<string?>("--svg") { Description = $"Where a picture of {drawn} over the steps goes.", HelpName = "FILE" }.NamesPath();
    }

    /// <summary>The command with these options.</summary>
    public Command Command(string name, string description) => new(name, description) { quick, steps, seed, data, svg, threads, json };

    /// <summary>Whether JSON is asked for.</summary>
    public bool Json(ParseResult parsed) => parsed.GetValue(json);

    /// <summary>Threads to work on.</summary>
    public int Workers(ParseResult parsed) => SharedOptions.Workers(parsed.GetValue(threads));

    /// <summary>What is trained.</summary>
    /// <exception cref="ContractException">Steps or seed are out of range.</exception>
    public LabSettings Settings(ParseResult parsed)
    {
        bool small = parsed.GetValue(quick);
        int count = parsed.GetValue(steps) ?? LabTraining.StepsOf(small);
        if (count is < 2 or > 100_000)
            throw new ContractException($"--steps {count}: take 2 to 100000");
        return new LabSettings(small, count, SharedOptions.Seed(parsed.GetRequiredValue(seed)), parsed.GetValue(data));
    }

    /// <summary>Writes the picture where one is asked for.</summary>
    public void Draw(ParseResult parsed, Func<byte[]> picture)
    {
        if (parsed.GetValue(svg) is { } path)
            AtomicFile.Write(path, stream => stream.Write(picture()));
    }

    /// <summary>Numbers as an array of that name.</summary>
    public static void WriteArray(Utf8JsonWriter json, string name, double[] values)
    {
        json.WriteStartArray(name);
        foreach (double value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
