using System.Globalization;
using System.Text;

namespace DeepSeek.Reference;

/// <summary>Writes .safetensors files whose bytes depend on the tensors and metadata alone.</summary>
/// <remarks>
/// Order, spelling and padding are those of the format's own implementation: tensors by dtype, widest alignment first, then by the UTF-8 bytes
/// of the name; metadata (which it leaves unordered) by key; the header filled with spaces to a multiple of 8.
/// The file appears whole or not at all.
/// </remarks>
public static class SafetensorsWriter
{
    /// <summary>The format's dtypes in ascending order of alignment, as its own implementation ranks them.</summary>
    private static readonly DType[] Alignment =
    [
        DType.Bool, DType.F4, DType.F6_E2M3, DType.F6_E3M2, DType.U8, DType.I8, DType.F8_E5M2, DType.F8_E4M3, DType.F8_E8M0, DType.F8_E4M3FNUZ, DType.F8_E5M2FNUZ,
        DType.I16, DType.U16, DType.F16, DType.BF16, DType.I32, DType.U32, DType.F32, DType.C64, DType.F64, DType.I64, DType.U64,
    ];

    /// <summary>Writes tensors under their names.</summary>
    /// <param name="path">The file to write or replace.</param>
    /// <param name="tensors">Names and tensors, in any order; mapped tensors of any size are streamed.</param>
    /// <param name="metadata">The file's map of strings; null for none.</param>
    /// <param name="nan">Which NaN the file carries; canonical by rules N3 and N15.</param>
    /// <param name="cancellationToken">Ends the writing; the file is then left as it was.</param>
    /// <exception cref="DataException">A name stands twice or cannot be written, or the file cannot.</exception>
    public static void Write(
        string path,
        IEnumerable<KeyValuePair<string, Tensor>> tensors,
        IReadOnlyDictionary<string, string>? metadata = null,
        NaNBits nan = NaNBits.Canonical,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        List<Named> ordered = Order(path, tensors);
        byte[] header = Header(path, ordered, metadata);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(BitConverter.GetBytes((ulong)header.Length));
            stream.Write(header);
            foreach (Named named in ordered)
                TensorStream.Write(stream, named.Tensor, nan, cancellationToken);
        });
    }

    private static List<Named> Order(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        var ordered = new List<Named>();
        var names = new HashSet<string>();
        foreach ((string name, Tensor tensor) in tensors)
        {
            if (name == SafetensorsHeader.MetadataKey)
                throw new DataException($"{path}: a tensor cannot have the name '{name}', which the format keeps for metadata; rename it");
            if (!names.Add(name))
                throw new DataException($"{path}: two tensors have the name '{name}'; rename one of them");
            ordered.Add(new Named(name, Utf8Of(path, name), tensor));
        }

        ordered.Sort((a, b) =>
        {
            int byAlignment = Array.IndexOf(Alignment, b.Tensor.DType) - Array.IndexOf(Alignment, a.Tensor.DType);
            return byAlignment != 0 ? byAlignment : a.Utf8.AsSpan().SequenceCompareTo(b.Utf8);
        });
        return ordered;
    }

    private static byte[] Header(string path, List<Named> ordered, IReadOnlyDictionary<string, string>? metadata)
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

        long offset = 0;
        foreach (Named named in ordered)
        {
            Tensor t = named.Tensor;
            json.Append(separator);
            Quote(json, named.Name);
            json.Append(CultureInfo.InvariantCulture, $":{{\"dtype\":\"{t.DType.Name()}\",\"shape\":[");
            for (int i = 0; i < t.Shape.Rank; i++)
                json.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ",")}{t.Shape[i]}");
            json.Append(CultureInfo.InvariantCulture, $"],\"data_offsets\":[{offset},{checked(offset + t.ByteCount)}]}}");
            offset += t.ByteCount;
            separator = ",";
        }

        json.Append('}');
        byte[] header = Utf8Of(path, json.ToString());
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

    private static byte[] Utf8Of(string path, string text)
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

    private sealed record Named(string Name, byte[] Utf8, Tensor Tensor);
}
