using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Verification;
using DeepSeek.Reference.Verification.Explaining;
using Spectre.Console;

namespace DeepSeek.Reference.Tool;

/// <summary><c>dsref gen --discriminate A B --out F.safetensors</c>: inputs on which two contracts of a matrix product have different bits.</summary>
internal static class Discrimination
{
    public static (Option<string[]> Contracts, Option<string?> Out) Options() => (
        new("--discriminate")
        {
            Description = "Two contracts of a matrix product: makes inputs on which their bits differ, for one case of linear or scaled_linear, or one that suits them (docs/how-to/explain-a-kernel.md).",
            HelpName = "A B",
            Arity = new ArgumentArity(2, 2),
            AllowMultipleArgumentsPerToken = true,
        },
        new Option<string?>("--out") { Description = "Where --discriminate writes the inputs.", HelpName = "F.safetensors" }.NamesPath());

    public static bool IsAsked(ParseResult parsed, Option<string[]> contracts, Option<string?> output) => parsed.GetResult(contracts) is not null || parsed.GetResult(output) is not null;

    /// <summary>Makes and writes the inputs.</summary>
    /// <param name="terminal">Where results go.</param>
    /// <param name="contracts">The two; fewer where --out was given alone.</param>
    /// <param name="path">The file.</param>
    /// <param name="cases">A case id, or none.</param>
    /// <param name="alone">Whether no other form of gen was asked for.</param>
    public static int Run(Terminal terminal, string[] contracts, string? path, string[] cases, bool alone)
    {
        if (contracts.Length != 2 || path is null || !alone || cases.Length > 1)
            throw new CaseException("gen --discriminate A B --out F.safetensors takes both options, one case id at most, and none of --all, --check, --update");
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } directory && !Directory.Exists(directory))
            throw new DataException($"{path}: the directory does not exist; create it first");
        (string a, string b) = (contracts[0], contracts[1]);
        OperationCase c = cases is [var id] ? OperationCase.Parse(id) : Discriminator.DefaultCase(a, b);
        DiscriminatingInputs? found = Discriminator.Find(ContractName.Parse(a), ContractName.Parse(b), c);
        void Line(string text) => terminal.Display.WriteLine(Terminal.Plain(text));
        if (found is null)
        {
            Line($"NO DIFFERENCE: no design of inputs tells {a} from {b} on {c.Id}; they may be the same sum");
            return ExitCode.Mismatch;
        }

        terminal.BeginWriting();
        SafetensorsWriter.Write(path, found.Case.Inputs.Select(i => new KeyValuePair<string, Tensor>(i.Name, found.Tensors[i.Name])),
            new Dictionary<string, string> { ["case"] = found.Case.Id.ToString(), ["a"] = a, ["b"] = b }, cancellationToken: terminal.Cancelled);
        string operation = found.Case.Id["product"] is { } product ? $"\"{found.Case.Id.Name}[product={product}]\"" : found.Case.Id.Name;
        Line(string.Create(CultureInfo.InvariantCulture, $"OK: {found.Differing} of {found.Compared} outputs differ between {a} and {b}; design {found.Designs}: {found.Design}"));
        Line($"inputs    {path}: {string.Join(", ", found.Case.Inputs.Select(i => $"{i.Name} {found.Tensors[i.Name]}"))}");
        Line($"next      run the kernel on them, then: dsref explain {operation} ACTUAL --inputs {path}");
        return ExitCode.Pass;
    }
}
