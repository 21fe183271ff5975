using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>Compares golden/showcase with what the cases give now, and writes it.</summary>
internal static class ShowcaseFiles
{
    private const string Extension = ".safetensors";

    /// <summary>What would change, a line a file.</summary>
    public static IEnumerable<string> Differences(string folder, IBackend backend)
    {
        foreach ((string name, string path, byte[] bytes) in Made(folder, backend))
        {
            if (!File.Exists(path))
                yield return $"+ {Showcase.Folder}/{name}";
            else if (!File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes))
                yield return $"~ {Showcase.Folder}/{name}";
        }

        foreach (string path in Unknown(folder))
            yield return $"- {Showcase.Folder}/{Path.GetFileNameWithoutExtension(path)}";
    }

    /// <summary>Exit 1 if a file would change.</summary>
    public static int Check(string folder, IBackend backend, Terminal terminal)
    {
        string[] changes = [.. Differences(folder, backend)];
        foreach (string line in changes)
            terminal.Out.WriteLine(line);
        if (changes.Length == 0)
        {
            terminal.Out.WriteLine($"{Showcase.Cases.Count} showcase files, no byte would change");
            return ExitCode.Pass;
        }

        terminal.Fail($"{Path.Combine(folder, Showcase.Folder)} would change; find out why, then `dsref gen --update --reason TEXT` if the change is meant");
        return ExitCode.Mismatch;
    }

    /// <summary>Writes every file, and removes those that no case has.</summary>
    public static void Write(string folder, IBackend backend)
    {
        Directory.CreateDirectory(Path.Combine(folder, Showcase.Folder));
        foreach ((_, string path, byte[] bytes) in Made(folder, backend))
            AtomicFile.Write(path, stream => stream.Write(bytes));
        foreach (string path in Unknown(folder))
            File.Delete(path);
    }

    private static IEnumerable<(string Name, string Path, byte[] Bytes)> Made(string folder, IBackend backend) =>
        Showcase.Cases.Select(c => (c.Name, Path.Combine(folder, Showcase.Folder, c.Name + Extension), Showcase.File(OperationCase.Parse(c.Id), backend)));

    private static string[] Unknown(string folder)
    {
        string showcase = Path.Combine(folder, Showcase.Folder);
        return !Directory.Exists(showcase)
            ? []
            : [.. Directory.GetFiles(showcase, "*" + Extension).Where(f => Showcase.Cases.All(c => c.Name != Path.GetFileNameWithoutExtension(f))).Order(StringComparer.Ordinal)];
    }
}
