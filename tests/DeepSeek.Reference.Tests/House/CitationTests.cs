using System.Text.RegularExpressions;
using Xunit;

namespace DeepSeek.Reference.Tests.House;

/// <summary>The repository stands alone: every page that a text file cites is in it, and every section of its pages that is cited by number.</summary>
public sealed partial class CitationTests
{
    /// <summary>Copied with its data, as it was written elsewhere.</summary>
    private const string Copied = "golden/oracles/";

    private static readonly string[] Extensions = ["", ".md", ".cs", ".py", ".sh", ".csproj", ".props", ".sln", ".txt", ".json", ".editorconfig", ".gitattributes", ".gitignore"];

    [Fact]
    public void Every_page_that_a_text_file_cites_is_in_the_repository()
    {
        HashSet<string> names = [.. Texts().Where(f => f.EndsWith(".md", StringComparison.Ordinal)).Select(f => Path.GetFileName(f)!)];
        string[] broken = [.. Citations(Page()).Where(c => !Exists(c.File, c.Cited.Value, names)).Select(c => $"{c.File} cites {c.Cited.Value}").Distinct()];
        Assert.True(broken.Length == 0, string.Join('\n', broken));
    }

    [Fact]
    public void Every_section_that_is_cited_by_number_is_in_its_page()
    {
        var broken = new List<string>();
        foreach ((string file, Match cited) in Citations(Section()))
        {
            string[] places = [.. new[] { "spec", "how-to" }.Select(folder => Repository.Path("docs", folder, cited.Groups["page"].Value))];
            string page = places.FirstOrDefault(File.Exists, places[0]);
            string headings = File.Exists(page) ? string.Join('\n', File.ReadLines(page).Where(line => line.StartsWith('#'))) + "\n" : "";
            IEnumerable<string> numbers = Number().Matches(cited.Groups["numbers"].Value).Select(n => n.Value);
            broken.AddRange(numbers.Where(n => !Regex.IsMatch(headings, $@"^#+ {Regex.Escape(n)}\.? ", RegexOptions.Multiline)).Select(n => $"{file} cites {cited.Value}, which has no section {n}"));
        }

        Assert.True(broken.Count == 0, string.Join('\n', broken));
    }

    /// <summary>With a folder, the page lies there from the root or from the citing file; a bare name is that of some page.</summary>
    private static bool Exists(string file, string cited, HashSet<string> names) => cited.Contains('/', StringComparison.Ordinal)
        ? File.Exists(Repository.Path(cited)) || File.Exists(Path.Combine(Path.GetDirectoryName(Repository.Path(file))!, cited))
        : names.Contains(cited);

    private static IEnumerable<(string File, Match Cited)> Citations(Regex pattern) =>
        Texts().Where(f => !f.StartsWith(Copied, StringComparison.Ordinal)).SelectMany(f => pattern.Matches(Repository.ReadText(f)).Select(m => (f, m)));

    private static IEnumerable<string> Texts() => Repository.Files("", Extensions).Concat(Repository.Files("golden", Extensions));

    /// <summary>A path that ends in the extension; not one that a variable or an address begins.</summary>
    [GeneratedRegex(@"(?<![\w$}*/.\\-])[\w.][\w./-]*\.md\b")]
    private static partial Regex Page();

    /// <summary>A page and its sections: mla.md 2; a link to it and 4; rope.md 1, 2 and 4. "2 to 4" names both ends.</summary>
    [GeneratedRegex(@"(?<page>[a-z][a-z0-9-]+\.md)\)? (?<numbers>\d+(\.\d+)?((, | and | to )\d+(\.\d+)?)*)")]
    private static partial Regex Section();

    [GeneratedRegex(@"\d+(\.\d+)?")]
    private static partial Regex Number();
}
