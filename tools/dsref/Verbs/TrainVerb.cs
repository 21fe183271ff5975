using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref train</c>: from a configuration and documents to a model that <c>dsref run</c> takes.</summary>
internal static class TrainVerb
{
    private const string Resumes = "interrupted; what was done is saved, and the same command with --resume goes on from there";

    public static Command Command(Terminal terminal)
    {
        var config = new Option<string>("--config") { Description = "The settings, a train.json (docs/spec/training-recipe.md 10).", HelpName = "train.json", Required = true }.NamesPath();
        var data = new Option<string>("--data") { Description = "A text file, a .jsonl file with a text on each line, or a folder of them.", HelpName = "PATH", Required = true }.NamesPath();
        var output = new Option<string>("--out") { Description = "Where checkpoints, metrics.jsonl and at the end model go.", HelpName = "DIR", Required = true }.NamesPath();
        var precision = new Option<string?>("--precision") { Description = "The arithmetic of the forward and backward pass, instead of train.json's (docs/spec/training-precision.md).", HelpName = "fp32|bf16|fp8" };
        var tokenizer = new Option<string?>("--tokenizer") { Description = "A tokenizer.json to cut texts by; bytes without it.", HelpName = "tokenizer.json" }.NamesPath();
        var resume = new Option<bool>("--resume") { Description = "Go on from the newest sound checkpoint in DIR; without one, begin." };
        var backend = new Option<string>("--backend") { Description = "scalar (the definitions) or simd (the same bits, fast).", HelpName = "scalar|simd", DefaultValueFactory = _ => "simd" };
        Option<int> threads = SharedOptions.Threads();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("train",
            "Trains a model from nothing, on bytes or a tokenizer's ids. A run that was interrupted or killed goes on with --resume, to the same bits.\n\nExample:\n  dsref train --config train.json --data texts --out run\n  dsref generate --model run/model --ids 0,75,104")
        { config, data, output, precision, tokenizer, resume, backend, threads, json };
        command.SetAction(parsed =>
        {
            var run = new TrainRun(terminal, parsed.GetRequiredValue(config), parsed.GetValue(precision), parsed.GetValue(tokenizer), parsed.GetRequiredValue(data), parsed.GetRequiredValue(output));
            IBackend chosen = SharedOptions.MakeBackend(parsed.GetValue(backend)!, parsed.GetValue(threads));
            if (chosen is not IBackwardBackend runs)
                throw new ContractException($"--backend '{parsed.GetValue(backend)}' has no backward operations; take scalar or simd");
            terminal.BeginWriting(Resumes);
            run.Train(runs, SharedOptions.Workers(parsed.GetValue(threads)), parsed.GetValue(resume));
            if (parsed.GetValue(json))
                WriteJson(terminal, run);
            else
                terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{run.Steps} steps, {run.Tokens} tokens, loss {run.LastLoss:G6}: {run.ModelPath}"));
            return ExitCode.Pass;
        });
        return command;
    }

    private static void WriteJson(Terminal terminal, TrainRun run) => JsonOutput.Write(terminal, "train", json =>
    {
        json.WriteString("model", run.ModelPath);
        json.WriteString("metrics", run.MetricsPath);
        json.WriteNumber("parameters", run.ParameterCount);
        json.WriteNumber("windows", run.Windows);
        json.WriteNumber("steps", run.Steps);
        json.WriteNumber("resumed_at", run.ResumedAt);
        json.WriteNumber("tokens", run.Tokens);
        json.WriteReal("loss", run.LastLoss);
        json.WriteNumber("seconds", Math.Round(run.Seconds, 3));
    });
}
