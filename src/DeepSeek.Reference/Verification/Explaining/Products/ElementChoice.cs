using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Chooses the elements that tell contracts apart: those that are not the rounded exact result first, then those whose exact result lies nearest to a rounding boundary of the output.</summary>
internal static class ElementChoice
{
    /// <summary>Elements looked at for a choice: as many as 2^24 products allow.</summary>
    private const int Products = 1 << 24;

    /// <summary>The choice: <paramref name="hard"/> telling elements, then <paramref name="plain"/> of no property.</summary>
    /// <param name="problem">The product.</param>
    /// <param name="candidate">The candidate's output.</param>
    /// <param name="hard">How many telling ones.</param>
    /// <param name="plain">How many others.</param>
    /// <param name="seed">Of the sample.</param>
    /// <param name="wrongFirst">Whether elements that are not the rounded exact result come first among the telling ones; a defect is among them too.</param>
    public static List<long> Of(ProductProblem problem, Tensor candidate, int hard, int plain, ulong seed, bool wrongFirst = true)
    {
        List<long> pool = Sample(problem, Math.Clamp(Products / Math.Max(1, problem.K), 256, 4096), seed);
        var scored = new (long Element, double Score)[pool.Count];
        Parallel.For(0, pool.Count, i => scored[i] = (pool[i], Score(problem.At(pool[i]), ElementReader.Value(candidate, pool[i]), problem.Output, wrongFirst)));
        var usable = scored.Where(s => !double.IsNaN(s.Score)).ToList();
        List<long> chosen = [.. usable.OrderBy(s => s.Score).Take(hard).Select(s => s.Element)];
        var taken = chosen.ToHashSet();
        chosen.AddRange(usable.Select(s => s.Element).Where(e => !taken.Contains(e)).Take(plain));
        return chosen;
    }

    /// <summary>A sample of the written elements without repetition; all of them where they are few.</summary>
    public static List<long> Sample(ProductProblem problem, int most, ulong seed)
    {
        int n = problem.Elements.Count;
        if (n <= most)
            return [.. problem.Elements];
        var random = new RandomStream(seed, "elements");
        var seen = new HashSet<int>();
        for (ulong i = 0; seen.Count < most; i++)
            seen.Add((int)((ulong)random.Word(i) * (ulong)n >> 32));
        return [.. seen.Select(i => problem.Elements[i])];
    }

    /// <summary>The distance of the exact result from a boundary, in units in the last place; -1 and less where the candidate is not the rounded result; NaN where the element says nothing.</summary>
    private static double Score(ProductElement element, double candidate, DType output, bool wrongFirst)
    {
        double exact = element.Exact();
        if (element.Terms.IsSpecial || (wrongFirst && !double.IsFinite(candidate)) || !double.IsFinite(exact) || exact == 0)
            return double.NaN;
        (int fraction, int least) = ElementReader.Precision(output);
        double ulp = double.ScaleB(1, Math.Max(Math.ILogB(exact), least) - fraction);
        double steps = Math.Abs(exact / ulp);
        double boundary = Math.Abs(steps - Math.Floor(steps) - 0.5);
        double nearest = output == DType.BF16 ? BFloat16.FromDouble(exact).ToSingle() : (float)exact;
        return !wrongFirst || candidate == nearest ? boundary : boundary - 1;
    }
}
