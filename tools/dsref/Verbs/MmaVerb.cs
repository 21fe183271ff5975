using System.Buffers;
using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref mma</c>: one dot product by a matrix unit, and why it has these bits.</summary>
internal static class MmaVerb
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    public static Command Command(Terminal terminal)
    {
        var unit = new Option<string>("--unit") { Description = "The matrix unit, such as hopper-wgmma-e4m3-f32; a name that is none lists them.", HelpName = "NAME", Required = true };
        var a = new Option<string>("--a") { Description = "Codes of a joined, element 0 first: one instruction, or several chained.", HelpName = "HEX", Required = true };
        var b = new Option<string>("--b") { Description = "Codes of b.", HelpName = "HEX", Required = true };
        var c = new Option<string?>("--c") { Description = "Code of the accumulator; +0 by default.", HelpName = "HEX" };
        var scalesA = new Option<string?>("--scales-a") { Description = "Scales of a: UE8M0 codes where the unit takes them; with --promotion, binary32 codes, one for each run.", HelpName = "HEX" };
        var scalesB = new Option<string?>("--scales-b") { Description = "Scales of b.", HelpName = "HEX" };
        var promotion = new Option<int>("--promotion") { Description = "After each N elements the sum d enters a binary32 accumulator: acc = fma(sa · sb, d, acc). 0, the default: never.", HelpName = "N", DefaultValueFactory = _ => 0 };
        var explain = new Option<bool>("--explain") { Description = "Show the aligned products, the bits cut off, the partial sums and the roundings." };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("mma",
            "Evaluates one dot product D = A·B + C by a matrix unit (docs/spec/tensor-cores.md) and prints the code of D; with --explain, how it came about.\n\nExample:\n  dsref mma --unit volta-mma-fp16-f32 --a 3c003c003c003c00 --b 3c003c003c003c00 --c 3f800000 --explain")
        { unit, a, b, c, scalesA, scalesB, promotion, explain, json };
        command.SetAction(parsed =>
        {
            TensorCore core = TensorCore.Parse(parsed.GetRequiredValue(unit));
            uint[] codesOfA = Codes("--a", parsed.GetRequiredValue(a), core.A);
            uint[] codesOfB = Codes("--b", parsed.GetRequiredValue(b), core.B);
            RequireElements(core, codesOfA.Length, codesOfB.Length);
            uint start = parsed.GetValue(c) is { } text ? One("--c", text, core.Accumulator) : 0;
            var operands = new MmaOperands(core, codesOfA, codesOfB, start);
            int run = parsed.GetValue(promotion);
            MmaEvaluation evaluation = run == 0
                ? MmaEvaluation.Plain(operands, UnitScales("--scales-a", parsed.GetValue(scalesA), operands), UnitScales("--scales-b", parsed.GetValue(scalesB), operands))
                : MmaEvaluation.Promoted(operands, run, RunScales("--scales-a", parsed.GetValue(scalesA), operands, run), RunScales("--scales-b", parsed.GetValue(scalesB), operands, run));

            if (parsed.GetValue(json))
                MmaReport.WriteJson(terminal, evaluation, parsed.GetValue(explain));
            else if (parsed.GetValue(explain))
                MmaReport.WriteTables(terminal, evaluation);
            else
                terminal.Out.WriteLine(MmaReport.Hex(evaluation.Result, core.Accumulator));
            return ExitCode.Pass;
        });
        return command;
    }

    private static void RequireElements(TensorCore unit, int a, int b)
    {
        if (a != b)
            throw new ShapeException($"--a has {a} elements and --b has {b}; give as many of both");
        if (a == 0 || a % unit.K != 0)
            throw new ShapeException($"--a has {a} elements; {unit} takes {unit.K}, or a multiple of it: {unit.K * unit.A.Digits} digits an instruction");
    }

    /// <summary>UE8M0 codes for a unit that takes them; none for another.</summary>
    private static byte[] UnitScales(string option, string? text, MmaOperands operands)
    {
        TensorCore unit = operands.Unit;
        if (unit.ScaleBlock == 0)
            return text is null ? [] : throw new ContractException($"{option}: {unit} takes no scales; leave it out, or scale sums with --promotion");
        int count = operands.A.Length / unit.ScaleBlock;
        uint[] codes = text is null ? [.. Enumerable.Repeat(127u, count)] : Digits(option, text, 2);
        return codes.Length == count ? [.. codes.Select(code => (byte)code)] : throw new ShapeException($"{option} has {codes.Length} scales; {operands.A.Length} elements take {count}, of two digits each");
    }

    /// <summary>A binary32 scale for each run of elements; 1 where none is given.</summary>
    private static float[] RunScales(string option, string? text, MmaOperands operands, int run)
    {
        TensorCore unit = operands.Unit;
        if (unit.ScaleBlock != 0 || unit.Accumulator != ElementFormat.F32)
            throw new ContractException($"--promotion: {unit} does not leave plain binary32 sums to promote; take a unit such as {TensorCore.HopperWgmmaE4M3F32}");
        if (run < 0 || run % unit.K != 0)
            throw new ContractException($"--promotion {run}: take a multiple of {unit}'s {unit.K} elements, or 0 for none");
        int count = (operands.A.Length + run - 1) / run;
        if (text is null)
            return [.. Enumerable.Repeat(1f, count)];
        uint[] codes = Digits(option, text, 8);
        return codes.Length == count ? [.. codes.Select(BitConverter.UInt32BitsToSingle)] : throw new ShapeException($"{option} has {codes.Length} scales; {operands.A.Length} elements in runs of {run} take {count}, of eight digits each");
    }

    private static uint One(string option, string text, ElementFormat format) =>
        Codes(option, text, format) is [var code] ? code : throw new DataException($"{option}: one code of {format} has {format.Digits} digits; '{Shown(text)}' has another number");

    private static uint[] Codes(string option, string text, ElementFormat format)
    {
        uint[] codes = Digits(option, text, format.Digits);
        foreach (uint code in codes)
        {
            if (format.StorageBits < 32 && code >> format.StorageBits != 0)
                throw new DataException($"{option}: 0x{code:x} has more than the {format.StorageBits} bits of {format}; give codes of the format");
        }

        return codes;
    }

    /// <summary>Codes of a number of digits, joined; 0x in front, and blanks, commas and underscores between, are allowed.</summary>
    private static uint[] Digits(string option, string text, int digits)
    {
        string plain = string.Concat(text.Split(' ', ',', '_').Select(part => part.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? part[2..] : part));
        if (plain.AsSpan().IndexOfAnyExcept(HexDigits) is var bad and >= 0)
            throw new DataException($"{option}: '{plain[bad]}' in '{Shown(text)}' is no hexadecimal digit; give {digits} digits an element");
        if (plain.Length % digits != 0)
            throw new DataException($"{option}: {plain.Length} digits are no whole number of codes of {digits}; give {digits} digits an element");
        return [.. Enumerable.Range(0, plain.Length / digits).Select(i => uint.Parse(plain.AsSpan(digits * i, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))];
    }

    private static string Shown(string text) => text.Length <= 40 ? text : text[..40] + "...";
}
