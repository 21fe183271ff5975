using System.CommandLine;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tracing;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref run</c>: a forward pass, its logits and probes in one safetensors file.</summary>
internal static class RunVerb
{
    public static Command Command(Terminal terminal)
    {
        var model = new ModelOptions();
        var trace = new Option<string?>("--trace") { Description = "What to write: all probes, logits alone, or names by pattern (* and ?, several with commas); by default the oracles' names.", HelpName = "all|logits|GLOB" };
        var decodeFrom = new Option<int?>("--decode-from") { Description = "Prefill N tokens, then decode the rest one by one; same names, same bits.", HelpName = "N" };
        var output = new Option<string>("--out") { Description = "The file to write.", HelpName = "F.safetensors", Required = true }.NamesPath();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("run",
            "Runs a forward pass and writes logits and intermediates under their documented names.\n\nExample:\n  dsref run --model path/to/model --ids 1,2,3 --trace \"layers.0.*\" --out out.safetensors");
        model.AddTo(command);
        foreach (Option option in (Option[])[trace, decodeFrom, output, json])
            command.Add(option);
        command.SetAction(parsed =>
        {
            IReadOnlyList<int[]> rows = model.Prompts(parsed);
            RequireOneLength(rows);
            int length = rows[0].Length;
            int prefill = parsed.GetValue(decodeFrom) ?? length;
            if (prefill < 1 || prefill > length)
                throw new DataException($"--decode-from {prefill}: the prompt has {length} ids; prefill 1 to {length} of them");

            string path = parsed.GetRequiredValue(output);
            model.RequireOutput(parsed, path);
            using DeepSeekModel loaded = model.Open(parsed, terminal);
            string? word = parsed.GetValue(trace);
            var collector = TraceCollector.Parse(word, loaded.Config, rows.Count);
            Forward(terminal, loaded, rows, prefill, collector);
            IReadOnlyDictionary<string, Tensor> tensors = collector.Tensors();
            if (tensors.Count == 0)
                throw new DataException($"--trace '{word}': no probe has such a name; `--trace all` writes every probe");
            var metadata = new Dictionary<string, string> { ["contract"] = loaded.Contract.Name, ["attention"] = loaded.Contract.Attention.ToString().ToLowerInvariant() };
            terminal.BeginWriting();
            SafetensorsWriter.Write(path, tensors, metadata, cancellationToken: terminal.Cancelled);
            Report(terminal, loaded, path, tensors, parsed.GetValue(json));
            return ExitCode.Pass;
        });
        return command;
    }

    private static void RequireOneLength(IReadOnlyList<int[]> rows)
    {
        for (int r = 1; r < rows.Count; r++)
        {
            if (rows[r].Length != rows[0].Length)
                throw new DataException($"row {r} has {rows[r].Length} ids but row 0 has {rows[0].Length}; `dsref run` takes rows of one length (`dsref generate` takes any)");
        }
    }

    private static void Forward(Terminal terminal, DeepSeekModel model, IReadOnlyList<int[]> rows, int prefill, TraceCollector collector)
    {
        int length = rows[0].Length;
        using var progress = new Progress(terminal);
        progress.Report("run, position", 0, length);
        var trace = new InterruptibleTrace(collector, progress) { Positions = (0, length) };
        var options = new ForwardOptions { Trace = trace, Mtp = model.HasMtp };
        LatentCache[] caches = [.. rows.Select(_ => model.NewCache(length))];
        int[] ids = [.. rows.SelectMany(r => r[..prefill])];
        model.Forward(ids, caches, options);
        for (int t = prefill; t < length; t++)
        {
            trace.Positions = (t, length);
            int[] step = [.. rows.Select(r => r[t])];
            model.Forward(step, caches, options);
        }
    }

    private static void Report(Terminal terminal, DeepSeekModel model, string path, IReadOnlyDictionary<string, Tensor> tensors, bool json)
    {
        if (!json)
        {
            foreach ((string name, Tensor tensor) in tensors)
                terminal.Out.WriteLine($"{name}  {tensor}");
            terminal.Out.WriteLine($"{path}: {tensors.Count} tensors, contract {model.Contract.Name}, attention {model.Contract.Attention.ToString().ToLowerInvariant()}");
            return;
        }

        JsonOutput.Write(terminal, "run", writer =>
        {
            writer.WriteString("out", path);
            writer.WriteString("contract", model.Contract.Name);
            writer.WriteString("attention", model.Contract.Attention.ToString().ToLowerInvariant());
            writer.WriteString("backend", model.Backend.Name);
            writer.WriteStartArray("tensors");
            foreach ((string name, Tensor tensor) in tensors)
            {
                writer.WriteStartObject();
                writer.WriteString("name", name);
                writer.WriteString("dtype", tensor.DType.Name());
                writer.WriteShape(tensor.Shape);
                writer.WriteString("sha256", CanonicalHash.Of(tensor));
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteFp8(model.Fp8);
            writer.WriteString("cache", ModelOptions.NameOf(model.Contract.Cache));
        });
    }
}
