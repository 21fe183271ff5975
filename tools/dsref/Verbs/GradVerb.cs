using System.CommandLine;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Training;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref grad</c>: the loss of a batch and the gradient of every parameter in one safetensors file.</summary>
internal static class GradVerb
{
    public static Command Command(Terminal terminal)
    {
        var model = new Option<string>("--model") { Description = "Directory with config.json and model.safetensors, or shards and their index.", HelpName = "DIR", Required = true }.NamesPath();
        var ids = new Option<string?>("--ids") { Description = "One sequence, as token ids.", HelpName = "1,2,3" };
        var idsFile = new Option<string?>("--ids-file") { Description = "Sequences as JSON, [[...],[...]], one array a row, of any lengths.", HelpName = "F.json" }.NamesPath();
        var contract = new Option<string>("--contract") { Description = "Canonical or Ideal; attention is naive.", HelpName = "NAME", DefaultValueFactory = _ => NumericContract.Canonical.Name };
        var mtp = new Option<double>("--mtp-weight") { Description = "Weight λ of the MTP modules' loss; 0: they do not run and get no gradients.", HelpName = "λ", DefaultValueFactory = _ => 0 };
        var balance = new Option<double>("--balance-weight") { Description = "Weight α of the sequence-wise balance loss.", HelpName = "α", DefaultValueFactory = _ => 0 };
        var output = new Option<string>("--out") { Description = "The file to write.", HelpName = "F.safetensors", Required = true }.NamesPath();
        var backend = new Option<string>("--backend") { Description = "scalar (the definitions) or simd (the same bits, fast).", HelpName = "scalar|simd", DefaultValueFactory = _ => "simd" };
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("grad",
            "Writes the gradient of every parameter for the mean cross-entropy of a batch: each id against the logits of the ids before it.\n\nExample:\n  dsref grad --model path/to/model --ids 1,2,3 --out grads.safetensors");
        foreach (Option option in (Option[])[model, ids, idsFile, contract, mtp, balance, output, backend, threads, json])
            command.Add(option);
        command.SetAction(parsed =>
        {
            IReadOnlyList<int[]> rows = PromptIds.Read(parsed.GetValue(ids), parsed.GetValue(idsFile));
            string directory = parsed.GetRequiredValue(model);
            string path = parsed.GetRequiredValue(output);
            ModelOptions.RequireOutput(directory, parsed.GetValue(idsFile), path);
            IBackwardBackend runs = Backend(parsed.GetValue(backend)!, parsed.GetValue(threads));
            var numbers = NumericContract.Parse(parsed.GetValue(contract)!);
            var options = new LossOptions { MtpWeight = parsed.GetValue(mtp), BalanceWeight = parsed.GetValue(balance) };
            DeepSeekConfig config = DeepSeekConfig.Load(Path.Combine(directory, "config.json"));
            if (options.BalanceWeight > 0 && !Enumerable.Range(0, config.NumHiddenLayers).Any(config.IsMoeLayer))
                throw new ContractException($"--balance-weight: no layer of {directory} has experts to balance; leave it out");
            using Checkpoint checkpoint = Checkpoint.Open(directory);
            var trained = GradientModel.Over(checkpoint, config, runs, numbers);
            GradientSet gradients = Accumulate(terminal, trained, rows, options);
            terminal.BeginWriting();
            SafetensorsWriter.Write(path, Tensors(gradients), new Dictionary<string, string> { ["contract"] = trained.Contract.Name, ["attention"] = "naive" }, cancellationToken: terminal.Cancelled);
            Report(terminal, trained, runs, path, gradients, parsed.GetValue(json));
            if (NotFinite(gradients) is { } what)
                terminal.Error.WriteLine(Terminal.Plain($"dsref: {what} is not finite: gradients of this batch move no weight to where the loss is smaller; dsref inspect --check looks for NaNs in the weights"));
            return ExitCode.Pass;
        });
        return command;
    }

    private static IBackwardBackend Backend(string name, int threads) => name.ToLowerInvariant() switch
    {
        "scalar" or "simd" => (IBackwardBackend)SharedOptions.MakeBackend(name, threads),
        _ => throw new ContractException($"--backend '{name}': gradients are computed by scalar and simd"),
    };

    private static GradientSet Accumulate(Terminal terminal, GradientModel model, IReadOnlyList<int[]> rows, LossOptions options)
    {
        using var progress = new Progress(terminal);
        GradientSet gradients = model.NewGradients(BatchTotals.Of(rows), options);
        model.Check(rows);
        for (int b = 0; b < rows.Count; b++)
        {
            progress.Report("grad, sequence", b, rows.Count);
            model.Accumulate([rows[b]], gradients, terminal.Cancelled);
        }

        return gradients;
    }

    /// <summary>The loss, or the first gradient, that holds NaN or an infinity.</summary>
    private static string? NotFinite(GradientSet gradients) => !float.IsFinite(gradients.Losses.Total) ? "the loss"
        : gradients.Names.FirstOrDefault(name => gradients[name].AsReadOnlySpan<float>().ContainsAnyExceptInRange(float.MinValue, float.MaxValue)) is { } name ? $"grad.{name}"
        : null;

    /// <summary>grad.NAME for each parameter, and loss [1].</summary>
    private static Dictionary<string, Tensor> Tensors(GradientSet gradients)
    {
        var tensors = gradients.Names.ToDictionary(name => $"grad.{name}", name => gradients[name]);
        tensors.Add("loss", Tensor.From([gradients.Losses.Total], 1));
        return tensors;
    }

    private static void Report(Terminal terminal, GradientModel model, IBackwardBackend backend, string path, GradientSet gradients, bool json)
    {
        Losses losses = gradients.Losses;
        if (!json)
        {
            foreach (string name in gradients.Names)
                terminal.Out.WriteLine($"grad.{name}  {gradients[name]}");
            terminal.Out.WriteLine(FormattableString.Invariant($"{path}: {gradients.Names.Count} gradients, loss {losses.Total:G9} over {gradients.Totals.Targets} targets, contract {model.Contract.Name}, attention naive"));
            return;
        }

        JsonOutput.Write(terminal, "grad", writer =>
        {
            writer.WriteString("out", path);
            writer.WriteString("contract", model.Contract.Name);
            writer.WriteString("backend", backend.Name);
            writer.WriteNumber("sequences", gradients.Totals.Sequences);
            writer.WriteNumber("targets", gradients.Totals.Targets);
            writer.WriteReal("loss", losses.Total);
            writer.WriteReal("loss_main", losses.Main);
            writer.WriteReal("loss_mtp", losses.Mtp);
            writer.WriteReal("loss_balance", losses.Balance);
            writer.WriteStartArray("tensors");
            foreach (string name in gradients.Names)
            {
                writer.WriteStartObject();
                writer.WriteString("name", $"grad.{name}");
                writer.WriteShape(gradients[name].Shape);
                writer.WriteString("sha256", CanonicalHash.Of(gradients[name]));
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        });
    }
}
