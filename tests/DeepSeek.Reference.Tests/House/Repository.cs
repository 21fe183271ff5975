using Xunit;

namespace DeepSeek.Reference.Tests.House;

/// <summary>The working tree that the tests were built from: its folders, its text files, and the files that tests keep true.</summary>
internal static class Repository
{
    /// <summary>Set to 1 to let a test write the listing it would otherwise compare; ignored where CI=true.</summary>
    public const string ApproveVariable = "DSREF_APPROVE";

    public static string Root { get; } = FindRoot();

    public static string Path(params ReadOnlySpan<string> parts) => System.IO.Path.Combine([Root, .. parts]);

    public static string ReadText(params ReadOnlySpan<string> parts) => File.ReadAllText(Path(parts)).ReplaceLineEndings("\n");

    /// <summary>Files of the tree with one of the extensions, relative to its root with forward slashes; build output and data left out.</summary>
    public static IEnumerable<string> Files(string folder, params string[] extensions)
    {
        string start = folder.Length == 0 ? Root : Path(folder);
        var pending = new Stack<string>([start]);
        while (pending.TryPop(out string? directory))
        {
            foreach (string child in Directory.EnumerateDirectories(directory))
            {
                string name = System.IO.Path.GetFileName(child);
                if (name is not ("bin" or "obj" or ".git" or "golden" or "artifacts" or "TestResults" or "__pycache__" or ".vs"))
                    pending.Push(child);
            }

            foreach (string file in Directory.EnumerateFiles(directory))
            {
                if (extensions.Contains(System.IO.Path.GetExtension(file)))
                    yield return System.IO.Path.GetRelativePath(Root, file).Replace('\\', '/');
            }
        }
    }

    /// <summary>The kept file says what the code says; with <see cref="ApproveVariable"/> it is written first.</summary>
    public static void Keep(string actual, params ReadOnlySpan<string> parts)
    {
        string path = Path(parts);
        if (Environment.GetEnvironmentVariable(ApproveVariable) == "1" && Environment.GetEnvironmentVariable("CI") != "true")
            File.WriteAllText(path, actual);
        string kept = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";
        if (kept == actual)
            return;

        string[] was = kept.Split('\n');
        string[] now = actual.Split('\n');
        string[] gone = [.. was.Except(now).Take(20).Select(line => "- " + line)];
        string[] come = [.. now.Except(was).Take(20).Select(line => "+ " + line)];
        Assert.Fail($"{System.IO.Path.GetRelativePath(Root, path)} is not what the code says; see CONTRIBUTING.md, 'Listings'.\n{string.Join('\n', gone.Concat(come))}");
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(directory.FullName, "DeepSeek.Reference.sln")))
                return directory.FullName;
        }

        throw new DirectoryNotFoundException($"no folder above {AppContext.BaseDirectory} holds DeepSeek.Reference.sln; run the tests from a clone");
    }
}
