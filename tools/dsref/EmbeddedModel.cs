using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>The model that the tool brings along (golden/model), for verbs that no other is named to: unpacked to a temporary folder once a process, removed when it ends.</summary>
internal static class EmbeddedModel
{
    /// <summary>What the options that name a model say of it.</summary>
    public const string Default = "without it the small model that the tool brings along";

    private const string Prefix = "golden/model/";
    private static readonly Lazy<string> Unpacked = new(Unpack);

    /// <summary>Its directory.</summary>
    /// <exception cref="GoldenException">This build holds none.</exception>
    public static string Directory => Unpacked.Value;

    private static string Unpack()
    {
        string[] names = [.. GoldenSource.EmbeddedNames.Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))];
        if (names.Length == 0)
            throw new GoldenException("this build of the tool holds no model; name one with --model");
        string folder = System.IO.Directory.CreateTempSubdirectory("dsref-model-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Remove(folder);
        foreach (string name in names)
            File.WriteAllBytes(Path.Combine(folder, name[Prefix.Length..]), GoldenSource.Embedded(name));
        return folder;
    }

    private static void Remove(string folder)
    {
        try
        {
            System.IO.Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Where a mapped file cannot be removed it stays in the system's temporary directory, which is its own to clear.
        }
    }
}
