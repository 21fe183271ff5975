using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>Where goldens come from: a golden/ folder, or the copy embedded in the tool. Embedded oracles are unpacked to a temporary folder when asked for.</summary>
internal sealed class GoldenSource : IDisposable
{
    private const string Prefix = "golden/";
    private const string ManifestName = "manifest.jsonl";

    private readonly string? folder;
    private string? unpacked;

    public GoldenSource(string? folder)
    {
        this.folder = folder;
        // Ctrl-C may leave a command in the middle of its work (Interruptible).
        AppDomain.CurrentDomain.ProcessExit += RemoveAtExit;
    }

    /// <summary>What messages call it.</summary>
    public string Name => folder ?? "embedded golden";

    /// <summary>The manifest.</summary>
    /// <exception cref="GoldenException">It is missing or damaged.</exception>
    public GoldenManifest Manifest()
    {
        if (folder is null)
        {
            using Stream stream = Resource(Prefix + ManifestName) ?? throw new GoldenException("this build of the tool holds no manifest; name a folder with --golden");
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            return GoldenManifest.Parse(bytes.ToArray(), Prefix + ManifestName);
        }

        string path = Path.Combine(folder, ManifestName);
        if (!File.Exists(path))
            throw new GoldenException($"{path}: no such file; name the folder that holds {ManifestName}, or make it with `dsref gen --update`");
        return GoldenManifest.Parse(File.ReadAllBytes(path), path);
    }

    /// <summary>The oracle folders that hold a model (name, path), by name.</summary>
    public IReadOnlyList<(string Name, string Path)> Oracles()
    {
        string root = Path.Combine(folder ?? Unpack(), "oracles");
        if (!Directory.Exists(root))
            return [];
        return [.. Directory.GetDirectories(root).Order(StringComparer.Ordinal).Where(ModelCase.IsCase).Select(d => (Path.GetFileName(d), d))];
    }

    /// <summary>Removes what was unpacked.</summary>
    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= RemoveAtExit;
        if (unpacked is null)
            return;
        try
        {
            Directory.Delete(unpacked, recursive: true);
        }
        catch (IOException)
        {
            // A scanner may hold a file for a moment; the folder is in the system's temporary directory, which is its own to clear.
        }

        unpacked = null;
    }

    private void RemoveAtExit(object? sender, EventArgs e) => Dispose();

    private string Unpack()
    {
        if (unpacked is not null)
            return unpacked;
        unpacked = Directory.CreateTempSubdirectory("dsref-").FullName;
        foreach (string name in typeof(GoldenSource).Assembly.GetManifestResourceNames())
        {
            string inside = name.Replace('\\', '/');
            if (!inside.StartsWith(Prefix + "oracles/", StringComparison.Ordinal))
                continue;
            string path = Path.Combine(unpacked, inside[Prefix.Length..]);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using Stream from = typeof(GoldenSource).Assembly.GetManifestResourceStream(name)!;
            using FileStream to = File.Create(path);
            from.CopyTo(to);
        }

        return unpacked;
    }

    private static Stream? Resource(string name) => typeof(GoldenSource).Assembly.GetManifestResourceStream(name);
}
