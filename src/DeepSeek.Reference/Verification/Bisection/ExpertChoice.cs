using System.Globalization;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>The choice of experts from scores, and whether another choice is one that rounding explains.</summary>
/// <remarks>
/// Every score may be off by τ. An expert's place in the order is then an interval: [c - τ, c + τ] with c = s + bias; -∞ or 0, as the contract masks, where its group may be
/// dropped (a group's score may be off by τ, or 2τ where it is a sum of two). A set S of K experts is explained if the least upper end inside S reaches the greatest lower
/// end outside S, and its order if no slot's upper end is below the next one's lower end. Where the scores themselves stand in the dump τ is one rounding of the biased score.
/// </remarks>
internal static class ExpertChoice
{
    /// <summary>The contract's choice: indices I32 [T, K] from scores [T, E] and the bias [E].</summary>
    public static void Choose(Tensor scores, Tensor? bias, GateAttributes attributes, Tensor indices)
    {
        int E = (int)scores.Shape[^1];
        var c = new float[E];
        for (long t = 0; t < scores.Shape[0]; t++)
        {
            for (int e = 0; e < E; e++)
                c[e] = Biased(scores, bias, t, e);
            if (!Gate.TryChoose(c, attributes, indices.Rows(t, 1).AsSpan<int>()))
                throw Gate.NotANumber((int)t);
        }
    }

    /// <summary>Judges a choice, row by row, against the contract's from the same scores.</summary>
    /// <param name="scores">[T, E].</param>
    /// <param name="bias">F32 [E] or none.</param>
    /// <param name="attributes">The rule of choice.</param>
    /// <param name="expected">The contract's choice, [T, K].</param>
    /// <param name="actual">The other, [T, K].</param>
    /// <param name="tolerance">τ.</param>
    /// <param name="anyOrder">The slots of the other stand in no promised order.</param>
    public static (Verdict Verdict, string Note, long Explained) Judge(
        Tensor scores, Tensor? bias, GateAttributes attributes, Tensor expected, Tensor actual, double tolerance, bool anyOrder)
    {
        int E = (int)scores.Shape[^1], K = (int)expected.Shape[^1];
        long explained = 0, reordered = 0;
        for (long t = 0; t < expected.Shape[0]; t++)
        {
            ReadOnlySpan<int> e = expected.Rows(t, 1).AsReadOnlySpan<int>();
            ReadOnlySpan<int> a = actual.Rows(t, 1).AsReadOnlySpan<int>();
            if (a.SequenceEqual(e))
                continue;
            if (a.ContainsAnyExceptInRange(0, E - 1) || a.ToArray().Distinct().Count() != K)
                return (Verdict.Fail, $"row {t}: [{Text(a)}] are not {K} different experts of {E}", explained);
            (double[] low, double[] high) = Places(scores, bias, attributes, t, E, tolerance);
            int[] chosen = a.ToArray();
            int weakest = chosen.MinBy(i => high[i]);
            int strongest = Enumerable.Range(0, E).Where(i => !chosen.Contains(i)).DefaultIfEmpty(-1).MaxBy(i => i < 0 ? double.NegativeInfinity : low[i]);
            if (strongest >= 0 && high[weakest] < low[strongest])
            {
                double margin = (low[strongest] + high[strongest] - low[weakest] - high[weakest]) / 2;
                return (Verdict.Fail, string.Create(CultureInfo.InvariantCulture,
                    $"row {t}: chose [{Text(a)}], not [{Text(e)}]; expert {strongest} beats expert {weakest} by {margin:G4}, and rounding moves that by {2 * tolerance:G3} at most"), explained);
            }

            bool sameSet = chosen.Order().SequenceEqual(e.ToArray().Order());
            for (int k = 0; !anyOrder && k + 1 < K; k++)
            {
                if (high[a[k]] < low[a[k + 1]])
                    return (Verdict.Fail, $"row {t}: slots [{Text(a)}] stand in another order than [{Text(e)}]: expert {a[k + 1]} has the larger score", explained);
            }

            if (sameSet)
                reordered++;
            else
                explained++;
        }

        if (explained + reordered == 0)
            return (Verdict.Bits, "", 0);
        string note = explained > 0 ? $"{explained} rows chose another expert within rounding of the margin" : $"{reordered} rows hold the same experts in another order{(anyOrder ? "" : ", within rounding")}";
        return (Verdict.Noise, note, explained);
    }

    /// <summary>The interval of each expert's place.</summary>
    private static (double[] Low, double[] High) Places(Tensor scores, Tensor? bias, GateAttributes attributes, long t, int E, double tolerance)
    {
        var low = new double[E];
        var high = new double[E];
        double[] c = [.. Enumerable.Range(0, E).Select(e => (double)Biased(scores, bias, t, e))];
        double tau = tolerance + (c.Max(Math.Abs) * Math.ScaleB(1, -24));
        int G = attributes.Groups, size = E / G;
        double[] group = [.. Enumerable.Range(0, G).Select(g => Score(c.AsSpan(g * size, size), attributes.GroupScore))];
        double[] order = [.. group.OrderDescending()];
        double slack = (attributes.GroupScore == GroupScore.TopTwoSum ? 4 : 2) * tau;
        double masked = attributes.Mask == GroupMask.Zero ? 0 : double.NegativeInfinity;
        for (int e = 0; e < E; e++)
        {
            double g = group[e / size];
            bool mayStay = attributes.KeptGroups >= G || g >= order[attributes.KeptGroups - 1] - slack;
            bool mayDrop = attributes.KeptGroups < G && g <= order[attributes.KeptGroups] + slack;
            low[e] = mayDrop ? Math.Min(masked, mayStay ? c[e] - tau : masked) : c[e] - tau;
            high[e] = mayStay ? Math.Max(c[e] + tau, mayDrop ? masked : double.NegativeInfinity) : masked;
        }

        return (low, high);
    }

    private static float Biased(Tensor scores, Tensor? bias, long t, int e)
    {
        float s = (float)ElementReader.Value(scores, (t * scores.Shape[^1]) + e);
        return bias is null ? s : s + (float)ElementReader.Value(bias, e);
    }

    private static double Score(ReadOnlySpan<double> c, GroupScore rule)
    {
        double[] best = [.. c.ToArray().OrderDescending()];
        return rule == GroupScore.TopTwoSum && best.Length > 1 ? best[0] + best[1] : best[0];
    }

    private static string Text(ReadOnlySpan<int> experts) => string.Join(", ", experts.ToArray());
}
