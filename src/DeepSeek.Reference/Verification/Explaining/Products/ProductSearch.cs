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

    // Seconds spent on making a class smaller once nothing contradicts it.
    private const double Narrowing = 1;

    // A contract may miss this many of so many plain elements and still be the nearest: a defect in up to a quarter of the output.
    private const int NearestElements = 32;
    private const int NearestMisses = 8;

    /// <summary>The search.</summary>
    /// <param name="problem">The product.</param>
    /// <param name="candidate">The candidate's output.</param>
    /// <param name="seconds">Time for comparing whole outputs.</param>
    /// <param name="wide">Whether every combination of constants is tried after the known units.</param>
    /// <param name="nearest">Whether the nearest contract is sought where none fits.</param>
    /// <param name="seed">Of samples.</param>
    public static ProductFinding Find(ProductProblem problem, Tensor candidate, double seconds, bool wide = true, bool nearest = true, ulong seed = 1)
    {
        List<long> chosen = ElementChoice.Of(problem, candidate, Hard, Plain, seed);
        if (chosen.Count == 0)
            return new ProductFinding { Elements = problem.Elements.Count };
        long start = Stopwatch.GetTimestamp();
        foreach (bool all in wide ? (bool[])[false, true] : [false])
        {
            var lattice = new ProductLattice(problem, LatticeDimensions.Of(problem, all), tolerance: 0);
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
                    tried += Narrow(lattice, problem, candidate, seed, Narrowing);
                    narrowed = true;
                    continue;
                }

                ProductContract contract = Representative(left, problem);
                (long compared, List<long> differing) = Compare(problem, contract, candidate, seconds, seed);
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

        return nearest ? Nearest(problem, candidate, seconds, seed) : new ProductFinding { Elements = problem.Elements.Count };
    }

    /// <summary>More elements, while they still tell contracts apart; returns how many.</summary>
    private static int Narrow(ProductLattice lattice, ProductProblem problem, Tensor candidate, ulong seed, double seconds)
    {
        long start = Stopwatch.GetTimestamp();
        int tried = 0;
        foreach (long i in ElementChoice.Of(problem, candidate, 4 * Hard, Plain, seed + 2))
        {
            if (Stopwatch.GetElapsedTime(start).TotalSeconds > seconds || lattice.Left <= 1)
                break;
            lattice.Test(problem.At(i), (float)ElementReader.Value(candidate, i));
            tried++;
        }

        return tried;
    }

    private static IReadOnlyList<string> Names(IEnumerable<ProductContract> contracts, ProductProblem problem) => [.. contracts.SelectMany(c => c.NamesFor(problem.Operands)).Distinct()];

    /// <summary>The elements on which a contract differs from the candidate: all of the output, or a sample as large as the time allows.</summary>
    public static (long Compared, List<long> Differing) Compare(ProductProblem problem, ProductContract contract, Tensor candidate, double seconds, ulong seed)
    {
        long start = Stopwatch.GetTimestamp();
        const int Stretch = 256;
        List<long> order = ElementChoice.Sample(problem, Math.Min(problem.Elements.Count, 1 << 20), seed);
        var differing = new List<long>();
        int done = 0;
        while (done < order.Count && (done == 0 || Stopwatch.GetElapsedTime(start).TotalSeconds < seconds))
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

    private static ProductFinding Nearest(ProductProblem problem, Tensor candidate, double seconds, ulong seed)
    {
        long start = Stopwatch.GetTimestamp();
        var lattice = new ProductLattice(problem, LatticeDimensions.Of(problem, wide: false), NearestMisses);
        List<long> plain = ElementChoice.Sample(problem, NearestElements, seed + 1);
        foreach (long element in plain)
        {
            if (!problem.At(element).Terms.IsSpecial)
                lattice.Test(problem.At(element), (float)ElementReader.Value(candidate, element));
        }

        IReadOnlyList<(ProductContract Contract, int Misses)> best = lattice.Best(MostListed);
        var finding = new ProductFinding { Elements = problem.Elements.Count, Contracts = lattice.Contracts, Tried = plain.Count, Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds };
        if (best.Count == 0)
            return finding;
        best = [.. best.Where(b => b.Misses == best[0].Misses)];
        ProductContract contract = Representative(best, problem);
        (long compared, List<long> differing) = Compare(problem, contract, candidate, seconds, seed);
        return finding with { Contract = contract, Compared = compared, Differing = differing, Class = [.. best.Select(b => b.Contract)], Presets = Names(best.Select(b => b.Contract), problem), ClassSize = best.Count };
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
