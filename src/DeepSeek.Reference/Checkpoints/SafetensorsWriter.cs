namespace DeepSeek.Reference;

/// <summary>Writes .safetensors files whose bytes depend on the tensors and metadata alone.</summary>
/// <remarks>
/// Order, spelling and padding are those of the format's own implementation (<see cref="SafetensorsLayout"/>).
/// The file appears whole or not at all.
/// </remarks>
public static class SafetensorsWriter
{
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
        KeyValuePair<string, Tensor>[] given = [.. tensors];
        var layout = new SafetensorsLayout(path, given.Select(t => (t.Key, t.Value.DType, t.Value.Shape)), metadata);
        AtomicFile.Write(path, stream => Write(stream, layout, given, nan, cancellationToken));
    }

    /// <summary>The same bytes to a stream; <paramref name="path"/> names it in errors.</summary>
    internal static void Write(Stream stream, string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata, NaNBits nan)
    {
        KeyValuePair<string, Tensor>[] given = [.. tensors];
        Write(stream, new SafetensorsLayout(path, given.Select(t => (t.Key, t.Value.DType, t.Value.Shape)), metadata), given, nan, CancellationToken.None);
    }

    private static void Write(Stream stream, SafetensorsLayout layout, KeyValuePair<string, Tensor>[] given, NaNBits nan, CancellationToken cancellationToken)
    {
        Dictionary<string, Tensor> byName = given.ToDictionary(t => t.Key, t => t.Value, StringComparer.Ordinal);
        stream.Write(layout.Head);
        foreach (TensorEntry entry in layout.Entries)
            TensorStream.Write(stream, byName[entry.Name], nan, cancellationToken);
    }

    /// <summary>The bytes of a small file.</summary>
    internal static byte[] ToBytes(IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        Dictionary<string, Tensor> byName = new(tensors, StringComparer.Ordinal);
        var layout = new SafetensorsLayout("memory", byName.Select(t => (t.Key, t.Value.DType, t.Value.Shape)), metadata);
        using var stream = new MemoryStream();
        stream.Write(layout.Head);
        foreach (TensorEntry entry in layout.Entries)
            TensorStream.Write(stream, byName[entry.Name], NaNBits.Canonical, CancellationToken.None);
        return stream.ToArray();
    }
}
