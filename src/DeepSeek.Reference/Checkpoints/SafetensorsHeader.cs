using System.Text.Json;

namespace DeepSeek.Reference;

/// <summary>The JSON header of a safetensors file, read and checked against the length of the file.</summary>
/// <remarks>
/// <code>
/// file   = length (u64, little endian) | header (length bytes of JSON, padded with spaces) | data
/// header = { "__metadata__": {string: string}, name: {"dtype": D, "shape": [d, ...], "data_offsets": [begin, end]}, ... }
/// </code>
/// The tensors cover the data part without overlap, hole or rest. Format and limits: the safetensors repository's README; docs/spec/checkpoints.md 1.
/// </remarks>
internal sealed class SafetensorsHeader
{
    /// <summary>The key that holds the free map of strings.</summary>
    public const string MetadataKey = "__metadata__";

    /// <summary>The longest header the format's own implementation reads, in bytes.</summary>
    public const long MaximumLength = 100_000_000;

    private readonly string path;
    private readonly long dataStart;
    private readonly long dataLength;

    private SafetensorsHeader(string path, long dataStart, long dataLength)
    {
        this.path = path;
        this.dataStart = dataStart;
        this.dataLength = dataLength;
    }

    /// <summary>The tensors in the order of their bytes in the file.</summary>
    public OrderedDictionary<string, TensorEntry> Entries { get; } = [];

    /// <summary>The free map; empty where the file has none.</summary>
    public OrderedDictionary<string, string> Metadata { get; } = [];

    /// <summary>Reads the header of a mapped file.</summary>
    /// <exception cref="DataException">The file is not a sound safetensors file.</exception>
    public static SafetensorsHeader Read(MappedFile file)
    {
        string path = file.Path;
        if (file.Length < 8)
            throw new DataException($"{path}: {file.Length} bytes are too few for a safetensors file (8 for the header's length); it is truncated, copy it again");

        ulong stated = BitConverter.ToUInt64(file.Slice(0, 8));
        if (stated > (ulong)(file.Length - 8))
            throw new DataException($"{path}: the header's length at byte 0 is {stated}, but only {file.Length - 8} bytes follow; the file is truncated or not safetensors");
        if (stated > MaximumLength)
            throw new DataException($"{path}: the header's length at byte 0 is {stated}, above the format's limit of {MaximumLength}; the file is not safetensors");

        ReadOnlySpan<byte> json = file.Slice(8, (int)stated);
        if (json.IsEmpty || json[0] != (byte)'{')
            throw new DataException($"{path}: the header at byte 8 does not start with '{{'; the file is not safetensors");

        var header = new SafetensorsHeader(path, 8 + (long)stated, file.Length - 8 - (long)stated);
        header.Parse(json);
        return header;
    }

    private void Parse(ReadOnlySpan<byte> json)
    {
        var cursor = new JsonCursor(json, path, 8);
        cursor.Next();
        cursor.ExpectObject("the header");

        var found = new List<TensorEntry>();
        var names = new HashSet<string>();
        while (cursor.NextMember(out string name, out long offset))
        {
            if (!names.Add(name))
                throw new DataException($"{path}: the name '{name}' stands twice in the header (byte {offset}); write the file again with one of them");
            if (name == MetadataKey)
                ReadMetadata(ref cursor);
            else
                found.Add(ReadEntry(ref cursor, name));
        }

        cursor.End();
        Lay(found);
    }

    private void ReadMetadata(ref JsonCursor cursor)
    {
        cursor.ExpectObject(MetadataKey);
        while (cursor.NextMember(out string key, out long offset))
        {
            if (!Metadata.TryAdd(key, cursor.String($"{MetadataKey}.{key}")))
                throw new DataException($"{path}: {MetadataKey}.{key} stands twice (byte {offset}); write the file again with one of them");
        }
    }

