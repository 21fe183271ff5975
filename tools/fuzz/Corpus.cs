using System.Security.Cryptography;

namespace DeepSeek.Reference.Fuzz;

/// <summary>Bad files kept: FOLDER/TARGET/NAME/FILE, one file a folder, since readers look at the names of files.</summary>
internal static class Corpus
{
    /// <summary>Longer ones are left out: a corpus is read at every run of the tests.</summary>
    private const int Longest = 1024;

    /// <summary>The most of one target.</summary>
    private const int Most = 32;

    /// <summary>Writes the shortest files, one of each kind of message; its folder is named after its bytes.</summary>
    public static void Write(string folder, string target, IReadOnlyDictionary<string, NamedFile> kinds)
    {
        foreach (NamedFile file in kinds.Values.Where(f => f.Bytes.Length <= Longest).OrderBy(f => f.Bytes.Length).Take(Most))
        {
            string name = Convert.ToHexStringLower(SHA256.HashData(file.Bytes))[..10];
            string at = Directory.CreateDirectory(Path.Combine(folder, target, name)).FullName;
            File.WriteAllBytes(Path.Combine(at, file.Name), file.Bytes);
        }
    }
}
