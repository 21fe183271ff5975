using System.Globalization;

namespace DeepSeek.Reference.Verification;

/// <summary>Makes the id of a failing case small: every size, then the value map, the seed and the other arguments, while it fails as badly as at first.</summary>
/// <remarks>
/// A size goes to 1 if it can; else it falls by steps of half of itself, a quarter, ... 1, each as long as the case still fails: a failure that begins at some size is
/// found exactly, in about log² trials. What no longer parses, or does not fit together, counts as passing. All of it again until nothing changes.
/// </remarks>
internal sealed class CaseShrink(FailureTrial trial, Failure atLeast, Func<bool> timeIsUp, Action<string>? progress)
{
    private static readonly string[] MapsSimplestFirst = ["int", "uniform", "bell", "tie", "logspread", "outlier", "boundary"];

    private readonly Dictionary<string, bool> known = new(StringComparer.Ordinal);

    /// <summary>The smallest case found.</summary>
    public OperationCase Run(OperationCase start)
    {
        OperationCase best = start;
        bool changed = true;
        while (changed && !timeIsUp())
        {
            string before = best.Id.ToString();
            foreach (string key in best.Id.Arguments.Select(a => a.Key).ToArray())
                best = Smaller(best, key);
            best = Simpler(best);
            changed = best.Id.ToString() != before;
        }

        return best;
    }

    private OperationCase Smaller(OperationCase best, string key)
    {
        if (key is "seed" || !int.TryParse(best.Id[key], NumberStyles.None, CultureInfo.InvariantCulture, out int value) || value < 2)
            return best;
        if (With(best, key, "1") is { } one)
            return one;
        for (int step = value / 2; step >= 1 && !timeIsUp();)
        {
            if (value - step >= 1 && With(best, key, (value - step).ToString(CultureInfo.InvariantCulture)) is { } smaller)
            {
                best = smaller;
                value -= step;
            }
            else
            {
                step /= 2;
            }
        }

        return best;
    }

    private OperationCase Simpler(OperationCase best)
    {
        string map = best.Id["map"] ?? "bell";
        foreach (string simpler in MapsSimplestFirst.TakeWhile(m => m != map))
        {
            if (With(best, "map", simpler) is { } made)
            {
                best = made;
                break;
            }
        }

        foreach ((string key, string value) in best.Id.Arguments.ToArray())
        {
            bool size = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out _);
            if (key != "map" && (key == "seed" || !size) && With(best, key, null) is { } without)
                best = without;
        }

        return best;
    }

    /// <summary>The case with one argument changed, or left to its default; null where that passes or is none.</summary>
    private OperationCase? With(OperationCase from, string key, string? value)
    {
        var arguments = from.Id.Arguments.Where(a => a.Key != key).ToList();
        if (value is not null)
            arguments.Add(new(key, value));
        OperationCase made;
        try
        {
            made = OperationCase.From(new CaseId(from.Id.Name, arguments));
        }
        catch (ReferenceException)
        {
            return null;
        }

        string id = made.Id.ToString();
        if (id == from.Id.ToString())
            return null;
        if (!known.TryGetValue(id, out bool fails))
        {
            if (timeIsUp())
                return null;
            progress?.Invoke(id);
            known[id] = fails = Fails(made);
        }

        return fails ? made : null;
    }

    private bool Fails(OperationCase made)
    {
        try
        {
            return trial.Run(made.Call(made.Prepare())).Failure >= atLeast;
        }
        catch (ReferenceException)
        {
            return false;
        }
    }
}
