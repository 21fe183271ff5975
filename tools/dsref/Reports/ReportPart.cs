using System.Globalization;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Reports;

/// <summary>A figure of a part, written for people.</summary>
/// <param name="Name">What it is, for example <c>relative L2</c>.</param>
/// <param name="Value">Its value.</param>
internal readonly record struct ReportFigure(string Name, string Value);

/// <summary>One output of a case, or one tensor of a model.</summary>
internal sealed record ReportPart
{
    /// <summary>The tensor's name.</summary>
    public required string Name { get; init; }

    /// <summary>The verdict's word; <c>info</c> for a tensor that is shown and never counted.</summary>
    public required string Verdict { get; init; }

    /// <summary>The check that decided; may be empty.</summary>
    public string Check { get; init; } = "";

    /// <summary>One line; may be empty.</summary>
    public string Note { get; init; } = "";

    /// <summary>Statistics of the error.</summary>
    public IReadOnlyList<ReportFigure> Figures { get; init; } = [];

    /// <summary>A judged output.</summary>
    public static ReportPart Of(OutputReport output) => new()
    {
        Name = output.Name,
        Verdict = output.Verdict.Word(),
        Check = output.Check,
        Note = output.Note,
        Figures = [.. output.Errors is null && output.Comparison is { } c ? Of(c) : OutputFigures.Of(output)],
    };

    /// <summary>A tensor of an oracle.</summary>
    public static ReportPart Of(TensorVerdict tensor)
    {
        var figures = new List<ReportFigure>();
        if (tensor.Comparison is { } c)
            figures.AddRange(Of(c));
        else if (tensor.Count > 0)
            figures.AddRange([Figure("relative L2", tensor.RelativeL2), Figure("max abs", tensor.MaxAbs), new("bit-equal", Share(tensor.BitEqualCount, tensor.Count))]);
        if (tensor.Limit is { } limit)
            figures.Add(Figure("limit of relative L2", limit));
        return new ReportPart
        {
            Name = tensor.Name,
            Verdict = tensor.Role switch { TensorRole.Judged => tensor.Verdict.Word(), TensorRole.Information => "info", _ => Reference.Verification.Verdict.Unjudged.Word() },
            Note = tensor.Note,
            Figures = figures,
        };
    }

    private static IEnumerable<ReportFigure> Of(TensorComparison c)
    {
        yield return new("bit-equal", Share(c.BitEqualCount, c.Count));
        if (c.IsBitEqual)
            yield break;
        yield return new("first mismatch", $"[{string.Join(", ", c.FirstMismatch ?? [])}]");
        yield return Figure("relative L2", c.RelativeL2);
        yield return Figure("max abs", c.MaxAbs);
        yield return Figure("max rel", c.MaxRel);
        yield return Figure("max ulp", c.MaxUlp);
        yield return Figure("calc_diff", c.CalcDiff);
        if (c.NaNMismatchCount > 0)
            yield return new("NaN in one alone", Whole(c.NaNMismatchCount));
        if (c.InfinityMismatchCount > 0)
            yield return new("infinity in one alone", Whole(c.InfinityMismatchCount));
    }

    private static ReportFigure Figure(string name, double value) => new(name, value.ToString("G4", CultureInfo.InvariantCulture));

    private static string Share(long some, long all) => $"{Whole(some)} of {Whole(all)}";

    private static string Whole(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
