using System.Globalization;
using System.Text.Json;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>A judged model directory in one line, in lines, and as JSON.</summary>
internal static class ModelReport
{
    /// <summary>Contract, tensors by verdict, and the farthest logits.</summary>
    public static string Detail(ModelCaseResult result)
    {
        if (result.SkipReason is not null)
            return result.SkipReason;
        int unknown = result.Tensors.Count(t => t.Role == TensorRole.Unknown);
        return Judged(result) + (unknown == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"; {unknown} of unknown name UNJUDGED"));
    }

    private static string Judged(ModelCaseResult result)
    {
        TensorVerdict[] judged = [.. result.Tensors.Where(t => t.Role == TensorRole.Judged)];
        string counts = string.Join(", ", judged.GroupBy(t => t.Verdict).OrderBy(g => g.Key).Select(g => $"{g.Count()} {g.Key.Word()}"));
        TensorVerdict? failed = judged.FirstOrDefault(t => t.Verdict == Verdict.Fail);
        if (failed is not null)
            return $"{Run(result)}, {judged.Length} tensors ({counts}); first failure: {failed.Name}, relative L2 {Real(failed.RelativeL2)}{Limit(failed)}, {failed.Note}";
        double logits = judged.Where(t => t.Name.Contains("logits", StringComparison.Ordinal)).Select(t => t.RelativeL2).DefaultIfEmpty(double.NaN).Max();
        return $"{Run(result)}, {judged.Length} tensors ({counts}){(double.IsNaN(logits) ? "" : $", logits within relative L2 {Real(logits)}")}";
    }

    private static string Run(ModelCaseResult result) => result.Fp8 switch
    {
        Fp8Mode.Gemm => $"{result.Contract}, FP8 products",
        Fp8Mode.Dequantize => $"{result.Contract}, FP8 weights dequantised",
        _ => result.Contract,
    };

    /// <summary>One line a tensor, for a directory that was named.</summary>
    public static IEnumerable<string> Lines(ModelCaseResult result) => result.Tensors.Select(t =>
        $"  {(t.Role == TensorRole.Judged ? t.Verdict.Word() : t.Role == TensorRole.Information ? "info" : "UNJUDGED"),-8} {t.Name}  relative L2 {Real(t.RelativeL2)}{Limit(t)}, max abs {Real(t.MaxAbs)}, {t.BitEqualCount}/{t.Count} bit-equal{(t.Note.Length > 0 ? ", " + t.Note : "")}");

    /// <summary>The tensors of a case.</summary>
    public static void Write(Utf8JsonWriter json, ModelCaseResult result)
    {
        json.WriteString("contract", result.Contract);
        json.WriteStartArray("tensors");
        foreach (TensorVerdict t in result.Tensors)
        {
            json.WriteStartObject();
            json.WriteString("name", t.Name);
            json.WriteString("role", t.Role.ToString().ToLowerInvariant());
            json.WriteVerdict(t.Verdict);
            json.WriteReal("relative_l2", t.RelativeL2);
            json.WriteReal("max_abs", t.MaxAbs);
            if (t.Limit is { } limit)
                json.WriteReal("limit", limit);
            else
                json.WriteNull("limit");
            json.WriteNumber("bit_equal", t.BitEqualCount);
            json.WriteNumber("count", t.Count);
            json.WriteString("note", t.Note);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteFp8(result.Fp8);
    }

    private static string Limit(TensorVerdict t) => t.Limit is { } limit ? $" (limit {Real(limit)})" : "";

    private static string Real(double value) => value.ToString("G3", CultureInfo.InvariantCulture);
}
