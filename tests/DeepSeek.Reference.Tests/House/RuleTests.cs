using System.Text;
using System.Text.RegularExpressions;
using Xunit;

namespace DeepSeek.Reference.Tests.House;

/// <summary>Each rule of docs/spec/contract.md is held by tests that carry its number, and docs/spec/held-by.md lists them.</summary>
public sealed partial class RuleTests
{
    private const int Rules = 29;

    /// <summary>Rules that no test can hold yet, each with its reason.</summary>
    private static readonly Dictionary<int, string> HeldOtherwise = [];

    [Fact]
    public void The_contract_states_each_rule_once()
    {
        int[] stated = [.. Heading().Matches(Repository.ReadText("docs", "spec", "contract.md")).Select(m => int.Parse(m.Groups[1].Value))];
        Assert.Equal(Enumerable.Range(1, Rules), stated);
    }

    [Fact]
    public void Each_rule_is_named_by_a_test()
    {
        ILookup<int, string> held = Held();
        int[] free = [.. Enumerable.Range(1, Rules).Where(rule => !held.Contains(rule) && !HeldOtherwise.ContainsKey(rule))];
        Assert.True(free.Length == 0, $"no test is named Rule_N{string.Join("_..., none Rule_N", free)}_...");
        int[] stale = [.. HeldOtherwise.Keys.Where(held.Contains)];
        Assert.True(stale.Length == 0, $"rule {string.Join(", ", stale)} is held by a test now: take it off the list");
    }

    [Fact]
    public void No_test_names_a_rule_that_does_not_exist() =>
        Assert.DoesNotContain(Held(), group => group.Key is < 1 or > Rules);

    [Fact]
    public void The_listing_of_rules_and_tests_is_current()
    {
        var page = new StringBuilder("# Which tests hold which rule\n\nWritten from the tests' names; see CONTRIBUTING.md, \"Listings\".\n");
        ILookup<int, string> held = Held();
        for (int rule = 1; rule <= Rules; rule++)
        {
            page.Append($"\n## N{rule}\n\n");
            if (HeldOtherwise.TryGetValue(rule, out string? reason))
                page.Append(reason).Append('\n');
            foreach (string test in held[rule].Distinct().Order(StringComparer.Ordinal))
                page.Append("- ").Append(test).Append('\n');
        }

        Repository.Keep(page.ToString(), "docs", "spec", "held-by.md");
    }

    /// <summary>Rule number to "Class: the rest of the test's name as words", from the sources of all tests.</summary>
    private static ILookup<int, string> Held() => (
        from file in Repository.Files("tests", ".cs")
        where !file.EndsWith("RuleTests.cs", StringComparison.Ordinal)
        from test in TestName().Matches(Repository.ReadText(file))
        from number in Number().Matches(test.Groups["rules"].Value)
        select (Rule: int.Parse(number.Value), Test: $"{Path.GetFileNameWithoutExtension(file)}: {test.Groups["words"].Value.Replace('_', ' ')}"))
        .ToLookup(pair => pair.Rule, pair => pair.Test);

    [GeneratedRegex(@"^## N(\d+)\. ", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"\bRule(?<rules>(_N\d+)+)_(?<words>\w+)\(")]
    private static partial Regex TestName();

    [GeneratedRegex(@"\d+")]
    private static partial Regex Number();
}
