using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using Xunit;

namespace DeepSeek.Reference.Tests.House;

/// <summary>Documentation that cannot drift: links resolve, tables are the code's, samples compile, names exist.</summary>
public sealed partial class DocumentationTests
{
    private const string TableStart = "<!-- table -->\n";
    private const string TableEnd = "<!-- end of table -->";

    public static TheoryData<string> Pages => [.. Repository.Files("", ".md").Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_relative_link_resolves(string page)
    {
        string text = Fence().Replace(Repository.ReadText(page), "");
        foreach (Match link in Link().Matches(text))
        {
            string target = link.Groups["target"].Value;
            if (target.Contains("://", StringComparison.Ordinal))
                continue;
            string[] parts = target.Split('#');
            string file = parts[0].Length == 0 ? Repository.Path(page) : Path.Combine(Path.GetDirectoryName(Repository.Path(page))!, parts[0]);
            Assert.True(File.Exists(file) || Directory.Exists(file), $"{page} links to {target}, which does not exist");
            if (parts.Length > 1)
                Assert.True(Anchors(file).Contains(parts[1]), $"{page} links to {target}, but {parts[0]} has no such heading");
        }
    }

    [Fact]
    public void Every_page_that_the_code_names_exists()
    {
        string[] files = [.. Repository.Files("src", ".cs"), .. Repository.Files("tools", ".cs", ".py")];
        string[] broken = [.. files.SelectMany(f => PageName().Matches(Repository.ReadText(f)).Select(m => (File: f, Page: m.Value)))
            .Where(pair => !File.Exists(Repository.Path(pair.Page))).Select(pair => $"{pair.File} names {pair.Page}")];
        Assert.True(broken.Length == 0, string.Join('\n', broken));
    }

    [Fact]
    public void The_index_of_the_specification_lists_each_page()
    {
        string index = Repository.ReadText("docs", "spec", "README.md");
        string[] missing = [.. Repository.Files("docs/spec", ".md").Select(f => Path.GetFileName(f)!).Where(name => name != "README.md" && !index.Contains($"]({name})", StringComparison.Ordinal))];
        Assert.True(missing.Length == 0, $"docs/spec/README.md does not list {string.Join(", ", missing)}");
    }

    [Fact]
    public void The_dialect_table_is_that_of_the_presets()
    {
        string page = Repository.ReadText("docs", "spec", "dialects.md");
        int start = page.IndexOf(TableStart, StringComparison.Ordinal) + TableStart.Length;
        int end = page.IndexOf(TableEnd, StringComparison.Ordinal);
        Repository.Keep(page[..start] + DialectTable() + page[end..], "docs", "spec", "dialects.md");
    }

    [Fact]
    public void Each_decision_has_a_section()
    {
        string page = Repository.ReadText("docs", "spec", "dialects.md");
        string[] missing = [.. Decisions().Select(p => p.Name).Where(name => !page.Contains($"\n## {name}\n", StringComparison.Ordinal))];
        Assert.True(missing.Length == 0, $"docs/spec/dialects.md has no section for {string.Join(", ", missing)}");
    }

    [Fact]
    public void Each_CSharp_name_of_the_name_table_exists()
    {
        Dictionary<string, Type> types = typeof(Tensor).Assembly.GetExportedTypes().GroupBy(t => t.Name).ToDictionary(g => g.Key, g => g.First());
        foreach (Match name in CSharpName().Matches(Repository.ReadText("docs", "spec", "names.md")))
        {
            string type = name.Groups["type"].Value;
            Assert.True(types.ContainsKey(type), $"docs/spec/names.md names {type}, which is not public");
            if (name.Groups["member"] is { Success: true, Value: var member })
                Assert.True(types[type].GetMember(member).Length > 0, $"docs/spec/names.md names {type}.{member}, which does not exist");
        }
    }

    [Fact]
    public void The_quickstart_of_the_readme_is_the_one_that_compiles()
    {
        string readme = Repository.ReadText("README.md");
        int start = readme.IndexOf("```csharp\n", StringComparison.Ordinal) + "```csharp\n".Length;
        string shown = readme[start..readme.IndexOf("```", start, StringComparison.Ordinal)];
        Assert.Equal(Quickstart.Source(), shown);
        Assert.True(shown.Split('\n').Count(line => line.Trim().Length > 0) <= 10, "the quickstart is ten lines");
    }

    [Fact]
    public void No_text_names_a_path_of_a_machine()
    {
        foreach (string file in Repository.Files("", ".md", ".cs", ".csproj", ".props", ".sh", ".py", ".json", ".txt"))
        {
            Match path = MachinePath().Match(Repository.ReadText(file));
            Assert.False(path.Success, $"{file} names {path.Value}");
        }
    }

    private static IEnumerable<PropertyInfo> Decisions() => typeof(NumericContract).GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(p => p.Name is not ("Name" or "EqualityContract")).OrderBy(p => p.MetadataToken);

    private static string DialectTable()
    {
        var table = new StringBuilder();
        table.Append("| decision | ").AppendJoin(" | ", NumericContract.Presets.Select(p => p.Name)).Append(" |\n");
        table.Append("|---|").Insert(table.Length, "---|", NumericContract.Presets.Count).Append('\n');
        foreach (PropertyInfo decision in Decisions())
        {
            IEnumerable<string> answers = NumericContract.Presets.Select(p => Convert.ToString(decision.GetValue(p), CultureInfo.InvariantCulture)!);
            table.Append($"| [{decision.Name}](#{decision.Name.ToLowerInvariant()}) | ").AppendJoin(" | ", answers).Append(" |\n");
        }

        return table.ToString();
    }

    private static HashSet<string> Anchors(string file) =>
        [.. File.ReadLines(file).Where(line => line.StartsWith('#')).Select(line => NotInAnchor().Replace(line.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-'))];

    [GeneratedRegex(@"```.*?```", RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\bdocs/[\w/-]+\.md\b")]
    private static partial Regex PageName();

    [GeneratedRegex(@"[^\p{L}\p{N} _-]")]
    private static partial Regex NotInAnchor();

    [GeneratedRegex(@"`(?<type>[A-Z]\w+)(\.(?<member>[A-Z]\w+))?`")]
    private static partial Regex CSharpName();

    [GeneratedRegex(@"(?<![\w.*/}])/(work|farm|root|home|Users)/\w+|[A-Z]:\\\\?(Users|src)")]
    private static partial Regex MachinePath();
}
