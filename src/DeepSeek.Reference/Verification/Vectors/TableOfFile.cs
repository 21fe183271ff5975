using System.Text.RegularExpressions;

namespace DeepSeek.Reference.Verification;

/// <summary>Which table a file of comma-separated values is: from its first line, and the words of its name.</summary>
internal static partial class TableOfFile
{
    private static readonly (string Word, string Format)[] Formats =
        [("e4m3fn", "e4m3fn"), ("e4m3", "e4m3fn"), ("e5m2", "e5m2"), ("e8m0fnu", "e8m0fnu"), ("e8m0", "e8m0fnu"), ("ue8m0", "e8m0fnu"), ("bf16", "bf16"), ("fp16", "fp16")];

    /// <summary>The kind that <see cref="VectorTables"/> takes, or none where the first line is no table's.</summary>
    /// <exception cref="DataException">The file cannot be read, or is a table of which the name tells too little.</exception>
    public static string? Kind(string path)
    {
        string header = VectorLines.Read(path).FirstOrDefault() ?? "";
        string[] words = [.. Word().Matches(Path.GetFileName(path).ToLowerInvariant()).Select(m => m.Value)];
        string? format = Formats.FirstOrDefault(f => words.Contains(f.Word)).Format;
        string? function = ExhaustiveFunctions.Names.FirstOrDefault(name => words.Contains(name) || words.Contains(name + "f"));
        (string? kind, string? of, string sought) = (header.IndexOf(',', StringComparison.Ordinal) is var comma and >= 0 ? header[..comma] : header) switch
        {
            "code" => ("decode", format, "a format, such as e4m3fn"),
            "f32_bits" => ("encode", format, "a format, such as e4m3fn"),
            "x_bits" => ("function", function, "a function, such as exp"),
            _ => ((string?)null, (string?)null, ""),
        };
        if (kind is null)
            return null;
        return of is not null ? $"{kind} {of}" : throw new DataException($"{path}:1: is a table of kind '{kind}', but the file's name does not say of what; name it after {sought}");
    }

    [GeneratedRegex("[a-z0-9]+")]
    private static partial Regex Word();
}
