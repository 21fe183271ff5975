using System.Globalization;
using System.Text.Json;
using DeepSeek.Reference.TensorCores;
using Spectre.Console;

namespace DeepSeek.Reference.Tool;

/// <summary>Shows how a matrix unit came to its result: as tables, or as JSON.</summary>
internal static class MmaReport
{
    /// <summary>A code with all its digits.</summary>
    public static string Hex(uint code, ElementFormat format) => "0x" + Digits(code, format);

    /// <summary>A table for each fused sum, its roundings below it, and the result in the last line.</summary>
    public static void WriteTables(Terminal terminal, MmaEvaluation evaluation)
    {
        TensorCore unit = evaluation.Operands.Unit;
        terminal.Display.WriteLine($"{unit}: K = {unit.K} in sums of {unit.FusedLength}, {unit.FractionBits} bits kept, "
            + $"C {(unit.Entry == AccumulatorEntry.InTheSum ? "in the sum" : "added after")}, output {unit.Accumulator} with {unit.OutputFractionBits} fraction bits {Words(unit.Rounding)}");
        for (int part = 0; part < evaluation.Parts.Count; part++)
        {
            TensorCoreExplanation explanation = evaluation.Parts[part];
            int sumsAnInstruction = unit.K / unit.FusedLength;
            for (int i = 0; i < explanation.Sums.Count; i++)
            {
                WriteSum(terminal, evaluation.Operands, explanation.Sums[i], part * evaluation.Run);
                if (explanation.Additions.Count > 0 && (i + 1) % sumsAnInstruction == 0)
                    WriteAddition(terminal, unit, explanation.Additions[i / sumsAnInstruction]);
            }

            if (part < evaluation.Promotions.Count)
                WritePromotion(terminal, evaluation.Promotions[part]);
        }

        terminal.Display.WriteLine($"D = {Valued(evaluation.Result, unit.Accumulator)}");
    }

