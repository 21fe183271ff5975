using System.Text.RegularExpressions;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>Something to verify: an operation case with its golden (null where none is kept), or a model directory.</summary>
/// <param name="Id">The case id, or the directory as named.</param>
/// <param name="Operation">The operation case.</param>
/// <param name="Golden">Its manifest line.</param>
/// <param name="Directory">The model directory.</param>
internal sealed record SelectedCase(string Id, OperationCase? Operation, GoldenRecord? Golden, string? Directory);

/// <summary>Turns what a user names into cases: nothing is everything, a directory is a model, else a case id or an operation's name.</summary>
internal sealed class CaseSelection(GoldenSource source, CaseLevel level, Regex filter)
{
    /// <summary>The cases, in the order named.</summary>
    /// <exception cref="CaseException">A target that is none of these.</exception>
    /// <exception cref="GoldenException">The manifest is missing or damaged.</exception>
    public IReadOnlyList<SelectedCase> Of(IReadOnlyList<string> targets)
    {
        IEnumerable<SelectedCase> found = targets.Count == 0 ? Everything() : targets.SelectMany(Of);
        return [.. found.Where(c => filter.IsMatch(c.Id))];
    }

    private IEnumerable<SelectedCase> Everything()
    {
        foreach (GoldenRecord record in source.Manifest().Records.Where(r => r.Level <= level))
            yield return Kept(record);
        foreach ((string name, string path) in source.Oracles())
            yield return new SelectedCase($"oracles/{name}", null, null, path);
    }

    private IEnumerable<SelectedCase> Of(string target)
    {
        if (Directory.Exists(target))
            return [new SelectedCase(target, null, null, target)];
        if (OperationCase.Names.Contains(target, StringComparer.OrdinalIgnoreCase))
            return source.Manifest().Records.Where(r => r.Level <= level && string.Equals(CaseId.Parse(r.Id).Name, target, StringComparison.OrdinalIgnoreCase)).Select(Kept);
        if (target.Contains('[', StringComparison.Ordinal))
        {
            OperationCase c = OperationCase.Parse(target);
            return [new SelectedCase(c.ToString(), c, source.Manifest().Find(c.ToString()), null)];
        }

        throw new CaseException($"'{target}' is no directory, no case id (name[key=value,...]) and no operation; operations are {string.Join(", ", OperationCase.Names)}");
    }

    private static SelectedCase Kept(GoldenRecord record) => new(record.Id, ParseKept(record.Id), record, null);

    private static OperationCase ParseKept(string id)
    {
        try
        {
            return OperationCase.Parse(id);
        }
        catch (CaseException e)
        {
            throw new GoldenException($"the manifest holds a line that this version cannot run: {e.Message}", e);
        }
    }
}