    private TensorEntry ReadEntry(ref JsonCursor cursor, string name)
    {
        long start = cursor.Offset;
        cursor.ExpectObject($"the entry of tensor '{name}'");
        DType? dtype = null;
        long[]? dimensions = null;
        long[]? offsets = null;
        while (cursor.NextMember(out string field, out long fieldOffset))
        {
            bool twice = false;
            switch (field)
            {
                case "dtype":
                    twice = dtype is not null;
                    dtype = ReadDType(ref cursor, name);
                    break;
                case "shape":
                    twice = dimensions is not null;
                    dimensions = ReadCounts(ref cursor, $"shape of tensor '{name}'");
                    break;
                case "data_offsets":
                    twice = offsets is not null;
                    offsets = ReadCounts(ref cursor, $"data_offsets of tensor '{name}'");
                    break;
                default:
                    cursor.Skip();
                    break;
            }

            if (twice)
                throw new DataException($"{path}: tensor '{name}' has '{field}' twice (byte {fieldOffset}); write the file again");
        }

        if (dtype is null || dimensions is null || offsets is null)
            throw new DataException($"{path}: tensor '{name}' lacks '{(dtype is null ? "dtype" : dimensions is null ? "shape" : "data_offsets")}' (byte {start}); write the file again");
        return Check(name, dtype.Value, dimensions, offsets, start);
    }

    private static DType ReadDType(ref JsonCursor cursor, string name)
    {
        string text = cursor.String($"dtype of tensor '{name}'");
        if (DTypes.TryParse(text, out DType dtype))
            return dtype;
        throw cursor.Fail($"tensor '{name}' has the unknown dtype '{text}'", "convert it to a dtype of the safetensors format");
    }

    private static long[] ReadCounts(ref JsonCursor cursor, string what)
    {
        cursor.ExpectArray(what);
        var counts = new List<long>();
        for (cursor.Next(); cursor.Kind != JsonTokenType.EndArray; cursor.Next())
            counts.Add(cursor.Count(what));
        return [.. counts];
    }

    /// <summary>One entry against itself and the length of the file.</summary>
    private TensorEntry Check(string name, DType dtype, long[] dimensions, long[] offsets, long start)
    {
        if (offsets.Length != 2)
            throw new DataException($"{path}: data_offsets of tensor '{name}' have {offsets.Length} numbers, not 2 (byte {start}); write the file again");
        long begin = offsets[0];
        long end = offsets[1];
        if (begin > end)
            throw new DataException($"{path}: tensor '{name}' begins at {begin} after its end {end} (byte {start}); write the file again");
        if (end > dataLength)
            throw new DataException($"{path}: tensor '{name}' ends at {end} of the data, which has {dataLength} bytes (byte {start}); the file is truncated, copy it again");

        Shape shape;
        long bytes;
        try
        {
            shape = new Shape(dimensions);
            bytes = dtype.ByteCount(shape.ElementCount);
        }
        catch (ShapeException e)
        {
            throw new DataException($"{path}: tensor '{name}' has an impossible shape: {e.Message} (byte {start}); write the file again", e);
        }

        if (bytes != end - begin)
            throw new DataException($"{path}: tensor '{name}' is {dtype.Name()} {shape} of {bytes} bytes, but its data_offsets {begin}..{end} hold {end - begin} (byte {start}); write the file again");
        return new TensorEntry(name, dtype, shape, begin, end, dataStart + begin);
    }

    /// <summary>The entries against each other, and in the order of their bytes.</summary>
    private void Lay(List<TensorEntry> found)
    {
        long covered = 0;
        TensorEntry? previous = null;
        foreach (TensorEntry entry in found.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (entry.Begin < covered)
                throw new DataException($"{path}: tensors '{previous!.Name}' and '{entry.Name}' overlap (data bytes {entry.Begin}..{Math.Min(covered, entry.End)}); write the file again");
            if (entry.Begin > covered)
                throw new DataException($"{path}: data bytes {covered}..{entry.Begin} before tensor '{entry.Name}' belong to no tensor; write the file again without the hole");
            Entries.Add(entry.Name, entry);
            covered = entry.End;
            previous = entry;
        }

        if (covered != dataLength)
            throw new DataException($"{path}: {dataLength - covered} bytes follow the last tensor (byte {dataStart + covered}); the file is damaged, copy it again");
    }
}
