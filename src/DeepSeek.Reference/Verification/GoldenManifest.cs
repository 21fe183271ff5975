using System.Text;

namespace DeepSeek.Reference.Verification;

/// <summary>golden/manifest.jsonl: one record a line, sorted by id (ordinal), UTF-8, line feeds.</summary>
/// <remarks>
/// Seeds and digests instead of data: inputs are made again from the seed, outputs are compared by SHA-256. The same records always give the
/// same bytes, so that a review shows exactly which case changed.
/// </remarks>
public sealed class GoldenManifest
{
    private readonly Dictionary<string, GoldenRecord> byId;

    /// <summary>A manifest of records in any order.</summary>
    /// <exception cref="GoldenException">Two records of one id.</exception>
    public GoldenManifest(IEnumerable<GoldenRecord> records)
    {
        Records = [.. records.OrderBy(r => r.Id, StringComparer.Ordinal)];
        byId = new Dictionary<string, GoldenRecord>(StringComparer.Ordinal);
        foreach (GoldenRecord record in Records)
        {
            if (!byId.TryAdd(record.Id, record))
                throw new GoldenException($"the manifest holds '{record.Id}' twice; remove one line");
        }
    }

    /// <summary>All records, sorted by id.</summary>
    public IReadOnlyList<GoldenRecord> Records { get; }

    /// <summary>The record of an id, or null.</summary>
    public GoldenRecord? Find(string id) => byId.GetValueOrDefault(id);

    /// <summary>Reads a manifest.</summary>
    /// <param name="text">The file's bytes.</param>
    /// <param name="name">What messages call the file.</param>
    /// <exception cref="GoldenException">A line is not a record, or the lines are not sorted; names the line.</exception>
    public static GoldenManifest Parse(ReadOnlySpan<byte> text, string name)
    {
        var records = new List<GoldenRecord>();
        int line = 0;
        while (!text.IsEmpty)
        {
            line++;
            int end = text.IndexOf((byte)'\n');
            if (end < 0)
                throw new GoldenException($"{name}, line {line}: the file ends within a line; restore it from version control");
            ReadOnlySpan<byte> one = text[..end];
            text = text[(end + 1)..];
            GoldenRecord record = GoldenRecordJson.Read(one, $"{name}, line {line}");
            if (records.Count > 0 && string.CompareOrdinal(records[^1].Id, record.Id) >= 0)
                throw new GoldenException($"{name}, line {line}: '{record.Id}' does not sort after '{records[^1].Id}'; restore it from version control");
            records.Add(record);
        }

        return new GoldenManifest(records);
    }

    /// <summary>The file's bytes.</summary>
    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        foreach (GoldenRecord record in Records)
        {
            GoldenRecordJson.Write(record, bytes);
            bytes.WriteByte((byte)'\n');
        }

        return bytes.ToArray();
    }

    /// <summary>One record as the manifest writes it.</summary>
    public static string Line(GoldenRecord record)
    {
        using var bytes = new MemoryStream();
        GoldenRecordJson.Write(record, bytes);
        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
