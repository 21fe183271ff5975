using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Finds why a candidate's output differs: first what was meant, then how it was rounded (docs/how-to/explain-a-kernel.md).</summary>
/// <remarks>
/// Meanings are compared by relative L2 on a few rows, alone and, where none comes within what rounding may cause, in pairs. Those that come near are then judged by bits,
/// under every way to round the operation that the library knows; the nearest first. What was asked comes before any other meaning.
/// </remarks>
internal static class Explainer
{
    private const int MostSingles = 8;
    private const int MostPairs = 4;

    /// <summary>The explanation.</summary>
    /// <param name="call">What was asked, with its inputs.</param>
    /// <param name="candidate">The candidate's outputs by name; at least one.</param>
    /// <param name="seconds">Time for pairs of meanings, and for comparing a whole output under one contract.</param>
    /// <exception cref="ShapeException">An output has another shape than the operation's.</exception>
    /// <exception cref="ContractException">An output's name or dtype is none that the operation writes.</exception>
    public static Explanation Explain(OperationCall call, IReadOnlyDictionary<string, Tensor> candidate, double seconds)
    {
        OperationCall asked = Fitted(call, candidate);
        if (IsDeclared(asked, candidate, seconds, out long compared))
        {
            return new Explanation
            {
                Meanings = [],
                Rounding = "as declared",
                IsBitEqual = true,
                IsDeclared = true,
                Compared = compared,
                Elements = candidate.Values.Sum(t => t.ElementCount),
                ClassSize = 1,
            };
        }

        var search = new MeaningSearch(asked, candidate);
        double near = search.RoundingDistance;
        MeantCall plain = search.AsAsked();
        IReadOnlyList<MeantCall> singles = search.Singles();
        var tried = new List<(MeantCall Meant, RoundingFit Fit)>();
        IEnumerable<MeantCall> first = singles.Where(m => m.Distance <= near).Take(MostSingles);
        if (plain.Distance <= near)
            first = first.Prepend(plain);
        if (TryFit(first, candidate, seconds, tried) is { } found)
            return Report(found.Meant, found.Fit, plain, search, candidate);

        if (tried.Count == 0)
        {
            IReadOnlyList<MeantCall> pairs = search.Pairs(singles, seconds);
            if (TryFit(pairs.Where(m => m.Distance <= near).Take(MostPairs), candidate, seconds, tried) is { } pair)
                return Report(pair.Meant, pair.Fit, plain, search, candidate);
            if (tried.Count == 0 && pairs.Count > 0 && pairs[0].Distance < 0.1 * Math.Min(plain.Distance, singles[0].Distance))
                tried.Add((pairs[0], new RoundingFit()));
        }

        return Nearest(tried, plain, singles, search, candidate, seconds);
    }

    /// <summary>No meaning is bit-equal under a known rounding: the widest lattice, then what is nearest, with what was asked among the choices.</summary>
    private static Explanation Nearest(
        List<(MeantCall Meant, RoundingFit Fit)> tried, MeantCall plain, IReadOnlyList<MeantCall> singles, MeaningSearch search, IReadOnlyDictionary<string, Tensor> candidate, double seconds)
    {
        IEnumerable<MeantCall> again = tried.Select(t => t.Meant).OrderBy(m => m.Distance).Take(2);
        if (!again.Contains(plain))
            again = again.Append(plain);
        if (singles.Count > 0 && tried.Count == 0 && singles[0].Distance < 0.5 * plain.Distance)
            again = again.Append(singles[0]);
        (MeantCall Meant, RoundingFit Fit)[] fits = [.. again.Select(m => (m, RoundingFit.Of(m.Call, candidate, seconds, thorough: true)))];
        (MeantCall Meant, RoundingFit Fit) best = fits.OrderBy(f => f.Fit.IsBitEqual ? 0 : 1).ThenBy(f => f.Fit.Share < 0.5 ? f.Fit.Share : 1).ThenBy(f => f.Meant.Distance).First();
        return Report(best.Meant, best.Fit, plain, search, candidate);
    }

    private static (MeantCall Meant, RoundingFit Fit)? TryFit(
        IEnumerable<MeantCall> meant, IReadOnlyDictionary<string, Tensor> candidate, double seconds, List<(MeantCall Meant, RoundingFit Fit)> tried)
    {
        foreach (MeantCall m in meant)
        {
            RoundingFit fit = RoundingFit.Of(m.Call, candidate, seconds, thorough: false);
            tried.Add((m, fit));
            if (fit.IsBitEqual)
                return (m, fit);
        }

        return null;
    }

    private static Explanation Report(MeantCall meant, RoundingFit fit, MeantCall plain, MeaningSearch search, IReadOnlyDictionary<string, Tensor> candidate) => new()
    {
        Meanings = meant.Meanings,
        Rounding = fit.Words,
        IsBitEqual = fit.IsBitEqual,
        Compared = fit.Compared,
        Elements = candidate.Values.Sum(t => t.ElementCount),
        Differing = fit.Differing,
        Left = fit.IsBitEqual ? "" : fit.Words.Length > 0 ? fit.Place : FormattableString.Invariant($"relative L2 {meant.Distance:G3} is left"),
        RelativeL2AsAsked = plain.Distance,
        RelativeL2 = meant.Distance,
        ClassSize = fit.ClassSize,
        Presets = fit.Presets,
        Contract = fit.Contract,
        Alike = fit.Alike,
        Open = fit.Open,
        MeaningsTried = search.Tried,
        ContractsTried = fit.Contracts,
        ElementsTried = fit.Tried,
        LatticeSeconds = fit.Seconds,
    };

    /// <summary>The call with outputs of the candidate's dtypes.</summary>
    private static OperationCall Fitted(OperationCall call, IReadOnlyDictionary<string, Tensor> candidate)
    {
        string[] outputs = [.. call.Outputs.Select(o => o.Name)];
        foreach ((string name, Tensor got) in candidate)
        {
            if (!outputs.Contains(name))
                throw new ContractException($"{call.Operation} has no output '{name}'; it has {string.Join(", ", outputs)}");
            Tensor declared = call[name];
            if (got.Shape != declared.Shape)
                throw new ShapeException($"the candidate's '{name}' is {got}; the operation writes {declared}");
            bool real = declared.DType is DType.F32 or DType.BF16 && got.DType is DType.F32 or DType.BF16;
            if (got.DType != declared.DType && !real)
                throw new ContractException($"the candidate's '{name}' is {got.DType.Name()}; the operation writes {declared.DType.Name()}{(declared.DType.IsFloat() ? ", F32 or BF16" : "")}");
        }

        if (candidate.Count == 0)
            throw new ContractException($"the candidate has no output; {call.Operation} writes {string.Join(", ", outputs)}");
        return call.Replace(o => o.Role == OperandRole.Output && candidate.TryGetValue(o.Name, out Tensor? got) ? new Tensor(got.DType, got.Shape) : o.Tensor);
    }

    private static bool IsDeclared(OperationCall asked, IReadOnlyDictionary<string, Tensor> candidate, double seconds, out long compared)
    {
        compared = candidate.Values.Sum(t => t.ElementCount);
        if (ProductProblem.Of(asked) is { } problem && candidate.Count == 1)
        {
            (compared, List<long> differing) = ProductSearch.Compare(problem, problem.Declared, candidate.Values.Single(), seconds, seed: 1);
            return differing.Count == 0;
        }

        OperationCall own = asked.WithOwnOutputs();
        own.Run(new SimdBackend());
        return candidate.All(c => TensorComparison.Compare(own[c.Key], c.Value).IsBitEqual);
    }
}
