using System.CommandLine;
using DeepSeek.Reference.Verification;
using Spectre.Console;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref check</c>: judges the results in a file, whoever made them.</summary>
internal static class CheckVerb
{
    public static Command Command(Terminal terminal)
    {
        var operation = new Argument<string>("OP") { Description = "An operation, with attributes where they are not the contract's: linear, gemm_fp8, \"rms_norm[eps=1e-5]\"." };
        var inputs = new Option<string>("--inputs") { Description = "The inputs under the names of docs/spec/goldens.md: .safetensors, .npz or .npy.", HelpName = "FILE", Required = true }.NamesPath();
        var actual = new Option<string>("--actual") { Description = "The results to judge; a single tensor needs no name where the operation has one output.", HelpName = "FILE", Required = true }.NamesPath();
        var contract = new Option<string?>("--contract") { Description = "The contract that the kernel claims to follow: Canonical, DeepSeekInference, HopperFp8, HuggingFace or Ideal; Canonical by default. For attention also FlashMlaDense, FlashMlaSm90 and FlashMlaHopper.", HelpName = "NAME" };
        Option<double> budget = JudgeOptionsOf.Budget();
        Option<bool> full = JudgeOptionsOf.Full();
        Option<string?> accept = JudgeOptionsOf.Accept();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("check",
            "Judges one file of results: bits, else whether the error looks like the declared arithmetic's, else the hard bound (docs/spec/verdicts.md). Sizes and dtypes follow from the tensors.\n\nExample:\n  dsref check gemm_fp8 --inputs in.safetensors --actual out.safetensors --contract HopperFp8")
        { operation, inputs, actual, contract, budget, full, accept, json };
        command.SetAction(parsed =>
        {
            Verdict weakest = JudgeOptionsOf.Weakest(parsed.GetValue(accept));
            JudgeOptions options = JudgeOptionsOf.Of(terminal, parsed.GetValue(budget), parsed.GetValue(full));
            using TensorFile given = TensorFile.Read(parsed.GetRequiredValue(inputs));
            using TensorFile results = TensorFile.Read(parsed.GetRequiredValue(actual));
            FileCheck check = FileCheck.Of(parsed.GetRequiredValue(operation), parsed.GetValue(contract), given, results);
            CallReport report;
            using (var progress = new Progress(terminal))
            {
                progress.Report($"check {check.Case}", 0, 1);
                report = check.Judge(options);
            }

            int exit = report.Verdict <= weakest ? ExitCode.Pass : ExitCode.Mismatch;
            if (parsed.GetValue(json))
                JsonOutput.Write(terminal, "check", writer =>
                {
                    writer.WriteString("case", check.Case.ToString());
                    writer.WriteReport(report);
                    writer.WriteNumber("exit", exit);
                });
            else
                Show(terminal, check, report, exit, $"dsref check \"{parsed.GetRequiredValue(operation)}\" --inputs {parsed.GetRequiredValue(inputs)} --actual {parsed.GetRequiredValue(actual)} --contract {check.Case.Contract.Name}");
            return exit;
        });
        return command;
    }

    private static void Show(Terminal terminal, FileCheck check, CallReport report, int exit, string repeat)
    {
        terminal.Display.WriteLine(check.Case.ToString());
        foreach (string line in JudgedLines.Of(report))
            terminal.Display.WriteLine(line);
        foreach (string name in check.Absent)
            terminal.Display.WriteLine($"  {name}: not given, not judged");
        if (exit != ExitCode.Pass)
            terminal.Display.WriteLine($"  repeat: {repeat}");
        terminal.Display.WriteLine($"{(exit == ExitCode.Pass ? "OK" : "MISMATCH")}: {report.Verdict.Word()} by {report.Check}");
    }
}
