namespace DeepSeek.Reference.Tests;

/// <summary>Where the repository's golden/ folder lies, found upwards from the test's own binaries.</summary>
internal static class Golden
{
    private static readonly string Root = Find();

    /// <summary>A path under golden/.</summary>
    public static string Path(params string[] parts) => System.IO.Path.Combine([Root, .. parts]);

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "DeepSeek.Reference.sln")))
                return System.IO.Path.Combine(folder.FullName, "golden");
        }

        throw new DirectoryNotFoundException($"no DeepSeek.Reference.sln above {AppContext.BaseDirectory}");
    }
}
