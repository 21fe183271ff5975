using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Verification;
using Spectre.Console;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref diff A B</c>: compares two tensor files by name.</summary>
internal static class DiffVerb
{
    public static Command Command(Terminal terminal)
    {
        var expected = new Argument<string>("EXPECTED") { Description = "A .safetensors, .npy or .npz file." }.NamesPath();
        var actual = new Argument<string>("ACTUAL") { Description = "Another." }.NamesPath();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("diff",
            "Compares two tensor files: per tensor the masks of NaN and infinity first, then errors in binary64 and the first mismatch. Exit 0 if all bits are equal (any NaN equals any NaN), else 1.\n\nExample:\n  dsref diff expected.safetensors actual.safetensors --json")
        { expected, actual, json };
        command.SetAction(parsed =>
        {
            using TensorFile e = TensorFile.Read(parsed.GetRequiredValue(expected));
            using TensorFile a = TensorFile.Read(parsed.GetRequiredValue(actual));
            List<Line> lines = Compare(terminal, e, a);
            if (lines.Count == 0)
                throw new DataException($"{e.Path} and {a.Path} hold no tensors, so there is nothing to compare; name the files that were meant");
            int exit = lines.TrueForAll(l => l.Comparison is { IsBitEqual: true }) ? ExitCode.Pass : ExitCode.Mismatch;
            if (parsed.GetValue(json))
                WriteJson(terminal, lines, exit);
            else
                WriteTable(terminal, lines);
            return exit;
        });
        return command;
    }

    private static List<Line> Compare(Terminal terminal, TensorFile expected, TensorFile actual)
    {
        using var progress = new Progress(terminal);
        var lines = new List<Line>();
        string[] names = [.. expected.Tensors.Keys.Union(actual.Tensors.Keys).Order(StringComparer.Ordinal)];
        foreach (string name in names)
        {
            progress.Report("diff", lines.Count, names.Length);
            bool inE = expected.Tensors.TryGetValue(name, out Tensor? e);
            bool inA = actual.Tensors.TryGetValue(name, out Tensor? a);
            if (!inE || !inA)
                lines.Add(new Line(name, e ?? a!, null, inE ? "missing from ACTUAL" : "missing from EXPECTED"));
            else if (e!.Shape != a!.Shape)
                lines.Add(new Line(name, e, null, $"EXPECTED is {e}, ACTUAL is {a}"));
            else if (!HasValues(e.DType) || !HasValues(a.DType))
                lines.Add(WithoutValues(name, e, a));
            else
                lines.Add(new Line(name, e, TensorComparison.Compare(e, a), e.DType == a.DType ? "" : $"EXPECTED is {e.DType.Name()}, ACTUAL is {a.DType.Name()}"));
        }

        return lines;
    }

    /// <summary>Whether elements of the format are bytes of their own and real: packed and complex ones are not.</summary>
    private static bool HasValues(DType dtype) => dtype is not (DType.F4 or DType.F6_E2M3 or DType.F6_E3M2 or DType.C64);

    /// <summary>Tensors of a packed or complex format: all bytes equal, or not.</summary>
    private static Line WithoutValues(string name, Tensor e, Tensor a)
    {
        bool equal = e.DType == a.DType && CanonicalHash.Of(e) == CanonicalHash.Of(a);
        return equal
            ? new Line(name, e, new TensorComparison { Count = e.ElementCount, BitEqualCount = e.ElementCount }, "")
            : new Line(name, e, null, $"EXPECTED is {e.DType.Name()}, ACTUAL is {a.DType.Name()}; bytes differ, values of these formats are not compared");
    }

    private static void WriteTable(Terminal terminal, List<Line> lines)
    {
        var table = new Table { Border = terminal.Display.Profile.Capabilities.Ansi ? TableBorder.Simple : TableBorder.None };
        foreach (string column in (string[])["tensor", "", "NaN", "Inf", "max abs", "max rel", "rel L2", "max ulp", "calc_diff", "mismatch", "first"])
            table.AddColumn(column);
        foreach (Line line in lines)
        {
            TensorComparison? c = line.Comparison;
            string name = Markup.Escape(Terminal.Plain($"{line.Name} {line.Tensor}"));
            if (c is null)
                table.AddRow(name, "DIFFERENT", "", "", "", "", "", "", "", "", Markup.Escape(line.Note));
            else if (c.IsBitEqual)
                table.AddRow(name, "BITS", "0", "0", "0", "0", "0", "0", "0", "0", Markup.Escape(line.Note));
            else
                table.AddRow(name, "DIFFERENT", $"{c.NaNMismatchCount}", $"{c.InfinityMismatchCount}", Real(c.MaxAbs), Real(c.MaxRel), Real(c.RelativeL2), Real(c.MaxUlp), Real(c.CalcDiff),
                    $"{c.MismatchCount}/{c.Count}", Markup.Escape($"{First(c)} {line.Note}".TrimEnd()));
        }

        terminal.Display.Write(table);
        int equal = lines.Count(l => l.Comparison is { IsBitEqual: true });
        terminal.Display.WriteLine($"{equal} of {lines.Count} tensors equal in every bit");
    }

    private static void WriteJson(Terminal terminal, List<Line> lines, int exit) => JsonOutput.Write(terminal, "diff", json =>
    {
        json.WriteStartArray("tensors");
        foreach (Line line in lines)
        {
            json.WriteStartObject();
            json.WriteString("name", line.Name);
            json.WriteString("dtype", line.Tensor.DType.Name());
            json.WriteShape(line.Tensor.Shape);
            json.WriteBoolean("equal", line.Comparison is { IsBitEqual: true });
            json.WriteString("note", line.Note);
            if (line.Comparison is { } c)
            {
                json.WriteNumber("nan_mismatches", c.NaNMismatchCount);
                json.WriteNumber("inf_mismatches", c.InfinityMismatchCount);
                json.WriteReal("max_abs", c.MaxAbs);
                json.WriteReal("max_rel", c.MaxRel);
                json.WriteReal("relative_l2", c.RelativeL2);
                json.WriteReal("max_ulp", c.MaxUlp);
                json.WriteReal("calc_diff", c.CalcDiff);
                json.WriteNumber("count", c.Count);
                json.WriteNumber("mismatches", c.MismatchCount);
                json.WriteStartArray("first_mismatch");
                foreach (long i in c.FirstMismatch ?? [])
                    json.WriteNumberValue(i);
                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("exit", exit);
    });

    private static string First(TensorComparison c) => c.FirstMismatch is null ? "" : $"[{string.Join(", ", c.FirstMismatch)}]";

    private static string Real(double value) => value.ToString("G4", CultureInfo.InvariantCulture);

    private sealed record Line(string Name, Tensor Tensor, TensorComparison? Comparison, string Note);
}
