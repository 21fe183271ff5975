using System.CommandLine;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;
using DeepSeek.Reference.Verification.Explaining;
using Spectre.Console;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref explain CASE ACTUAL</c>: why an output is not the case's.</summary>
internal static class ExplainVerb
{
    public static Command Command(Terminal terminal)
    {
        var id = new Argument<string>("CASE") { Description = "The case that the output was to be: operation, shape, attributes, seed (docs/spec/goldens.md); with --inputs the operation and its attributes alone." };
        var actual = new Argument<string>("ACTUAL") { Description = "The candidate's outputs: .safetensors or .npz by the operation's names, or one output as .npy." }.NamesPath();
        Option<string?> inputs = new Option<string?>("--inputs") { Description = "Inputs by the operation's names, in place of those that a seed makes; sizes and dtypes follow from them, as in check.", HelpName = "FILE" }.NamesPath();
        var contract = new Option<string?>("--contract") { Description = "With --inputs: the contract that the kernel claims to follow; Canonical by default.", HelpName = "NAME" };
        var seconds = new Option<double>("--seconds") { Description = "Time for all of it; what is begun when it is up is ended, and what was not compared is told.", HelpName = "N", DefaultValueFactory = _ => 20 };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("explain",
            "Finds what a wrong output is: first what was meant instead (a scale, a mask, an epsilon, ..., alone and in pairs), then how it is rounded, by bits. Exit 0 when an explanation makes every compared element bit-equal, else 1.\n\nExample:\n  dsref explain \"scaled_linear[t=128,n=576,k=7168]\" out.safetensors")
        { id, actual, inputs, contract, seconds, json };
        command.SetAction(parsed =>
        {
            double limit = parsed.GetValue(seconds);
            if (!(limit > 0))
                throw new DataException(FormattableString.Invariant($"--seconds {limit}: seconds above 0 are expected"));
            string text = parsed.GetRequiredValue(id);
            using TensorFile? given = parsed.GetValue(inputs) is { } path ? TensorFile.Read(path) : null;
            using TensorFile outputs = TensorFile.Read(parsed.GetRequiredValue(actual));
            FileCheck? check = given is null ? null : FileCheck.Of(text, parsed.GetValue(contract), given, outputs, takesNarrowGradients: true);
            (OperationCase c, OperationCall call, IReadOnlyDictionary<string, Tensor> candidate) = check is null ? OfSeed(text, parsed.GetValue(contract), outputs) : OfFiles(check, outputs);
            Explanation explanation;
            using (var progress = new Progress(terminal))
            {
                int steps = 0;
                Explanation Explain() => Explainer.Explain(call, candidate, limit, step => progress.Report($"explain: {step}", steps++));
                explanation = check is null ? Explain() : check.Guard(Explain);
            }

            int exit = explanation.IsBitEqual ? ExitCode.Pass : ExitCode.Mismatch;
            if (parsed.GetValue(json))
                WriteJson(terminal, c, explanation, exit);
            else
                WriteText(terminal, explanation);
            return exit;
        });
        return command;
    }

    private static (OperationCase Case, OperationCall Call, IReadOnlyDictionary<string, Tensor> Candidate) OfSeed(string id, string? contract, TensorFile outputs)
    {
        if (contract is not null)
            throw new CaseException("--contract goes with --inputs; a case names its own, such as scaled_linear[t=4,n=256,k=512,contract=hopperfp8]");
        OperationCase c = OperationCase.Parse(id);
        return (c, c.Call(c.Prepare()), Outputs(c, outputs));
    }

    private static (OperationCase Case, OperationCall Call, IReadOnlyDictionary<string, Tensor> Candidate) OfFiles(FileCheck check, TensorFile outputs) =>
        (check.Case, check.Call, check.Call.Outputs.Where(o => !check.Absent.Contains(o.Name)).ToDictionary(o => o.Name, o => AsGiven(o, outputs)));

    /// <summary>An output as the file has it: a gradient in bfloat16 was widened to be read.</summary>
    private static Tensor AsGiven(Operand output, TensorFile file)
    {
        Tensor? given = file.Tensors.GetValueOrDefault(output.Name) ?? (file.Tensors.Count == 1 ? file.Tensors.Values.Single() : null);
        return given?.DType == DType.BF16 && output.Tensor.DType == DType.F32 ? given : output.Tensor;
    }

