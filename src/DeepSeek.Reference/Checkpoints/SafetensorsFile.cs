using System.Diagnostics.CodeAnalysis;

namespace DeepSeek.Reference;

/// <summary>One .safetensors file, memory-mapped; its tensors are used where they lie.</summary>
/// <remarks>
/// Tensors are read-only views of the mapping, also beyond 2 GiB and where their bytes are not aligned. They are usable until <see cref="Dispose"/>,
/// which alone unmaps the file; spans taken from them must not outlive it.
/// </remarks>
public sealed class SafetensorsFile : IDisposable
{
    private readonly MappedFile file;
    private readonly MappedStorage storage;
    private readonly SafetensorsHeader header;

    private SafetensorsFile(MappedFile file, SafetensorsHeader header)
    {
        this.file = file;
        this.header = header;
        storage = file.Storage();
    }

    /// <summary>The path as it was given.</summary>
    public string Path => file.Path;

    /// <summary>The tensors by name, in the order of their bytes in the file.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Entries => header.Entries;

    /// <summary>The file's own map of strings; empty where it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => header.Metadata;

    /// <summary>Maps a file and checks its header against its length.</summary>
    /// <exception cref="DataException">The file cannot be read or is not a sound safetensors file.</exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var file = new MappedFile(path);
        try
        {
            return new SafetensorsFile(file, SafetensorsHeader.Read(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The tensor of that name, without a copy.</summary>
    /// <exception cref="DataException">The file has no such tensor.</exception>
    public Tensor Get(string name) =>
        TryGet(name, out Tensor? tensor) ? tensor : throw new DataException($"{Path}: no tensor '{name}' among its {Entries.Count}; check the name or the file");

    /// <summary>The tensor of that name, without a copy; false where the file has none.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out Tensor? tensor)
    {
        ObjectDisposedException.ThrowIf(file.IsClosed, this);
        tensor = header.Entries.TryGetValue(name, out TensorEntry? entry) ? new Tensor(entry.DType, entry.Shape, storage, entry.FileOffset) : null;
        return tensor is not null;
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose() => file.Dispose();
}
