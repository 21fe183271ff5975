namespace DeepSeek.Reference.Tool.Tests;

/// <summary>Where the pages lie that tests hold to the code.</summary>
internal static class Pages
{
    /// <summary>A page of docs/spec in the clone that the tests were built from.</summary>
    public static string PathOf(string name)
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string page = Path.Combine(directory.FullName, "docs", "spec", name);
            if (File.Exists(page))
                return page;
        }

        throw new DirectoryNotFoundException($"no folder above {AppContext.BaseDirectory} holds docs/spec/{name}; run the tests from a clone");
    }
}
