using System.IO.Compression;

namespace DeepSeek.Reference;

/// <summary>Reads and writes NumPy's .npz: a ZIP archive of .npy arrays, each named by its entry.</summary>
/// <remarks>Read: entries stored or deflated, checked against their CRC-32. Written: stored, in the order given, with a fixed date, so that the same tensors give the same bytes.</remarks>
public static class NpzFile
{
    private const string Suffix = ".npy";

    /// <summary>Deflate makes at most 1032 bytes of one; a larger claim is a lie.</summary>
    private const long MaximumExpansion = 1032;

    /// <summary>Reads every array into managed memory, in the order of the archive.</summary>
    /// <exception cref="DataException">The file cannot be read, is damaged, or holds what no tensor can.</exception>
    public static IReadOnlyDictionary<string, Tensor> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
            using var archive = new ZipArchive(stream, ZipArchiveMode.Read);
            var tensors = new OrderedDictionary<string, Tensor>();
            foreach (ZipArchiveEntry entry in archive.Entries)
            {
                string name = entry.FullName;
                if (!name.EndsWith(Suffix, StringComparison.Ordinal))
                    throw new DataException($"{path}: the entry '{name}' is not .npy; remove it from the archive");
                if (!tensors.TryAdd(name[..^Suffix.Length], Read(entry, stream.Length, $"{path}: {name}")))
                    throw new DataException($"{path}: the entry '{name}' stands twice; remove one of them");
            }

            return tensors;
        }
        catch (InvalidDataException e)
        {
            throw new DataException($"{path}: not a sound ZIP archive: {e.Message.ReplaceLineEndings(" ").TrimEnd('.')}; the file is damaged or not .npz", e);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(path, e);
        }
    }

    /// <summary>Writes tensors under their names; the file appears whole or not at all.</summary>
    /// <exception cref="DataException">A name stands twice or is empty, NumPy has no such dtype, or the file cannot be written.</exception>
    public static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, NaNBits nan = NaNBits.Canonical, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        KeyValuePair<string, Tensor>[] all = [.. tensors];
        var names = new HashSet<string>();
        foreach ((string name, Tensor tensor) in all)
        {
            if (name.Length == 0 || !names.Add(name))
                throw new DataException($"{path}: {(name.Length == 0 ? "a tensor has no name" : $"two tensors have the name '{name}'")}; rename it");
            NumpyFile.Refuse(tensor, $"{path}: {name}");
        }

        AtomicFile.Write(path, stream =>
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
            foreach ((string name, Tensor tensor) in all)
            {
                ZipArchiveEntry entry = archive.CreateEntry(name + Suffix, CompressionLevel.NoCompression);
                entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
                using Stream part = entry.Open();
                NumpyFile.Write(part, tensor, nan, cancellationToken);
            }
        });
    }

    private static Tensor Read(ZipArchiveEntry entry, long archiveLength, string source)
    {
        if (entry.CompressedLength > archiveLength || entry.Length > (Int128)entry.CompressedLength * MaximumExpansion + MaximumExpansion)
            throw new DataException($"{source}: {entry.Length} bytes are said to lie in {entry.CompressedLength} of an archive of {archiveLength}; the file is damaged");
        if (entry.IsEncrypted)
            throw new DataException($"{source}: the entry is encrypted; save the arrays without a password");
        using Stream stream = entry.Open();
        using var summed = new Crc32Stream(stream);
        Tensor tensor = NumpyFile.Read(summed, entry.Length, source);
        if (summed.Crc32 != entry.Crc32)
            throw new DataException($"{source}: the bytes have CRC-32 {summed.Crc32:x8}, the archive says {entry.Crc32:x8}; the file is damaged, copy it again");
        return tensor;
    }
}
