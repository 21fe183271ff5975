using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref quantize</c> and <c>dsref dequantize</c>: an FP8 checkpoint of a plain one, and back.</summary>
internal static class ConvertVerbs
{
    private const string Resumes = "interrupted; the weight files that were finished stay, and the same command goes on from there";

    public static Command Quantize(Terminal terminal)
    {
        (Argument<string> source, Argument<string> target) = Directories();
        var format = new Option<string>("--scale-format") { Description = "f32: scales of any value; ue8m0: powers of two, as DeepSeek-V3.1 has them.", HelpName = "f32|ue8m0", DefaultValueFactory = _ => "f32" };
        Option<string> backend = SharedOptions.Backend();
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("quantize",
            "Writes the FP8 form of an F32 or BF16 checkpoint: projections as F8_E4M3 with a scale for each block of 128 x 128, all else as it is. Run again, an interrupted conversion goes on.\n\nExample:\n  dsref quantize path/to/model path/to/fp8 --scale-format ue8m0")
        { source, target, format, backend, threads, json };
        command.SetAction(parsed =>
        {
            ScaleFormat scales = parsed.GetValue(format)!.ToLowerInvariant() switch
            {
                "f32" => ScaleFormat.F32,
                "ue8m0" => ScaleFormat.UE8M0,
                var other => throw new ContractException($"--scale-format '{other}': there are f32 and ue8m0"),
            };
            IBackend runs = SharedOptions.MakeBackend(parsed.GetValue(backend)!, parsed.GetValue(threads));
            (string from, string to) = (parsed.GetRequiredValue(source), parsed.GetRequiredValue(target));
            terminal.BeginWriting(Resumes);
            ConversionReport report = ConversionBar.Run(terminal, "quantize", told => CheckpointConversion.Quantize(from, to, scales, runs, told, terminal.Cancelled));
            return Tell(terminal, "quantize", to, report, parsed.GetValue(json), writer => writer.WriteString("scale_format", scales == ScaleFormat.F32 ? "f32" : "ue8m0"));
        });
        return command;
    }

    public static Command Dequantize(Terminal terminal)
    {
        (Argument<string> source, Argument<string> target) = Directories();
        Option<string> backend = SharedOptions.Backend();
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("dequantize",
            "Writes the BF16 form of an FP8 checkpoint (F32 where torch_dtype is float32): each weight is code times scale. Run again, an interrupted conversion goes on.\n\nExample:\n  dsref dequantize path/to/fp8 path/to/bf16")
        { source, target, backend, threads, json };
        command.SetAction(parsed =>
        {
            IBackend runs = SharedOptions.MakeBackend(parsed.GetValue(backend)!, parsed.GetValue(threads));
            (string from, string to) = (parsed.GetRequiredValue(source), parsed.GetRequiredValue(target));
            terminal.BeginWriting(Resumes);
            ConversionReport report = ConversionBar.Run(terminal, "dequantize", told => CheckpointConversion.Dequantize(from, to, runs, told, terminal.Cancelled));
            return Tell(terminal, "dequantize", to, report, parsed.GetValue(json), _ => { });
        });
        return command;
    }

    private static (Argument<string> Source, Argument<string> Target) Directories() =>
        (new Argument<string>("IN") { Description = "A model directory: config.json and model.safetensors, or shards and their index." }.NamesPath(),
        new Argument<string>("OUT") { Description = "The directory to write: new, empty, or with the same conversion unfinished." }.NamesPath());

    private static int Tell(Terminal terminal, string verb, string target, ConversionReport report, bool json, Action<Utf8JsonWriter> own)
    {
        if (json)
        {
            JsonOutput.Write(terminal, verb, writer =>
            {
                writer.WriteString("out", target);
                own(writer);
                writer.WriteNumber("shards", report.Shards);
                writer.WriteNumber("shards_kept", report.Kept);
                writer.WriteNumber("converted", report.Converted);
                writer.WriteNumber("copied", report.Copied);
                writer.WriteNumber("source_bytes", report.SourceBytes);
                writer.WriteNumber("target_bytes", report.TargetBytes);
            });
            return ExitCode.Pass;
        }

        string kept = report.Kept == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" ({report.Kept} from an earlier run)");
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{target}: {report.Shards} weight {(report.Shards == 1 ? "file" : "files")}{kept}, {report.Converted} tensors converted, {report.Copied} copied; {report.SourceBytes:N0} bytes became {report.TargetBytes:N0}"));
        return ExitCode.Pass;
    }
}
