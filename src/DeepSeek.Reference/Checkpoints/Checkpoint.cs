using System.Diagnostics.CodeAnalysis;

namespace DeepSeek.Reference;

/// <summary>A model directory's weights: one safetensors file, or shards under an index. Tensors are used where they lie.</summary>
/// <remarks>
/// <c>model.safetensors</c> if it is there; else <c>model.safetensors.index.json</c> with its shards, each mapped when first needed; else the
/// directory's only safetensors file. Reading is safe from several threads; <see cref="Dispose"/> ends every tensor.
/// </remarks>
public sealed class Checkpoint : IDisposable
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, SafetensorsFile> open = [];
    private readonly OrderedDictionary<string, string> fileOf;
    private bool closed;

    private Checkpoint(string directory, OrderedDictionary<string, string> fileOf)
    {
        Directory = directory;
        this.fileOf = fileOf;
    }

    /// <summary>The directory as it was given.</summary>
    public string Directory { get; }

    /// <summary>The tensors' names: of one file in the order of its bytes, of shards in the order of the index.</summary>
    public IReadOnlyList<string> Names => fileOf.Keys;

    /// <summary>Opens a model directory.</summary>
    /// <exception cref="DataException">It holds no weights, or its index or only file is not sound.</exception>
    public static Checkpoint Open(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        if (!System.IO.Directory.Exists(directory))
            throw new DataException($"{directory}: {(File.Exists(directory) ? "a file where a model directory is expected" : "no such directory")}; name the directory that holds config.json");

        string single = Path.Combine(directory, "model.safetensors");
        if (File.Exists(single))
            return OpenSingle(directory, single);
        if (File.Exists(Path.Combine(directory, CheckpointIndex.FileName)))
            return new Checkpoint(directory, CheckpointIndex.Read(directory));

        if (System.IO.Directory.Exists(single))
            throw new DataException($"{single}: is a directory where a file is expected; put the weights in its place");
        string[] found = List(directory);
        return found.Length switch
        {
            1 => OpenSingle(directory, found[0]),
            0 => throw new DataException($"{directory}: no safetensors file; copy model.safetensors, or the shards with {CheckpointIndex.FileName}, into it"),
            _ => throw new DataException($"{directory}: {found.Length} safetensors files and no {CheckpointIndex.FileName}; copy the index, or name the weights model.safetensors"),
        };
    }

    /// <summary>Whether a tensor of that name is there.</summary>
    public bool Contains(string name) => fileOf.ContainsKey(name);

    /// <summary>The path of the file that holds a tensor.</summary>
    /// <exception cref="DataException">There is no such tensor.</exception>
    public string FileOf(string name) =>
        fileOf.TryGetValue(name, out string? path) ? path : throw new DataException($"{Directory}: no tensor '{name}' among its {fileOf.Count}; check that the weights belong to the config");

    /// <summary>What the header says of a tensor; its shard is mapped if it is not yet.</summary>
    /// <exception cref="DataException">There is no such tensor, or its shard is not sound.</exception>
    public TensorEntry Entry(string name) => Find(name).Entry;

    /// <summary>The tensor of that name, without a copy; its shard is mapped if it is not yet.</summary>
    /// <exception cref="DataException">There is no such tensor, or its shard is not sound.</exception>
    public Tensor Get(string name) => Find(name).File.Get(name);

    /// <summary>The tensor of that name; false where there is none.</summary>
    /// <exception cref="DataException">Its shard is not sound.</exception>
    public bool TryGet(string name, [NotNullWhen(true)] out Tensor? tensor)
    {
        tensor = Contains(name) ? Get(name) : null;
        return tensor is not null;
    }

    /// <summary>Unmaps every file.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            closed = true;
            foreach (SafetensorsFile file in open.Values)
                file.Dispose();
            open.Clear();
        }
    }

    private static Checkpoint OpenSingle(string directory, string path)
    {
        SafetensorsFile file = SafetensorsFile.Open(path);
        var fileOf = new OrderedDictionary<string, string>(file.Entries.Count);
        foreach (string name in file.Entries.Keys)
            fileOf.Add(name, path);
        var checkpoint = new Checkpoint(directory, fileOf);
        checkpoint.open.Add(path, file);
        return checkpoint;
    }

    private static string[] List(string directory)
    {
        try
        {
            // A model case's oracle lies beside the weights and is not one of them.
            return [.. System.IO.Directory.GetFiles(directory, "*.safetensors").Where(f => Path.GetFileName(f) != "oracle.safetensors")];
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(directory, e);
        }
    }

    private (SafetensorsFile File, TensorEntry Entry) Find(string name)
    {
        string path = FileOf(name);
        SafetensorsFile? file;
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(closed, this);
            if (!open.TryGetValue(path, out file))
            {
                file = SafetensorsFile.Open(path);
                open.Add(path, file);
            }
        }

        if (!file.Entries.TryGetValue(name, out TensorEntry? entry))
            throw new DataException($"{path}: no tensor '{name}', which {Path.Combine(Directory, CheckpointIndex.FileName)} places there; copy the shard or the index again");
        return (file, entry);
    }
}
