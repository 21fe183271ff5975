namespace DeepSeek.Reference;

/// <summary>The tensors of one .safetensors, .npz or .npy file by name, whichever it is.</summary>
/// <remarks>A .npy file has one tensor, named <c>arr_0</c> as NumPy names an array without a name. Tensors of .safetensors are mapped and end with <see cref="Dispose"/>.</remarks>
public sealed class TensorFile : IDisposable
{
    private readonly IDisposable? owner;

    private TensorFile(string path, IReadOnlyDictionary<string, Tensor> tensors, IDisposable? owner)
    {
        Path = path;
        Tensors = tensors;
        this.owner = owner;
    }

    /// <summary>The path as it was given.</summary>
    public string Path { get; }

    /// <summary>The tensors by name, in the order of the file.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors { get; }

    /// <summary>Reads a file by its extension.</summary>
    /// <exception cref="DataException">The extension is none of the three, or the file is not sound.</exception>
    public static TensorFile Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return System.IO.Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".safetensors" => Map(path),
            ".npz" => new TensorFile(path, NpzFile.Read(path), null),
            ".npy" => new TensorFile(path, new OrderedDictionary<string, Tensor> { ["arr_0"] = NumpyFile.Read(path) }, null),
            _ => throw new DataException($"{path}: the extension is none of .safetensors, .npz, .npy; rename or convert the file"),
        };
    }

    /// <summary>Tensors in memory, as if they came from a file.</summary>
    /// <param name="path">What messages call it.</param>
    /// <param name="tensors">The tensors by name.</param>
    internal static TensorFile Of(string path, IReadOnlyDictionary<string, Tensor> tensors) => new(path, tensors, null);

    /// <summary>The tensor of that name.</summary>
    /// <exception cref="DataException">The file has no such tensor.</exception>
    public Tensor Get(string name) => Tensors.TryGetValue(name, out Tensor? tensor) ? tensor : throw new DataException($"{Path}: no tensor '{name}' among its {Tensors.Count}; check the name or the file");

    /// <summary>Unmaps the file; tensors of .npz and .npy stay.</summary>
    public void Dispose() => owner?.Dispose();

    private static TensorFile Map(string path)
    {
        SafetensorsFile file = SafetensorsFile.Open(path);
        var tensors = new OrderedDictionary<string, Tensor>(file.Entries.Count);
        foreach (string name in file.Entries.Keys)
            tensors.Add(name, file.Get(name));
        return new TensorFile(path, tensors, file);
    }
}
