using System.Diagnostics;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Finds the contracts under which a candidate's matrix product is bit-equal.</summary>
/// <remarks>
/// Contracts are struck out at the first element that they miss. What is left is compared on the whole output, or on as much as the budget allows; elements that
/// differ there strike out more, until a contract fits everywhere or none is left. The known units come first, then every combination of a unit's constants.
/// Where nothing fits, the contract with the fewest misses on a plain sample is taken, and what differs is located.
/// </remarks>
internal static class ProductSearch
{
    /// <summary>Contracts of a class that are listed.</summary>
    public const int MostListed = 4096;

    private const int Hard = 96;
    private const int Plain = 32;

    // A nearest contract is sought on telling and plain elements, whatever the candidate holds there, and may miss this many: a defect in up to a quarter of the output.
    private const int NearestHard = 64;
    // So many of the first, for the luck of the draw.
    private const int FirstMisses = 3;
    private const int NearestShare = 4;

    // The wide lattice holds so many contracts that one fits a defect or two by chance: it must be better by this many elements.
    private const int ByChance = 3;

    // Elements that one contract of a class missed, on which the others are tried.
    private const int Telling = 256;

    /// <summary>The search.</summary>
    /// <param name="problem">The product.</param>
    /// <param name="candidate">The candidate's output.</param>
    /// <param name="clock">The time for all of it.</param>
    /// <param name="first">Elements to compare before others: those where something is known to be off.</param>
    /// <param name="wide">Whether every combination of constants is tried after the known units.</param>
    /// <param name="nearest">Whether the nearest contract is sought where none fits.</param>
    /// <param name="seed">Of samples.</param>
    public static ProductFinding Find(ProductProblem problem, Tensor candidate, ExplainClock clock, IReadOnlyList<long>? first = null, bool wide = true, bool nearest = true, ulong seed = 1)
    {
        first ??= [];
        List<long> chosen = ElementChoice.Of(problem, candidate, Hard, Plain, seed);
        if (chosen.Count == 0)
            return new ProductFinding { Elements = problem.Elements.Count };
        long start = Stopwatch.GetTimestamp();
        foreach (bool all in wide ? (bool[])[false, true] : [false])
        {
            if (all && clock.Left == 0)
                break;
            var lattice = new ProductLattice(problem, LatticeDimensions.Of(problem, all));
            int tried = 0;
            bool narrowed = false;
            for (; tried < chosen.Count && lattice.IsAny; tried++)
                lattice.Test(problem.At(chosen[tried]), (float)ElementReader.Value(candidate, chosen[tried]));
            double inLattice = Stopwatch.GetElapsedTime(start).TotalSeconds;
            while (lattice.IsAny)
            {
                IReadOnlyList<(ProductContract Contract, int Misses)> left = lattice.Best(MostListed);
                if (left.Count > 1 && !narrowed)
                {
                    tried += Narrow(lattice, problem, candidate, seed, clock.Part(0.25));
                    narrowed = true;
                    continue;
                }

                ProductContract contract = Representative(left, problem);
                (long compared, List<long> differing) = Compare(problem, contract, candidate, first, clock, seed);
                if (differing.Count == 0)
                {
                    return new ProductFinding
                    {
                        Contract = contract,
                        Compared = compared,
                        Elements = problem.Elements.Count,
                        Class = [.. left.Select(l => l.Contract)],
                        Presets = Names(left.Select(l => l.Contract), problem),
                        ClassSize = lattice.Left,
                        Contracts = lattice.Contracts,
                        Tried = tried,
                        Seconds = inLattice,
                    };
                }

                foreach (long element in differing.Take(8))
                {
                    lattice.Test(problem.At(element), (float)ElementReader.Value(candidate, element));
                    tried++;
                }
            }
        }

        return nearest ? Nearest(problem, candidate, first, clock, seed) : new ProductFinding { Elements = problem.Elements.Count };
    }

    /// <summary>More elements, while they still tell contracts apart; returns how many.</summary>
    private static int Narrow(ProductLattice lattice, ProductProblem problem, Tensor candidate, ulong seed, ExplainClock clock)
    {
        int tried = 0;
        foreach (long i in ElementChoice.Of(problem, candidate, 4 * Hard, Plain, seed + 2))
        {
            if (clock.Left == 0 || lattice.Left <= 1)
                break;
            lattice.Test(problem.At(i), (float)ElementReader.Value(candidate, i));
            tried++;
        }

        return tried;
    }

    private static IReadOnlyList<string> Names(IEnumerable<ProductContract> contracts, ProductProblem problem) => [.. contracts.SelectMany(c => c.NamesFor(problem.Operands)).Distinct()];

