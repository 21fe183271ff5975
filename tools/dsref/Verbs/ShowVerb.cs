using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref show CASE</c>: what a case is, its golden, and the first values of each tensor with their bits.</summary>
internal static class ShowVerb
{
    public static Command Command(Terminal terminal)
    {
        var id = new Argument<string>("CASE") { Description = "A case id, listed in the manifest or not." };
        var count = new Option<int>("--values") { Description = "Values to show of each tensor.", HelpName = "N", DefaultValueFactory = _ => 4 };
        Option<string> backend = SharedOptions.Backend("scalar");
        Option<string?> golden = SharedOptions.Golden();
        var command = new Command("show", "Shows a case: inputs, outputs, golden digests, first values with their bits.\n\nExample:\n  dsref show \"linear[t=3,n=13,k=67]\"") { id, count, backend, golden };
        command.SetAction(parsed =>
        {
            OperationCase c = OperationCase.Parse(parsed.GetRequiredValue(id));
            IBackend runs = SharedOptions.MakeBackend(parsed.GetValue(backend)!, 0);
            using var source = new GoldenSource(parsed.GetValue(golden));
            Show(terminal.Out, c, source.Manifest().Find(c.ToString()), runs, Math.Max(0, parsed.GetValue(count)));
            return ExitCode.Pass;
        });
        return command;
    }

    private static void Show(TextWriter text, OperationCase c, GoldenRecord? golden, IBackend backend, int count)
    {
        text.WriteLine($"{c.Id}");
        text.WriteLine($"operation {c.Operation}, contract {c.Contract.Name}, seed 0x{c.Seed:x}, {c.MultiplyAdds.ToString("N0", CultureInfo.InvariantCulture)} multiply-adds, level {CaseCatalogue.LevelOf(c).ToString().ToLowerInvariant()}");
        text.WriteLine(golden is null ? "golden: none" : $"golden: yes, witness {(golden.Witness.Count == 0 ? "none" : string.Join(", ", golden.Witness))}");
        CaseTensors tensors = c.Prepare();
        foreach (CaseInput input in c.Inputs)
            Tensor(text, $"input {input.Name} ({input.Map})", tensors[input.Name], count, golden?.Inputs.FirstOrDefault(i => i.Key == input.Name).Value);
        c.Run(backend, tensors);
        foreach (CaseOutput output in c.Outputs)
            Tensor(text, $"output {output.Name}", tensors[output.Name], count, golden?.Outputs.FirstOrDefault(o => o.Key == output.Name).Value);
    }

    private static void Tensor(TextWriter text, string name, Tensor tensor, int count, GoldenTensor? golden)
    {
        string digest = CanonicalHash.Of(tensor);
        string judged = golden is null ? "" : golden.Sha256 == digest ? "  (golden)" : $"  (GOLDEN IS {golden.Sha256})";
        text.WriteLine($"{name}: {tensor}");
        text.WriteLine($"  sha256 {digest}{judged}");
        for (long i = 0; i < Math.Min(count, tensor.ElementCount); i++)
            text.WriteLine($"  [{i}] {CanonicalHash.ElementBits(tensor, i)}  {Value(tensor, (int)i)}");
    }

    private static string Value(Tensor tensor, int i) => tensor.DType switch
    {
        DType.F32 => tensor.Reshape(tensor.ElementCount).Rows(i, 1).AsReadOnlySpan<float>()[0].ToString("R", CultureInfo.InvariantCulture),
        DType.BF16 => tensor.Reshape(tensor.ElementCount).Rows(i, 1).AsReadOnlySpan<BFloat16>()[0].ToString(),
        DType.I32 => tensor.AsReadOnlySpan<int>()[i].ToString(CultureInfo.InvariantCulture),
        DType.I64 => tensor.AsReadOnlySpan<long>()[i].ToString(CultureInfo.InvariantCulture),
        _ => "",
    };
}
