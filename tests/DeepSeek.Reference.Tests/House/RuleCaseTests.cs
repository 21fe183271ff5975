using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using DeepSeek.Reference.Tests.Rules;
using Xunit;

namespace DeepSeek.Reference.Tests.House;

/// <summary>Which kept cases would fail if a rule were broken: each rule is broken in turn, and the goldens are seen to change.</summary>
public sealed partial class RuleCaseTests
{
    private const int Named = 6;

    /// <summary>Mutant to the ids of the cases that it fails.</summary>
    private static readonly Dictionary<string, Lazy<string[]>> Failing = Mutants.All.ToDictionary(m => m.Name, m => new Lazy<string[]>(() => [.. m.Fails(GoldenCases.All)]));

    public static TheoryData<string> Names => [.. Mutants.All.Select(m => m.Name)];

    [Fact]
    public void The_definition_that_mutants_change_gives_every_kept_digest_when_nothing_is_changed()
    {
        var unchanged = new MutableDefinition(new Arithmetic());
        string[] other = [.. GoldenCases.All.Small.Where(c => MutableDefinition.Reach.Contains(c.Case.Operation) && c.Differs(unchanged)).Select(c => c.Golden.Id)];
        Assert.True(other.Length == 0, string.Join('\n', other.Take(20)));
        Assert.Empty(Mutants.Unchanged.Fails(GoldenCases.All));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_broken_rule_changes_goldens(string mutant) => Assert.NotEmpty(Failing[mutant].Value);

    [Fact]
    public void Every_stated_rule_is_broken_by_a_mutant_or_says_why_not()
    {
        int[] stated = [.. Heading().Matches(Repository.ReadText("docs", "spec", "contract.md")).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))];
        Assert.Equal([], stated.Where(rule => Mutants.All.All(m => m.Rule != rule) && !Mutants.HeldOtherwise.ContainsKey(rule)));
        Assert.Equal(Mutants.All.Count, Mutants.All.Select(m => m.Name).Distinct().Count());
    }

    [Fact]
    public void The_listing_of_rules_and_cases_is_current()
    {
        var page = new StringBuilder();
        page.Append($"""
            # Which cases hold which rule

            Written by a test that breaks each rule of [contract.md](contract.md) in turn, one sentence at a time, and runs every kept case of at most {GoldenCases.Limit} multiply-adds and the small
            models: {GoldenCases.All.Small.Count} operation cases and {GoldenCases.All.Models.Count} models' outputs of the {GoldenCases.All.Count} lines of golden/manifest.jsonl. A case is listed where its digest then differs from the kept one. With nothing
            broken the same definition gives every kept digest. {Mutants.All.Count} mutants; each changes at least one golden. Every pair of case and mutant: [cases-and-rules.txt](cases-and-rules.txt). How to write the listing anew:
            CONTRIBUTING.md, "Listings".

            """);
        foreach (IGrouping<int, Mutant> rule in Mutants.All.GroupBy(m => m.Rule).OrderBy(g => g.Key))
        {
            int cases = rule.SelectMany(m => Failing[m.Name].Value).Distinct().Count();
            page.Append(CultureInfo.InvariantCulture, $"\n## N{rule.Key}: {cases} cases\n");
            foreach (Mutant mutant in rule)
                Append(page, mutant);
        }

        page.Append("\n## Rules without a mutant\n\n");
        foreach ((int rule, string reason) in Mutants.HeldOtherwise)
            page.Append(CultureInfo.InvariantCulture, $"- N{rule}: {reason}\n");
        Repository.Keep(page.ToString().ReplaceLineEndings("\n"), "docs", "spec", "rules-and-cases.md");
    }

    [Fact]
    public void The_listing_of_cases_and_rules_is_current()
    {
        ILookup<string, string> byCase = Mutants.All.SelectMany(m => Failing[m.Name].Value.Select(id => (Id: id, m.Name))).ToLookup(p => p.Id, p => p.Name);
        var text = new StringBuilder();
        foreach (IGrouping<string, string> found in byCase.OrderBy(g => g.Key, StringComparer.Ordinal))
            text.Append(found.Key).Append(' ').AppendJoin(' ', found).Append('\n');
        Repository.Keep(text.ToString(), "docs", "spec", "cases-and-rules.txt");
    }

    /// <summary>A mutant, its count of cases by operation, and the shortest ids.</summary>
    private static void Append(StringBuilder page, Mutant mutant)
    {
        string[] ids = Failing[mutant.Name].Value;
        string counts = string.Join(", ", ids.GroupBy(id => id.Split('[')[0]).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{g.Key} {g.Count()}"));
        page.Append(CultureInfo.InvariantCulture, $"\n**{mutant.Name}** {mutant.What} {ids.Length} cases: {counts}.\n\n");
        foreach (string id in ids.OrderBy(id => id.Length).ThenBy(id => id, StringComparer.Ordinal).Take(Named))
            page.Append("    ").Append(id).Append('\n');
    }

    [GeneratedRegex(@"^## N(\d+)\. ", RegexOptions.Multiline)]
    private static partial Regex Heading();
}
