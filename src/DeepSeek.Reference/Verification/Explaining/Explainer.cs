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
    private const int MostAlike = 4;

    // What was declared is struck out by so many differing elements; they are those that other ways to round are compared on first.
    private const int Enough = 64;

    /// <summary>The explanation.</summary>
    /// <param name="call">What was asked, with its inputs.</param>
    /// <param name="candidate">The candidate's outputs by name; at least one.</param>
    /// <param name="seconds">Time for all of it; what is begun when it is up is ended.</param>
    /// <param name="told">Takes the name of each step as it begins.</param>
    /// <exception cref="ShapeException">An output has another shape than the operation's.</exception>
    /// <exception cref="ContractException">An output's name or dtype is none that the operation writes.</exception>
    public static Explanation Explain(OperationCall call, IReadOnlyDictionary<string, Tensor> candidate, double seconds, Action<string>? told = null)
    {
        var clock = new ExplainClock(seconds, told);
        OperationCall asked = Fitted(call, candidate);
        clock.Step("what was declared");
        (long compared, List<long> off) = Declared(asked, candidate, clock.Part(0.25));
        if (off.Count == 0)
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

        return new Search(asked, candidate, off, clock).Explain();
    }

    /// <summary>One candidate, and what is known of it.</summary>
    private sealed class Search(OperationCall asked, IReadOnlyDictionary<string, Tensor> candidate, List<long> off, ExplainClock clock)
    {
        private readonly MeaningSearch search = new(asked, candidate);
        private readonly List<(MeantCall Meant, RoundingFit Fit)> tried = [];
        private MeantCall plain = null!;

        public Explanation Explain()
        {
            double near = search.RoundingDistance;
            clock.Step("meanings");
            plain = search.AsAsked();
            if (plain.Distance > near && Transposed() is { } transposed)
                return transposed;

            // Where what was asked is near, and the contract of a product decides, no meaning needs to be looked at.
            if (plain.Distance <= near && candidate.Count == 1 && ProductProblem.Of(asked) is not null && Fit(plain, clock.Part(0.75), SearchDepth.Constants) is { IsBitEqual: true } rounded)
                return Report(plain, rounded, []);
            IReadOnlyList<MeantCall> singles = search.Singles(clock.Part(0.5));
            MeantCall[] close = [.. singles.Where(m => m.Distance <= near).Take(MostSingles)];

            // What is bit-equal as it is declared to be rounded is simpler than what was asked, rounded otherwise.
            int exact = plain.Distance == 0 ? 0 : close.TakeWhile(m => m.Distance == 0).Count();
            IEnumerable<MeantCall> first = [.. close[..exact], .. plain.Distance <= near ? (MeantCall[])[plain] : [], .. close[exact..]];
            if (TryFit(first) is { } found)
                return Report(found.Meant, found.Fit, Alike(found, singles));

            if (tried.Count == 0)
            {
                clock.Step("pairs of meanings");
                IReadOnlyList<MeantCall> pairs = search.Pairs(singles, clock.Part(0.5));
                if (TryFit(pairs.Where(m => m.Distance <= near).Take(MostPairs)) is { } pair)
                    return Report(pair.Meant, pair.Fit, []);
                if (tried.Count == 0 && pairs.Count > 0 && pairs[0].Distance < 0.1 * Math.Min(plain.Distance, singles[0].Distance))
                    tried.Add((pairs[0], new RoundingFit()));
            }

            return Nearest(singles);
        }

        /// <summary>The explanation of an output that is stored by columns; null where it is not.</summary>
        private Explanation? Transposed()
        {
            if (candidate.Count != 1 || candidate.Values.Single() is not { Shape.Rank: 2 } y || ProductProblem.Of(asked) is null || Values.Transposed(y) is not { } turned)
                return null;
            var read = new Dictionary<string, Tensor> { [candidate.Keys.Single()] = turned };
            var other = new Search(asked, read, [], clock);
            other.plain = other.search.AsAsked();
            if (other.plain.Distance > search.RoundingDistance)
                return null;
            Explanation found = other.Explain();
            return found with { Meanings = [Meaning.OutputTransposed, .. found.Meanings], RelativeL2AsAsked = plain.Distance };
        }

        private (MeantCall Meant, RoundingFit Fit)? TryFit(IEnumerable<MeantCall> meant)
        {
            foreach (MeantCall m in meant)
            {
                RoundingFit fit = Fit(m, clock.Part(0.5), SearchDepth.Units);
                tried.Add((m, fit));
                if (fit.IsBitEqual)
                    return (m, fit);
            }

            return null;
        }

        private RoundingFit Fit(MeantCall meant, ExplainClock time, SearchDepth depth)
        {
            clock.Step(meant.Meanings.Count == 0 ? "ways to round" : "ways to round, " + string.Join(" + ", meant.Meanings.Select(m => m.Name)));
            return RoundingFit.Of(meant.Call, candidate, time, meant.Meanings.Count == 0 ? off : [], depth);
        }

        /// <summary>Other meanings that the data cannot tell from the one found: as near on the rows looked at, and bit-equal too.</summary>
        private List<Meaning> Alike((MeantCall Meant, RoundingFit Fit) found, IReadOnlyList<MeantCall> singles) => found.Meant.Meanings.Count == 0
            ? []
            : [.. singles.Where(m => m != found.Meant && m.Distance == found.Meant.Distance).Take(MostAlike).Where(m => clock.Left > 0 && Fit(m, clock.Part(0.5), SearchDepth.Units).IsBitEqual).Select(m => m.Meanings[0])];

        /// <summary>No meaning is bit-equal under a known rounding: the widest lattice, then what is nearest, with what was asked among the choices.</summary>
        private Explanation Nearest(IReadOnlyList<MeantCall> singles)
        {
            List<MeantCall> again = [.. tried.Select(t => t.Meant).OrderBy(m => m.Distance).Take(2)];
            if (!again.Contains(plain))
                again.Add(plain);
            if (singles.Count > 0 && tried.Count == 0 && singles[0].Distance < 0.5 * plain.Distance)
                again.Add(singles[0]);
            var fits = new List<(MeantCall Meant, RoundingFit Fit)>();
            foreach (MeantCall meant in again)
            {
                fits.Add((meant, Fit(meant, clock.Part(meant == again[^1] ? 1 : 0.75), SearchDepth.Nearest)));
                if (fits[^1].Fit.IsBitEqual)
                    break;
            }

            (MeantCall Meant, RoundingFit Fit) best = fits.OrderBy(f => f.Fit.IsBitEqual ? 0 : 1).ThenBy(f => f.Fit.Share < 0.5 ? f.Fit.Share : 1).ThenBy(f => f.Meant.Distance).First();
            return Report(best.Meant, best.Fit, []);
        }

        private Explanation Report(MeantCall meant, RoundingFit fit, IReadOnlyList<Meaning> alike) => new()
        {
            Meanings = meant.Meanings,
            AlikeMeanings = alike,
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
            MeaningsLeftOut = search.LeftOut,
            ContractsTried = fit.Contracts,
            ElementsTried = fit.Tried,
            LatticeSeconds = fit.Seconds,
        };
    }

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
        // Kernels store gradients in bfloat16; the operations write binary32.
        OperationCall taken = call is BackwardCall backward ? backward with { RoundsOutputs = true } : call;
        return taken.Replace(o => o.Role == OperandRole.Output && candidate.TryGetValue(o.Name, out Tensor? got) ? new Tensor(got.DType, got.Shape) : o.Tensor);
    }

    /// <summary>Elements compared with what was declared, and those of a matrix product that differ; of other operations one stands for all.</summary>
    private static (long Compared, List<long> Off) Declared(OperationCall asked, IReadOnlyDictionary<string, Tensor> candidate, ExplainClock clock)
    {
        if (asked is BackwardCall)
            return Whole(asked, candidate);
        if (ProductProblem.Of(asked) is { } problem && candidate.Count == 1)
            return ProductSearch.Compare(problem, problem.Declared, candidate.Values.Single(), [], clock, seed: 1, Enough);
        OperationCall own = asked.WithOwnOutputs();
        own.Run(new SimdBackend());
        return (candidate.Values.Sum(t => t.ElementCount), candidate.All(c => TensorComparison.Compare(own[c.Key], c.Value).IsBitEqual) ? [] : [0]);
    }

    /// <summary>Every element, by the operation itself, which refuses what it is not defined for.</summary>
    private static (long Compared, List<long> Off) Whole(OperationCall asked, IReadOnlyDictionary<string, Tensor> candidate)
    {
        OperationCall own = asked.WithOwnOutputs();
        own.Run(new SimdBackend());
        var off = new List<long>();
        foreach ((string name, Tensor got) in candidate)
        {
            for (long i = 0; i < got.ElementCount && off.Count < Enough; i++)
            {
                if (CanonicalHash.ElementBits(own[name], i) != CanonicalHash.ElementBits(got, i))
                    off.Add(i);
            }
        }

        return (candidate.Values.Sum(t => t.ElementCount), off);
    }
}
