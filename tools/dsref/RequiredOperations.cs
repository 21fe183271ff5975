using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>Operations that a run must have seen pass.</summary>
internal static class RequiredOperations
{
    /// <summary>Names, separated by commas or given one by one; <c>all</c> stands for every operation.</summary>
    /// <exception cref="CaseException">A name that is no operation.</exception>
    public static string[] Parse(IReadOnlyList<string> texts)
    {
        var names = new List<string>();
        foreach (string name in texts.SelectMany(t => t.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))
        {
            if (name.Equals("all", StringComparison.OrdinalIgnoreCase))
                names.AddRange(OperationCase.Names);
            else
                names.Add(OperationCase.Names.FirstOrDefault(n => n.Equals(name, StringComparison.OrdinalIgnoreCase))
                    ?? throw new CaseException($"--require '{name}': no operation has this name; there are all, {string.Join(", ", OperationCase.Names)}"));
        }

        return [.. names.Distinct()];
    }

    /// <summary>Those of which no case passed.</summary>
    public static string[] Missing(IReadOnlyList<string> required, IEnumerable<string> passed) => [.. required.Except(passed)];
}
