using System.Text.RegularExpressions;
using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Tool;

/// <summary>Plug-ins by their file: <c>--backend ./libmine.so</c> is run by dsref-host (docs/spec/worker.md 6).</summary>
internal static partial class PluginHost
{
    private const string Host = "dsref-host";

    /// <summary>The library that a backend's name is, or null for a command.</summary>
    public static string? LibraryOf(string backend) =>
        !SharedOptions.IsCommand(backend) || CommandWords.Split(backend) is not [var word] || !Library().IsMatch(word) ? null : word;

    /// <summary>The command that runs a backend: a library's is dsref-host, which lies beside this tool or on the path.</summary>
    /// <exception cref="ContractException">There is no dsref-host.</exception>
    public static string CommandOf(string backend)
    {
        if (LibraryOf(backend) is not { } library)
            return backend;
        IEnumerable<string> folders = [AppContext.BaseDirectory, .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)];
        string host = folders.Select(f => Path.Combine(f, Host)).FirstOrDefault(File.Exists)
            ?? throw new ContractException($"{library} is run by {Host}, which is neither beside this tool nor on the path; compile it (docs/spec/worker.md 6), or load the library here with --in-process");
        return $"{Quoted(host)} {Quoted(library)}";
    }

    private static string Quoted(string word) => '"' + word.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + '"';

    [GeneratedRegex(@"\.(so(\.[0-9]+)*|dylib|dll)$", RegexOptions.IgnoreCase)]
    private static partial Regex Library();
}