    /// <summary>The elements on which a contract differs from the candidate: all of the output, or a sample as large as the time allows.</summary>
    /// <param name="problem">The product.</param>
    /// <param name="contract">How it is rounded.</param>
    /// <param name="candidate">The candidate's output.</param>
    /// <param name="first">Elements to compare before others.</param>
    /// <param name="clock">The time; a first stretch is compared in any case.</param>
    /// <param name="seed">Of the sample.</param>
    /// <param name="enough">Differing elements after which no more are sought.</param>
    public static (long Compared, List<long> Differing) Compare(
        ProductProblem problem, ProductContract contract, Tensor candidate, IReadOnlyList<long> first, ExplainClock clock, ulong seed, int enough = int.MaxValue)
    {
        const int Stretch = 256;
        var known = first.ToHashSet();
        List<long> order = [.. first, .. ElementChoice.Sample(problem, Math.Min(problem.Elements.Count, 1 << 20), seed).Where(e => !known.Contains(e))];
        var differing = new List<long>();
        int done = 0;
        while (done < order.Count && differing.Count < enough && (done == 0 || clock.Left > 0))
        {
            int count = Math.Min(Stretch, order.Count - done);
            bool[] differs = new bool[count];
            Parallel.For(0, count, i => differs[i] = Differs(problem, contract, candidate, order[done + i]));
            for (int i = 0; i < count; i++)
            {
                if (differs[i])
                    differing.Add(order[done + i]);
            }

            done += count;
        }

        differing.Sort();
        return (done, differing);
    }

    private static bool Differs(ProductProblem problem, ProductContract contract, Tensor candidate, long i)
    {
        ProductElement element = problem.At(i);
        float got = (float)ElementReader.Value(candidate, i);
        float expected = ProductArithmetic.Evaluate(contract, element, problem.Output);
        if (element.Terms.IsSpecial)
            return float.IsFinite(got);
        if (float.IsNaN(expected))
            return !float.IsNaN(got);
        return BitConverter.SingleToUInt32Bits(got) != BitConverter.SingleToUInt32Bits(expected);
    }

    /// <summary>The contract with the fewest misses: what it misses is the defect.</summary>
    private static ProductFinding Nearest(ProductProblem problem, Tensor candidate, IReadOnlyList<long> first, ExplainClock clock, ulong seed)
    {
        long start = Stopwatch.GetTimestamp();
        List<long> chosen = ElementChoice.Of(problem, candidate, NearestHard, Plain, seed + 1, wrongFirst: false);
        var finding = new ProductFinding { Elements = problem.Elements.Count, Tried = chosen.Count };
        List<ProductContract> best = [];
        int fewest = int.MaxValue;
        foreach (bool wide in (bool[])[false, true])
        {
            if (wide && (fewest <= ByChance || clock.Left == 0))
                break;
            var lattice = new ProductLattice(problem, LatticeDimensions.Of(problem, wide));
            for (int i = 0; i < chosen.Count && lattice.IsAny; i++)
                lattice.Test(problem.At(chosen[i]), (float)ElementReader.Value(candidate, chosen[i]), FirstMisses + i / NearestShare);
            finding = finding with { Contracts = lattice.Contracts };
            IReadOnlyList<(ProductContract Contract, int Misses)> left = lattice.Best(MostListed);
            if (left.Count == 0 || left[0].Misses > fewest - (wide ? ByChance : 0))
                continue;
            fewest = left[0].Misses;
            best = [.. left.TakeWhile(l => l.Misses == fewest).Select(l => l.Contract)];
        }

        finding = finding with { Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds };
        return best.Count == 0 ? finding : NearestOf(best, finding, problem, candidate, first, clock, seed);
    }

    /// <summary>The nearest of a class: what one of them misses tells it from the others, unless all miss it.</summary>
    private static ProductFinding NearestOf(List<ProductContract> best, ProductFinding finding, ProductProblem problem, Tensor candidate, IReadOnlyList<long> first, ExplainClock clock, ulong seed)
    {
        while (true)
        {
            ProductContract contract = Representative([.. best.Select(c => (c, 0))], problem);
            (long compared, List<long> differing) = Compare(problem, contract, candidate, first, clock.Part(0.5), seed);
            long[] telling = [.. differing.Where((_, i) => i % Math.Max(1, differing.Count / Telling) == 0)];
            int[] misses = new int[best.Count];
            if (best.Count > 1)
                Parallel.For(0, best.Count, i => misses[i] = telling.Count(e => Differs(problem, best[i], candidate, e)));
            int fewest = misses.Min();
            List<ProductContract> better = [.. best.Where((_, i) => misses[i] == fewest)];
            if (better.Contains(contract) || clock.Left == 0)
            {
                return finding with
                {
                    Contract = contract,
                    Compared = compared,
                    Differing = differing,
                    Class = better,
                    Presets = Names(better, problem),
                    ClassSize = better.Count,
                };
            }

            best = better;
        }
    }

    /// <summary>The declared contract if it is among them, else one with a name, else the most usual.</summary>
    private static ProductContract Representative(IReadOnlyList<(ProductContract Contract, int Misses)> left, ProductProblem problem)
    {
        foreach ((ProductContract contract, _) in left)
        {
            if (contract.IsLike(problem.Declared))
                return contract;
        }

        foreach ((ProductContract contract, _) in left)
        {
            if (contract.NamesFor(problem.Operands).Count > 0)
                return contract;
        }

        return left[0].Contract;
    }
}