    /// <summary>The outputs by the operation's names; a file of one tensor is the first output whatever its name.</summary>
    private static Dictionary<string, Tensor> Outputs(OperationCase c, TensorFile file)
    {
        var found = file.Tensors.Where(t => c.Outputs.Any(o => o.Name == t.Key)).ToDictionary(t => t.Key, t => t.Value);
        if (found.Count == 0 && file.Tensors.Count == 1)
            found[c.Outputs[0].Name] = file.Tensors.Values.Single();
        if (found.Count == 0)
            throw new DataException($"{file.Path}: none of its {file.Tensors.Count} tensors is an output of {c.Id.Name}; it writes {string.Join(", ", c.Outputs.Select(o => o.Name))}");
        return found;
    }

    private static void WriteText(Terminal terminal, Explanation e)
    {
        Line(e.Sentence);
        if (e.IsDeclared)
            return;
        if (e.Meanings.Count > 0)
            Line(FormattableString.Invariant($"meaning       {string.Join(" + ", e.Meanings.Select(m => m.Name))}: relative L2 {e.RelativeL2AsAsked:G3} as asked, {e.RelativeL2:G3} so"));
        foreach (Meaning alike in e.AlikeMeanings)
            Line($"or            {alike.Name}");
        if (e.Contract.Length > 0)
            Line($"contract      {e.Contract}");
        foreach (string alike in e.Alike.Take(4))
            Line($"or            {alike}");
        if (e.Presets.Count > 0)
            Line($"named         {string.Join(", ", e.Presets)}");
        foreach ((string dimension, IReadOnlyList<string> values) in e.Open)
            Line($"left open     {dimension}: {string.Join(" | ", values.Take(8))}{(values.Count > 8 ? $" | {values.Count - 8} more" : "")}");
        if (e.ClassSize > 1)
            Line($"class         {e.ClassSize} ways to round that this data cannot tell apart; `dsref gen --discriminate A B` makes data that can");
        Line(FormattableString.Invariant($"tried         {e.MeaningsTried} meanings{(e.MeaningsLeftOut > 0 ? $" ({e.MeaningsLeftOut} left out, the time was up)" : "")}; {e.ContractsTried} ways to round on {e.ElementsTried} elements in {e.LatticeSeconds:F2} s; {e.Compared} of {e.Elements} elements compared"));

        void Line(string text) => terminal.Display.WriteLine(Terminal.Plain(text));
    }

    private static void WriteJson(Terminal terminal, OperationCase c, Explanation e, int exit) => JsonOutput.Write(terminal, "explain", json =>
    {
        json.WriteString("case", c.ToString());
        json.WriteBoolean("explained", e.IsBitEqual);
        json.WriteBoolean("declared", e.IsDeclared);
        json.WriteString("sentence", e.Sentence);
        json.WriteStartArray("meanings");
        foreach (Meaning meaning in e.Meanings)
        {
            json.WriteStartObject();
            json.WriteString("name", meaning.Name);
            json.WriteString("sentence", meaning.Sentence);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("alike_meanings");
        foreach (Meaning meaning in e.AlikeMeanings)
            json.WriteStringValue(meaning.Name);
        json.WriteEndArray();
        json.WriteString("rounding", e.Rounding);
        json.WriteString("contract", e.Contract);
        json.WriteStartArray("alike");
        foreach (string alike in e.Alike)
            json.WriteStringValue(alike);
        json.WriteEndArray();
        json.WriteStartArray("presets");
        foreach (string preset in e.Presets)
            json.WriteStringValue(preset);
        json.WriteEndArray();
        json.WriteStartArray("open");
        foreach ((string dimension, IReadOnlyList<string> values) in e.Open)
        {
            json.WriteStartObject();
            json.WriteString("dimension", dimension);
            json.WriteStartArray("values");
            foreach (string value in values)
                json.WriteStringValue(value);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("class", e.ClassSize);
        json.WriteNumber("elements", e.Elements);
        json.WriteNumber("compared", e.Compared);
        json.WriteNumber("differing", e.Differing);
        json.WriteString("left", e.Left);
        json.WriteReal("relative_l2_as_asked", e.RelativeL2AsAsked);
        json.WriteReal("relative_l2", e.RelativeL2);
        json.WriteNumber("meanings_tried", e.MeaningsTried);
        json.WriteNumber("meanings_left_out", e.MeaningsLeftOut);
        json.WriteNumber("contracts_tried", e.ContractsTried);
        json.WriteNumber("elements_tried", e.ElementsTried);
        json.WriteReal("lattice_seconds", e.LatticeSeconds);
        json.WriteNumber("exit", exit);
    });
}
