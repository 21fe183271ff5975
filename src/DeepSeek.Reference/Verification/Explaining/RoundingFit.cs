using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>How far the contract of a matrix product is sought.</summary>
internal enum SearchDepth
{
    /// <summary>Among the known units.</summary>
    Units,

    /// <summary>Among every combination of a unit's constants too.</summary>
    Constants,

    /// <summary>Where none fits, the nearest too.</summary>
    Nearest,
}

/// <summary>How well ways to round explain a candidate once the meaning is fixed: the second stage.</summary>
internal sealed record RoundingFit
{
    /// <summary>Contracts of a class that are written out.</summary>
    private const int MostAlike = 16;

    /// <summary>The way to round, in words; empty where none comes near.</summary>
    public string Words { get; init; } = "";

    /// <summary>Elements compared.</summary>
    public long Compared { get; init; }

    /// <summary>Those that differ.</summary>
    public long Differing { get; init; }

    /// <summary>Where they lie.</summary>
    public string Place { get; init; } = "";

    /// <summary>Ways to round that are left.</summary>
    public long ClassSize { get; init; }

    /// <summary>Names among them.</summary>
    public IReadOnlyList<string> Presets { get; init; } = [];

    /// <summary>Dimensions that the data leaves open.</summary>
    public IReadOnlyList<(string Dimension, IReadOnlyList<string> Values)> Open { get; init; } = [];

    /// <summary>The contract of a matrix product as <see cref="ContractName"/> writes it; empty where the operation has none.</summary>
    public string Contract { get; init; } = "";

    /// <summary>Some of the others that the data cannot tell from it.</summary>
    public IReadOnlyList<string> Alike { get; init; } = [];

    /// <summary>Ways tried.</summary>
    public long Contracts { get; init; }

    /// <summary>Elements tried.</summary>
    public int Tried { get; init; }

    /// <summary>Seconds in the lattice.</summary>
    public double Seconds { get; init; }

    /// <summary>Whether everything compared is bit-equal.</summary>
    public bool IsBitEqual => Words.Length > 0 && Differing == 0 && Compared > 0;

    /// <summary>The share that differs; 1 where nothing was found.</summary>
    public double Share => Words.Length == 0 || Compared == 0 ? 1 : (double)Differing / Compared;

    /// <summary>The fit of a call.</summary>
    /// <param name="call">The call, under a meaning.</param>
    /// <param name="candidate">The candidate's outputs.</param>
    /// <param name="clock">The time for all of it.</param>
    /// <param name="first">Elements of a matrix product to compare before others.</param>
    /// <param name="depth">How far a matrix product's contract is sought.</param>
    public static RoundingFit Of(OperationCall call, IReadOnlyDictionary<string, Tensor> candidate, ExplainClock clock, IReadOnlyList<long> first, SearchDepth depth) =>
        ProductProblem.Of(call) is { } problem && candidate.Count == 1 ? OfProduct(problem, candidate.Values.Single(), clock, first, depth) : OfVariants(call, candidate, clock);

    private static RoundingFit OfProduct(ProductProblem problem, Tensor y, ExplainClock clock, IReadOnlyList<long> first, SearchDepth depth)
    {
        ProductFinding finding = ProductSearch.Find(problem, y, clock, first, wide: depth != SearchDepth.Units, nearest: depth == SearchDepth.Nearest);
        if (finding.Contract is not { } contract)
            return new RoundingFit { Contracts = finding.Contracts, Tried = finding.Tried, Seconds = finding.Seconds };
        return new RoundingFit
        {
            Words = contract.Words(problem.Operands),
            Contract = ContractName.Of(contract, problem.Operands),
            Alike = [.. finding.Class.Where(c => !c.IsLike(contract)).Take(MostAlike).Select(c => ContractName.Of(c, problem.Operands)).Distinct()],
            Compared = finding.Compared,
            Differing = finding.Differing.Count,
            Place = MismatchPlace.Words(finding.Differing, finding.Compared, y.ElementCount / problem.N, problem.N),
            ClassSize = finding.ClassSize,
            Presets = finding.Presets,
            Open = finding.Open,
            Contracts = finding.Contracts,
            Tried = finding.Tried,
            Seconds = finding.Seconds,
        };
    }

