using System.Globalization;
using System.Text.Json;
using DeepSeek.Reference.Tool.Reports;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>The figures of a judged output, for people and as JSON: those that other harnesses decide by, beside those that decided here (docs/spec/verdicts.md 2).</summary>
internal static class OutputFigures
{
    /// <summary>Name and value of each figure; of an output with equal bits, how many were compared.</summary>
    public static IEnumerable<ReportFigure> Of(OutputReport output)
    {
        if (output.Errors is not { } e)
            yield break;
        yield return new("bit-equal", $"{Whole(e.Count - e.MismatchCount)} of {Whole(e.Count)} compared");
        if (e.MismatchCount == 0)
            yield break;
        if (e.MaskMismatchCount > 0)
            yield return new("NaN or infinity on one side", Whole(e.MaskMismatchCount));
        yield return Figure("max ulp", e.MaxUlp);
        yield return new("ulp histogram", Histogram(e.UlpHistogram));
        yield return new("max abs", $"{Number(e.MaxAbs.Value)} at {At(e.MaxAbs.At)}");
        yield return new("max rel", $"{Number(e.MaxRel.Value)} at {At(e.MaxRel.At)}");
        yield return Figure("relative L2", e.RelativeL2);
        yield return Figure("NMSE", e.Nmse);
        yield return new("cosine", e.Cosine.ToString("G9", CultureInfo.InvariantCulture));
        yield return Figure("calc_diff", e.CalcDiff);
        if (output.Measured > 0)
            yield return new("largest error/bound", $"{Number(output.LargestShareOfBound)} of {Whole(output.Measured)} measured");
        if (output.NearTies > 0)
            yield return new("near a tie", $"{Whole(output.NearTies)}: either neighbour is right");
        foreach (NoiseFinding finding in output.Noise?.Findings.Take(3) ?? [])
            yield return new(finding.Check, finding.Figures);
        if (output.Deciding is { } deciding)
        {
            yield return new("decided by", Place(deciding));
            yield return new("around it", string.Join(" | ", deciding.Neighbourhood));
        }

        yield return new("first mismatch", Place(e.First!));
        yield return new("worst mismatch", Place(e.Worst!));
        yield return new("around the worst", string.Join(" | ", e.Worst!.Neighbourhood));
    }

    /// <summary>The same as an object <c>errors</c>; nothing where nothing was compared.</summary>
    public static void Write(Utf8JsonWriter json, OutputReport output)
    {
        if (output.Errors is not { } e)
            return;
        json.WriteStartObject("errors");
        json.WriteNumber("count", e.Count);
        json.WriteNumber("mismatches", e.MismatchCount);
        json.WriteNumber("mask_mismatches", e.MaskMismatchCount);
        if (e.MismatchCount > 0)
        {
            WriteFinite(json, "max_ulp", e.MaxUlp);
            json.WriteStartArray("ulp_histogram");
            foreach (long count in e.UlpHistogram)
                json.WriteNumberValue(count);
            json.WriteEndArray();
            WritePlaced(json, "max_abs", e.MaxAbs);
            WritePlaced(json, "max_rel", e.MaxRel);
            WriteFinite(json, "relative_l2", e.RelativeL2);
            WriteFinite(json, "nmse", e.Nmse);
            WriteFinite(json, "cosine", e.Cosine);
            WriteFinite(json, "calc_diff", e.CalcDiff);
            WriteMismatch(json, "first_mismatch", e.First!);
            WriteMismatch(json, "worst_mismatch", e.Worst!);
            if (output.Deciding is { } deciding)
                WriteMismatch(json, "deciding_mismatch", deciding);
        }

        json.WriteEndObject();
        if (output.Measured == 0)
            return;
        json.WriteNumber("measured", output.Measured);
        WriteFinite(json, "largest_share_of_bound", output.LargestShareOfBound);
        json.WriteNumber("near_ties", output.NearTies);
        json.WriteStartArray("noise");
        foreach (NoiseFinding finding in output.Noise?.Findings ?? [])
        {
            json.WriteStartObject();
            json.WriteString("check", finding.Check);
            WriteFinite(json, "excess", finding.Excess);
            json.WriteNumber("limit", finding.Limit);
            json.WriteString("where", finding.Where);
            json.WriteString("figures", finding.Figures);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WritePlaced(Utf8JsonWriter json, string name, (double Value, IReadOnlyList<long> At) placed)
    {
        WriteFinite(json, name, placed.Value);
        WriteIndex(json, name + "_at", placed.At);
    }

    private static void WriteMismatch(Utf8JsonWriter json, string name, Mismatch mismatch)
    {
        json.WriteStartObject(name);
        WriteIndex(json, "index", mismatch.Index);
        json.WriteString("actual", mismatch.Actual);
        json.WriteString("reference", mismatch.Reference);
        if (mismatch.Exact is { } exact)
            WriteFinite(json, "exact", exact);
        json.WriteStartArray("around");
        foreach (string row in mismatch.Neighbourhood)
            json.WriteStringValue(row);
        json.WriteEndArray();
        WriteIndex(json, "tile", [mismatch.Tile.Row, mismatch.Tile.Column]);
        json.WriteEndObject();
    }

    private static void WriteIndex(Utf8JsonWriter json, string name, IEnumerable<long> index)
    {
        json.WriteStartArray(name);
        foreach (long i in index)
            json.WriteNumberValue(i);
        json.WriteEndArray();
    }

    /// <summary>JSON has no NaN and no infinity: null.</summary>
    private static void WriteFinite(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }

    private static string Place(Mismatch m)
    {
        string exact = m.Exact is { } value ? $", exact {value.ToString("R", CultureInfo.InvariantCulture)}" : "";
        return $"{At(m.Index)} is {m.Actual}, reference {m.Reference}{exact}, tile ({m.Tile.Row}, {m.Tile.Column})";
    }

    /// <summary>For example <c>&lt;=1: 12, &lt;=8: 3, &gt;1024: 1</c>.</summary>
    private static string Histogram(IReadOnlyList<long> buckets) => string.Join(", ", Enumerable.Range(0, buckets.Count).Where(i => buckets[i] > 0)
        .Select(i => i == buckets.Count - 1 ? $">{Whole(1L << (i - 1))}: {Whole(buckets[i])}" : $"<={Whole(1L << i)}: {Whole(buckets[i])}"));

    private static string At(IEnumerable<long> index) => $"[{string.Join(", ", index)}]";

    private static ReportFigure Figure(string name, double value) => new(name, Number(value));

    private static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);

    private static string Whole(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