    /// <summary>The same as one document (docs/spec/json.md).</summary>
    public static void WriteJson(Terminal terminal, MmaEvaluation evaluation, bool explain) => JsonOutput.Write(terminal, "mma", json =>
    {
        TensorCore unit = evaluation.Operands.Unit;
        json.WriteString("unit", unit.Name);
        json.WriteString("d", Hex(evaluation.Result, unit.Accumulator));
        json.WriteReal("value", unit.Accumulator.ToDouble(evaluation.Result));
        if (!explain)
            return;
        json.WriteStartArray("sums");
        for (int part = 0; part < evaluation.Parts.Count; part++)
        {
            foreach (FusedSum sum in evaluation.Parts[part].Sums)
                WriteSum(json, evaluation.Operands, sum, part * evaluation.Run);
        }

        json.WriteEndArray();
        json.WriteStartArray("additions");
        foreach (LateAddition addition in evaluation.Parts.SelectMany(p => p.Additions))
        {
            json.WriteStartObject();
            json.WriteString("sum", Hex(addition.Sum, unit.Accumulator));
            json.WriteString("accumulator", Hex(addition.Accumulator, unit.Accumulator));
            json.WriteString("result", Hex(addition.Result, unit.Accumulator));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("promotions");
        foreach (MmaPromotion promotion in evaluation.Promotions)
        {
            json.WriteStartObject();
            json.WriteString("scale", Hex(promotion.Scale));
            json.WriteString("sum", Hex(promotion.Sum));
            json.WriteString("before", Hex(promotion.Before));
            json.WriteString("after", Hex(promotion.After));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    private static void WriteSum(Terminal terminal, MmaOperands operands, FusedSum sum, int first)
    {
        TensorCore unit = operands.Unit;
        var table = new Table { Border = terminal.Display.Profile.Capabilities.Ansi ? TableBorder.Simple : TableBorder.None };
        foreach (string column in (string[])["k", "a", "b", "value", "exponent", "significand", "aligned", "bits cut", "partial sum"])
            table.AddColumn(new TableColumn(column) { Alignment = column is "k" or "a" or "b" ? Justify.Left : Justify.Right, NoWrap = true });
        long partial = 0;
        for (int j = 0; j < sum.Terms.Count; j++)
        {
            FusedTerm term = sum.Terms[j];
            bool product = j < sum.Elements.Count;
            int k = product ? first + sum.Elements[j] : -1;
            string[] operand = product ? [$"{k}", Digits(operands.A[k], unit.A), Digits(operands.B[k], unit.B)] : ["C", Digits(sum.Accumulator, unit.Accumulator), ""];
            if (sum.IsSpecial || term.Kind == ElementKind.Zero)
            {
                table.AddRow([.. operand, Real(Value(term)), "", "", sum.IsSpecial ? "" : "0", "", sum.IsSpecial ? "" : $"{partial}"]);
                continue;
            }

            long aligned = term.Align(sum.LargestExponent, unit.FractionBits, unit.Alignment);
            partial += aligned;
            table.AddRow([.. operand, Real(Value(term)), $"{term.Exponent}", Binary(term), $"{aligned}", Cut(term, sum.LargestExponent, unit.FractionBits), $"{partial}"]);
        }

        terminal.Display.Write(table);
        if (sum.IsSpecial)
        {
            terminal.Display.WriteLine($"  a NaN or an infinity decides: {Valued(sum.Result, unit.Accumulator)}");
            return;
        }

        int quantum = sum.LargestExponent - unit.FractionBits;
        double exact = Math.ScaleB(sum.Sum, quantum);
        double result = unit.Accumulator.ToDouble(sum.Result);
        terminal.Display.WriteLine($"  largest exponent E = {sum.LargestExponent}, terms cut to multiples of 2^(E - {unit.FractionBits}) = 2^{quantum}");
        terminal.Display.WriteLine($"  S = {sum.Sum} · 2^{quantum} = {Real(exact)}");
        terminal.Display.WriteLine($"  rounded to {unit.OutputFractionBits} fraction bits {Words(unit.Rounding)}: {Valued(sum.Result, unit.Accumulator)}, off by {Real(result - exact)}");
    }

    private static void WriteAddition(Terminal terminal, TensorCore unit, LateAddition addition) =>
        terminal.Display.WriteLine($"  C added, to nearest: {Valued(addition.Sum, unit.Accumulator)} + {Valued(addition.Accumulator, unit.Accumulator)} = {Valued(addition.Result, unit.Accumulator)}");

    private static void WritePromotion(Terminal terminal, MmaPromotion p) =>
        terminal.Display.WriteLine($"  promoted: fma({Valued(p.ScaleA)} · {Valued(p.ScaleB)} = {Valued(p.Scale)}, {Valued(p.Sum)}, {Valued(p.Before)}) = {Valued(p.After)}");

    private static void WriteSum(Utf8JsonWriter json, MmaOperands operands, FusedSum sum, int first)
    {
        TensorCore unit = operands.Unit;
        json.WriteStartObject();
        json.WriteString("accumulator", Hex(sum.Accumulator, unit.Accumulator));
        json.WriteStartArray("terms");
        for (int j = 0; j < sum.Terms.Count; j++)
        {
            FusedTerm term = sum.Terms[j];
            bool product = j < sum.Elements.Count;
            json.WriteStartObject();
            if (product)
            {
                int k = first + sum.Elements[j];
                json.WriteNumber("k", k);
                json.WriteString("a", Digits(operands.A[k], unit.A));
                json.WriteString("b", Digits(operands.B[k], unit.B));
            }

            json.WriteReal("value", Value(term));
            if (!sum.IsSpecial && term.Kind != ElementKind.Zero)
            {
                json.WriteNumber("exponent", term.Exponent);
                json.WriteString("significand", Binary(term));
                json.WriteNumber("aligned", term.Align(sum.LargestExponent, unit.FractionBits, unit.Alignment));
                json.WriteString("bits_cut", Cut(term, sum.LargestExponent, unit.FractionBits));
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (!sum.IsSpecial)
        {
            json.WriteNumber("largest_exponent", sum.LargestExponent);
            json.WriteNumber("sum", sum.Sum);
            json.WriteNumber("sum_exponent", sum.LargestExponent - unit.FractionBits);
        }

        json.WriteString("result", Hex(sum.Result, unit.Accumulator));
        json.WriteEndObject();
    }

    private static double Value(FusedTerm term)
    {
        double magnitude = term.Kind switch
        {
            ElementKind.NaN => double.NaN,
            ElementKind.Infinity => double.PositiveInfinity,
            _ => Math.ScaleB((double)term.Significand, term.Exponent - term.FractionBits),
        };
        return term.Negative ? -magnitude : magnitude;
    }

    /// <summary>The significand with its point: 1.0110.</summary>
    private static string Binary(FusedTerm term)
    {
        string digits = Convert.ToString((long)term.Significand, 2).PadLeft(term.FractionBits + 1, '0');
        return term.FractionBits == 0 ? digits : $"{digits[..^term.FractionBits]}.{digits[^term.FractionBits..]}";
    }

    /// <summary>The low bits that alignment cuts off, where any of them is 1.</summary>
    private static string Cut(FusedTerm term, int largest, int kept)
    {
        int shift = term.Shift(largest, kept);
        ulong lost = term.Lost(shift);
        return lost == 0 ? "" : lost == term.Significand ? "all" : Convert.ToString((long)lost, 2).PadLeft(shift, '0');
    }

    private static string Words(OutputRounding rounding) => rounding == OutputRounding.TowardZero ? "toward zero" : "to nearest";

    private static string Digits(uint code, ElementFormat format) => code.ToString($"x{format.Digits}", CultureInfo.InvariantCulture);

    private static string Hex(float x) => Hex(BitConverter.SingleToUInt32Bits(x), ElementFormat.F32);

    private static string Valued(uint code, ElementFormat format) => $"{Hex(code, format)} ({Real(format.ToDouble(code))})";

    private static string Valued(float x) => Valued(BitConverter.SingleToUInt32Bits(x), ElementFormat.F32);

    private static string Real(double x) => x.ToString("R", CultureInfo.InvariantCulture);
}
