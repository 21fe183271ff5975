using System.Globalization;
using System.Text;

namespace DeepSeek.Reference;

/// <summary>Where every byte of a safetensors file goes, from the names, dtypes and shapes of its tensors alone.</summary>
/// <remarks>
/// Order, spelling and padding are those of the format's own implementation: tensors by dtype, widest alignment first, then by the UTF-8 bytes
/// of the name; metadata (which it leaves unordered) by key; the header filled with spaces to a multiple of 8.
/// </remarks>
internal sealed class SafetensorsLayout
{
    /// <summary>The format's dtypes in ascending order of alignment, as its own implementation ranks them.</summary>
    private static readonly DType[] Alignment =
    [
        DType.Bool, DType.F4, DType.F6_E2M3, DType.F6_E3M2, DType.U8, DType.I8, DType.F8_E5M2, DType.F8_E4M3, DType.F8_E8M0, DType.F8_E4M3FNUZ, DType.F8_E5M2FNUZ,
        DType.I16, DType.U16, DType.F16, DType.BF16, DType.I32, DType.U32, DType.F32, DType.C64, DType.F64, DType.I64, DType.U64,
    ];

    private readonly string path;

    /// <summary>The layout of tensors given in any order.</summary>
    /// <param name="path">The file, for errors.</param>
    /// <param name="tensors">Name, dtype and shape of each.</param>
    /// <param name="metadata">The file's map of strings; null for none.</param>
    /// <exception cref="DataException">A name stands twice or cannot be written, or the header is too long.</exception>
    public SafetensorsLayout(string path, IEnumerable<(string Name, DType DType, Shape Shape)> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        this.path = path;
        List<Named> ordered = Order(tensors);
        var entries = new List<TensorEntry>(ordered.Count);
        long offset = 0;
        foreach (Named t in ordered)
        {
            long end = checked(offset + t.DType.ByteCount(t.Shape.ElementCount));
            entries.Add(new TensorEntry(t.Name, t.DType, t.Shape, offset, end, 0));
            offset = end;
        }

        byte[] json = Header(entries, metadata);
        Head = [.. BitConverter.GetBytes((ulong)json.Length), .. json];
        Entries = [.. entries.Select(e => e with { FileOffset = Head.Length + e.Begin })];
        Length = Head.Length + offset;
    }

    /// <summary>The header's length and the header: everything before the data.</summary>
    public byte[] Head { get; }

    /// <summary>The tensors in the order of their bytes.</summary>
    public IReadOnlyList<TensorEntry> Entries { get; }

    /// <summary>Bytes of the whole file.</summary>
    public long Length { get; }

    private List<Named> Order(IEnumerable<(string Name, DType DType, Shape Shape)> tensors)
    {
        var ordered = new List<Named>();
        var names = new HashSet<string>();
        foreach ((string name, DType dtype, Shape shape) in tensors)
        {
            if (name == SafetensorsHeader.MetadataKey)
                throw new DataException($"{path}: a tensor cannot have the name '{name}', which the format keeps for metadata; rename it");
            if (!names.Add(name))
                throw new DataException($"{path}: two tensors have the name '{name}'; rename one of them");
            ordered.Add(new Named(name, Utf8Of(name), dtype, shape));
        }

        ordered.Sort((a, b) =>
        {
            int byAlignment = Array.IndexOf(Alignment, b.DType) - Array.IndexOf(Alignment, a.DType);
            return byAlignment != 0 ? byAlignment : a.Utf8.AsSpan().SequenceCompareTo(b.Utf8);
        });
        return ordered;
    }

    private byte[] Header(List<TensorEntry> ordered, IReadOnlyDictionary<string, string>? metadata)
    {
        var json = new StringBuilder("{");
        string separator = "";
        if (metadata is not null)
        {
            json.Append(CultureInfo.InvariantCulture, $"\"{SafetensorsHeader.MetadataKey}\":{{");
            foreach ((string key, string value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
            {
                json.Append(separator);
                Quote(json, key);
                json.Append(':');
                Quote(json, value);
                separator = ",";
            }

            json.Append('}');
            separator = ",";
        }

        foreach (TensorEntry t in ordered)
        {
            json.Append(separator);
            Quote(json, t.Name);
            json.Append(CultureInfo.InvariantCulture, $":{{\"dtype\":\"{t.DType.Name()}\",\"shape\":[");
            for (int i = 0; i < t.Shape.Rank; i++)
                json.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ",")}{t.Shape[i]}");
            json.Append(CultureInfo.InvariantCulture, $"],\"data_offsets\":[{t.Begin},{t.End}]}}");
            separator = ",";
        }

        json.Append('}');
        byte[] header = Utf8Of(json.ToString());
        int padded = (header.Length + 7) / 8 * 8;
        if (padded > SafetensorsHeader.MaximumLength)
            throw new DataException($"{path}: the header has {padded} bytes, above the format's limit of {SafetensorsHeader.MaximumLength}; write several files");
        int length = header.Length;
        Array.Resize(ref header, padded);
        header.AsSpan(length).Fill((byte)' ');
        return header;
    }

    /// <summary>A JSON string with the fewest escapes: quote, backslash and control characters.</summary>
    private static void Quote(StringBuilder json, string text)
    {
        json.Append('"');
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' => json.Append("\\\""),
                '\\' => json.Append("\\\\"),
                '\b' => json.Append("\\b"),
                '\f' => json.Append("\\f"),
                '\n' => json.Append("\\n"),
                '\r' => json.Append("\\r"),
                '\t' => json.Append("\\t"),
                < ' ' => json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => json.Append(c),
            };
        }

        json.Append('"');
    }

    private byte[] Utf8Of(string text)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(text);
        }
        catch (EncoderFallbackException e)
        {
            throw new DataException($"{path}: a name or metadata with half a surrogate pair cannot be written; rename it", e);
        }
    }

    private sealed record Named(string Name, byte[] Utf8, DType DType, Shape Shape);
}
