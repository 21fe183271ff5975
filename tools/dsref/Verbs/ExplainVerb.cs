using System.CommandLine;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;
using DeepSeek.Reference.Verification.Explaining;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref explain CASE ACTUAL</c>: why an output is not the case's.</summary>
internal static class ExplainVerb
{
    public static Command Command(Terminal terminal)
    {
        var id = new Argument<string>("CASE") { Description = "The case that the output was to be: operation, shape, attributes, seed (docs/spec/goldens.md)." };
        var actual = new Argument<string>("ACTUAL") { Description = "The candidate's outputs: .safetensors or .npz by the operation's names, or one output as .npy." }.NamesPath();
        Option<string?> inputs = new Option<string?>("--inputs") { Description = "Inputs by name in place of those that the seed makes.", HelpName = "F.safetensors" }.NamesPath();
        var seconds = new Option<double>("--seconds") { Description = "Time for pairs of meanings, and for comparing a whole output under one contract.", HelpName = "N", DefaultValueFactory = _ => 20 };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("explain",
            "Finds what a wrong output is: first what was meant instead (a scale, a mask, an epsilon, ..., alone and in pairs), then how it is rounded, by bits. Exit 0 when an explanation makes every compared element bit-equal, else 1.\n\nExample:\n  dsref explain \"scaled_linear[t=128,n=576,k=7168]\" out.safetensors")
        { id, actual, inputs, seconds, json };
        command.SetAction(parsed =>
        {
            OperationCase c = OperationCase.Parse(parsed.GetRequiredValue(id));
            using TensorFile? given = parsed.GetValue(inputs) is { } path ? TensorFile.Read(path) : null;
            using TensorFile outputs = TensorFile.Read(parsed.GetRequiredValue(actual));
            CaseTensors tensors = WithInputs(c, given);
            Explanation explanation;
            using (var progress = new Progress(terminal))
            {
                progress.Report("explain", 0, 1);
                explanation = Explainer.Explain(c.Call(tensors), Outputs(c, outputs), parsed.GetValue(seconds));
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

    /// <summary>The case's tensors, with the inputs of a file in place of the seed's.</summary>
    internal static CaseTensors WithInputs(OperationCase c, TensorFile? given)
    {
        CaseTensors tensors = c.Prepare();
        foreach ((string name, Tensor tensor) in given?.Tensors ?? new Dictionary<string, Tensor>())
        {
            CaseInput declared = c.Inputs.FirstOrDefault(i => i.Name == name)
                ?? throw new DataException($"{given!.Path}: '{name}' is no input of {c.Id.Name}; it takes {string.Join(", ", c.Inputs.Select(i => i.Name))}");
            if (tensor.Shape != declared.Shape || tensor.DType != declared.DType)
                throw new ShapeException($"{given!.Path}: '{name}' is {tensor}; the case takes {declared.DType.Name()} {declared.Shape}");
            tensors[name] = tensor;
        }

        return tensors;
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
        terminal.Out.WriteLine(e.Sentence);
        if (e.IsDeclared)
            return;
        if (e.Meanings.Count > 0)
            terminal.Out.WriteLine(FormattableString.Invariant($"meaning       {string.Join(" + ", e.Meanings.Select(m => m.Name))}: relative L2 {e.RelativeL2AsAsked:G3} as asked, {e.RelativeL2:G3} so"));
        if (e.Presets.Count > 0)
            terminal.Out.WriteLine($"named         {string.Join(", ", e.Presets)}");
        foreach ((string dimension, IReadOnlyList<string> values) in e.Open)
            terminal.Out.WriteLine($"left open     {dimension}: {string.Join(" | ", values.Take(8))}{(values.Count > 8 ? $" | {values.Count - 8} more" : "")}");
        if (e.ClassSize > 1)
            terminal.Out.WriteLine($"class         {e.ClassSize} ways to round that this data cannot tell apart; `dsref gen --discriminate A B` makes data that can");
        terminal.Out.WriteLine(FormattableString.Invariant($"tried         {e.MeaningsTried} meanings; {e.ContractsTried} ways to round on {e.ElementsTried} elements in {e.LatticeSeconds:F2} s; {e.Compared} of {e.Elements} elements compared"));
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
        json.WriteString("rounding", e.Rounding);
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
        json.WriteNumber("contracts_tried", e.ContractsTried);
        json.WriteNumber("elements_tried", e.ElementsTried);
        json.WriteReal("lattice_seconds", e.LatticeSeconds);
        json.WriteNumber("exit", exit);
    });
}
