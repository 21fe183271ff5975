using System.Globalization;
using System.Text;

namespace DeepSeek.Reference;

/// <summary>A parameter table as text: one line for each distinct pattern of name, dtype and shape, then the totals.</summary>
/// <remarks>
/// <code>model.layers.{3-60}.mlp.experts.{0-255}.up_proj.weight  F8_E4M3 [2048, 7168]  x 14848</code>
/// Columns are the pattern with its ranges, dtype, shape, and how many tensors share them.
/// </remarks>
public static class ParameterListing
{
    /// <summary>The listing, lines ended by a line feed; the same on every machine.</summary>
    public static string Write(ParameterTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var groups = new OrderedDictionary<(string Pattern, DType DType, Shape Shape, bool IsMtp), List<Parameter>>();
        foreach (Parameter p in table.Parameters)
        {
            var key = (Pattern(p), p.DType, p.Shape, p.IsMtp);
            if (!groups.TryGetValue(key, out List<Parameter>? members))
                groups.Add(key, members = []);
            members.Add(p);
        }

        var text = new StringBuilder();
        foreach ((var key, List<Parameter> members) in groups)
        {
            string name = key.Pattern
                .Replace("{layer}", Ranges(members.Select(p => p.Layer)), StringComparison.Ordinal)
                .Replace("{expert}", Ranges(members.Select(p => p.Expert)), StringComparison.Ordinal);
            text.Append(CultureInfo.InvariantCulture, $"{name}  {key.DType.Name()} {key.Shape}  x {members.Count}{(members[0].IsDuplicate ? "  copy" : "")}\n");
        }

        text.Append('\n');
        void Total(string what, long value) => text.Append(CultureInfo.InvariantCulture, $"{what}: {value:N0}\n");
        Total("tensors", table.Parameters.Count);
        Total("parameters, main", table.MainCount);
        Total("parameters, MTP", table.MtpCount);
        Total("parameters, MTP copies of embedding and head", table.DuplicateCount);
        Total("parameters, all", table.TotalCount);
        Total("parameters, activated a token", table.ActivatedCount);
        Total("parameters, activated a token, without embedding", table.ActivatedCountWithoutEmbedding);
        Total("bytes on disk", table.ByteCount);
        if (table.Config.QuantizationConfig is not null)
        {
            Total("parameters in FP8, a byte each", table.Fp8Count);
            Total("bytes of their scales", table.ScaleByteCount);
        }

        Total("cache values a token and layer", table.CacheValuesPerTokenAndLayer);
        Total("cache bytes a token at BF16", table.CacheBytesPerToken(DType.BF16));
        Total("cache bytes a token at BF16, with MTP", table.CacheBytesPerToken(DType.BF16, withMtp: true));
        Total("cache bytes a token at F32", table.CacheBytesPerToken(DType.F32));
        Total("cache bytes a token at F32, with MTP", table.CacheBytesPerToken(DType.F32, withMtp: true));
        Total("cache bytes a token at FP8", table.Fp8CacheBytesPerToken());
        Total("cache bytes a token at FP8, with MTP", table.Fp8CacheBytesPerToken(withMtp: true));
        return text.ToString();
    }

    private static string Pattern(Parameter p)
    {
        string name = p.Name;
        if (p.Layer is { } layer)
            name = name.Replace($"layers.{layer}.", "layers.{layer}.", StringComparison.Ordinal);
        if (p.Expert is { } expert)
            name = name.Replace($"experts.{expert}.", "experts.{expert}.", StringComparison.Ordinal);
        return name;
    }

    private static string Ranges(IEnumerable<int?> values)
    {
        var parts = new List<(int First, int Last)>();
        foreach (int v in values.OfType<int>().Distinct().Order())
        {
            if (parts.Count > 0 && parts[^1].Last == v - 1)
                parts[^1] = (parts[^1].First, v);
            else
                parts.Add((v, v));
        }

        string text = string.Join(",", parts.Select(r => r.First == r.Last ? $"{r.First}" : $"{r.First}-{r.Last}"));
        return parts.Count == 1 && parts[0].First == parts[0].Last ? text : "{" + text + "}";
    }
}