    private static RoundingFit OfVariants(OperationCall call, IReadOnlyDictionary<string, Tensor> candidate, ExplainClock clock)
    {
        // The lattice runs on few rows; what is left there, or the nearest, on all.
        const long Cost = 1 << 20;
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        IReadOnlyList<RoundingVariant> variants = RoundingVariant.Of(call is AlteredCall altered ? altered.Inner : call);
        if (call is AlteredCall)
            variants = [variants[0]];
        (OperationCall few, Func<string, Tensor> part) = CallExcerpt.Of(call, candidate, Cost);
        string[] names = [.. candidate.Keys];
        var scored = new (RoundingVariant Variant, long Misses)[variants.Count];
        // The first is what was declared; what there is no time for counts as missing everything.
        int judged = 0;
        Parallel.For(0, variants.Count, i =>
        {
            bool now = i == 0 || clock.Left > 0;
            scored[i] = (variants[i], now ? Misses(variants[i], few, names, part) : long.MaxValue);
            if (now)
                Interlocked.Increment(ref judged);
        });
        scored = [.. scored.OrderBy(s => s.Misses)];
        (RoundingVariant Variant, long Misses)[] best = [.. scored.TakeWhile(s => s.Misses == scored[0].Misses)];
        (RoundingVariant Variant, long Misses)[] whole = [.. best.Take(64).Select(s => (s.Variant, Misses(s.Variant, call, names, n => candidate[n]))).OrderBy(s => s.Item2)];
        (RoundingVariant Variant, long Misses)[] left = [.. whole.TakeWhile(s => s.Misses == whole[0].Misses)];
        long compared = candidate.Values.Sum(t => t.ElementCount);
        return new RoundingFit
        {
            Words = left[0].Variant.ToString(),
            Compared = compared,
            Differing = left[0].Misses,
            Place = left[0].Misses == 0 ? "" : PlaceOf(left[0].Variant, call, candidate),
            ClassSize = left.Length,
            Open = Dimensions([.. left.Select(l => l.Variant)]),
            Contracts = judged,
            Tried = (int)Math.Min(int.MaxValue, names.Sum(n => part(n).ElementCount)),
            Seconds = System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds,
        };
    }

    /// <summary>Elements that a variant misses; all of them where it cannot run.</summary>
    private static long Misses(RoundingVariant variant, OperationCall call, string[] names, Func<string, Tensor> part)
    {
        if (Run(variant, call) is not { } own)
            return long.MaxValue;
        return names.Sum(n => TensorComparison.Compare(own[n], part(n)).MismatchCount);
    }

    private static OperationCall? Run(RoundingVariant variant, OperationCall call)
    {
        OperationCall own = variant.Change(call).WithOwnOutputs();
        try
        {
            own.Run(new SimdBackend(1));
            return own;
        }
        catch (ReferenceException)
        {
            return null;
        }
    }

    private static string PlaceOf(RoundingVariant variant, OperationCall call, IReadOnlyDictionary<string, Tensor> candidate)
    {
        OperationCall own = Run(variant, call)!;
        var words = new List<string>();
        foreach ((string name, Tensor got) in candidate)
        {
            TensorComparison c = TensorComparison.Compare(own[name], got);
            if (c.IsBitEqual)
                continue;
            var differing = new List<long>();
            for (long i = 0; i < got.ElementCount; i++)
            {
                if (CanonicalHash.ElementBits(own[name], i) != CanonicalHash.ElementBits(got, i))
                    differing.Add(i);
            }

            long columns = got.Shape.Rank == 0 ? 1 : got.Shape[^1];
            words.Add(FormattableString.Invariant($"{name}: {MismatchPlace.Words(differing, got.ElementCount, got.ElementCount / Math.Max(1, columns), columns)}, relative L2 {c.RelativeL2:G3}, at most {c.MaxUlp:G3} ulp"));
        }

        return string.Join("; ", words);
    }

    private static List<(string Dimension, IReadOnlyList<string> Values)> Dimensions(IReadOnlyList<RoundingVariant> left) =>
    [
        .. left.SelectMany(v => v.Parts).GroupBy(p => p.Dimension).Select(g => (g.Key, (IReadOnlyList<string>)[.. g.Select(p => p.Value).Distinct()])).Where(d => d.Item2.Count > 1),
    ];
}
