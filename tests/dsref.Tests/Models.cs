namespace DeepSeek.Reference.Tool.Tests;

/// <summary>The oracles embedded in the tool, unpacked once for all tests, and a folder for what tests write.</summary>
public sealed class Models : IDisposable
{
    private readonly GoldenSource source = new(null);
    private int files;

    public Models() => Folder = Directory.CreateTempSubdirectory("dsref-tests-").FullName;

    /// <summary>Where tests write.</summary>
    public string Folder { get; }

    /// <summary>The directory of an oracle.</summary>
    public string this[string name] => source.Oracles().Single(o => o.Name == name).Path;

    /// <summary>A path nobody has used.</summary>
    public string NewPath(string extension = "") => Path.Combine(Folder, $"{Interlocked.Increment(ref files)}{extension}");

    /// <summary>A copy of an oracle's directory that a test may damage.</summary>
    public string Copy(string name)
    {
        string copy = Directory.CreateDirectory(NewPath()).FullName;
        foreach (string file in Directory.GetFiles(this[name]))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        return copy;
    }

    /// <summary>A file with that text.</summary>
    public string Write(string text, string extension)
    {
        string path = NewPath(extension);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose()
    {
        source.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
