using System.IO.Compression;
using System.Reflection;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>Where goldens come from: a golden/ folder, or the copy embedded in the tool, each file compressed (Brotli). Embedded oracles are unpacked to a temporary folder when asked for.</summary>
internal sealed class GoldenSource : IDisposable
{
    private const string Prefix = "golden/";
    private const string ManifestName = "manifest.jsonl";

    private readonly string? folder;
    private readonly Lock gate = new();
    private string? unpacked;
    private bool removed;

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
            if (!EmbeddedNames.Contains(Prefix + ManifestName))
                throw new GoldenException("this build of the tool holds no manifest; name a folder with --golden");
            return GoldenManifest.Parse(Embedded(Prefix + ManifestName), Prefix + ManifestName);
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

    /// <summary>Removes what was unpacked, and lets nothing more be: a signal may end the process while another thread unpacks.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            removed = true;
            if (unpacked is not null)
                Remove(unpacked);
            unpacked = null;
        }

        // Last: an exit meanwhile comes here too, and waits for the removal that another thread has begun.
        AppDomain.CurrentDomain.ProcessExit -= RemoveAtExit;
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (IOException)
        {
            // A scanner may hold a file for a moment; the folder is in the system's temporary directory, which is its own to clear.
        }
    }

    private void RemoveAtExit(object? sender, EventArgs e) => Dispose();

    private string Unpack()
    {
        lock (gate)
        {
            if (unpacked is not null)
                return unpacked;
            RequireOpen();
            unpacked = Directory.CreateTempSubdirectory("dsref-").FullName;
        }

        string root = unpacked;
        foreach (string name in EmbeddedNames.Where(n => n.StartsWith(Prefix + "oracles/", StringComparison.Ordinal)))
        {
            byte[] bytes = Embedded(name);
            string path = Path.Combine(root, name[Prefix.Length..]);
            lock (gate)
            {
                RequireOpen();
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.WriteAllBytes(path, bytes);
            }
        }

        return root;
    }

    private void RequireOpen()
    {
        if (removed)
            throw new OperationCanceledException("the goldens are removed: the process ends");
    }

    /// <summary>The embedded files whose bytes are not those of the folder.</summary>
    public static IEnumerable<string> Stale(string folder) => EmbeddedNames.Where(name =>
    {
        string path = Path.Combine(folder, name[Prefix.Length..]);
        return !File.Exists(path) || !File.ReadAllBytes(path).AsSpan().SequenceEqual(Embedded(name));
    });

    /// <summary>The files that the tool embeds, as golden/NAME.</summary>
    public static IReadOnlyList<string> EmbeddedNames { get; } =
        [.. typeof(GoldenSource).Assembly.GetManifestResourceNames().Select(n => n.Replace('\\', '/')).Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    /// <summary>The bytes of an embedded file.</summary>
    public static byte[] Embedded(string name)
    {
        using var bytes = new MemoryStream();
        using (var unpacking = new BrotliStream(Compressed(name), CompressionMode.Decompress))
            unpacking.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>An embedded file as the tool carries it.</summary>
    public static Stream Compressed(string name)
    {
        Assembly tool = typeof(GoldenSource).Assembly;
        return tool.GetManifestResourceStream(tool.GetManifestResourceNames().First(n => n.Replace('\\', '/') == name))!;
    }
}
