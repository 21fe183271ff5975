using System.Globalization;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>Whether a gate chose the experts that its own scores call for (rule N9; docs/spec/bounds.md 9).</summary>
/// <remarks>
/// <code>
/// c_i = s_i + b_i          exact, from the scores that stand in the call; a candidate's may be off by δ_i = u |c_i|, and by what it kept of s_i
/// i before j               where c_i > c_j, or c_i = c_j and i &lt; j: then it is right
///                          where c_j - c_i ≤ δ_i + δ_j and c_i ≠ c_j: another rounding explains it
/// groups                   the same with g = the two largest c of a group, or the largest
/// </code>
/// A choice is Explained if some set of kept groups, right or explained itself, makes every order in it right or explained. Numbers that are equal leave no margin:
/// there the lower index is the only answer.
/// </remarks>
internal sealed class GateChoice(GateCall call, string output) : ChoiceYardstick(output)
{
    private const int MostSets = 20000;

    private readonly int E = Operands.Dim(call.Logits, 1);
    private readonly int K = Operands.Dim(call.Indices, 1);

    private GateAttributes Attributes => call.Attributes;

    /// <inheritdoc/>
    public override long Rows => call.Indices.Shape[0];

    /// <inheritdoc/>
    public override (ChoiceVerdict Verdict, string Note) Judge(long row)
    {
        int[] chosen = [.. Enumerable.Range(0, K).Select(k => (int)ElementReader.Integer(call.Indices, row * K + k))];
        for (int k = 0; k < K; k++)
        {
            if (chosen[k] < 0 || chosen[k] >= E)
                return (ChoiceVerdict.Wrong, string.Create(CultureInfo.InvariantCulture, $"row {row}, slot {k}: {chosen[k]} is no expert of {E}"));
            if (Array.IndexOf(chosen, chosen[k]) != k)
                return (ChoiceVerdict.Wrong, string.Create(CultureInfo.InvariantCulture, $"row {row}, slot {k}: expert {chosen[k]} is chosen twice"));
        }

        var c = new Ball[E];
        var single = new float[E];
        for (int e = 0; e < E; e++)
        {
            double s = ElementReader.Value(call.Scores, row * E + e), b = call.Bias is null ? 0 : ElementReader.Value(call.Bias, e);
            c[e] = new Ball(s + b, Kept(s) + (call.Bias is null ? 0 : Roundoff.Single * Math.Abs(s + b)));
            single[e] = (float)s + (float)b;
            if (double.IsNaN(s + b))
                return (ChoiceVerdict.Wrong, string.Create(CultureInfo.InvariantCulture, $"row {row}: the biased score of expert {e} is NaN, and has no place in an order"));
        }

        return IsDefinitions(single, chosen) ? (ChoiceVerdict.Equal, "") : Best(row, c, chosen);
    }

    /// <summary>What a score may be off by in a candidate that kept fewer bits of it than it compared.</summary>
    private double Kept(double s) => call.Scores.DType == DType.BF16 && !Attributes.RoundsScores ? Math.Abs(s) * Roundoff.BFloat16 + Roundoff.BFloat16Underflow : 0;

    private bool IsDefinitions(float[] c, int[] chosen)
    {
        int[] own = new int[K];
        int size = E / Attributes.Groups;
        if (Attributes.KeptGroups < Attributes.Groups)
        {
            float[] g = [.. Enumerable.Range(0, Attributes.Groups).Select(j => (float)ScoreOfGroup([.. c.AsSpan(j * size, size).ToArray().Select(x => (Ball)x)]).Mid)];
            int[] kept = new int[Attributes.KeptGroups];
            if (!TopK.TryChoose(g, kept))
                return false;
            for (int e = 0; e < E; e++)
            {
                if (!kept.Contains(e / size))
                    c[e] = Attributes.Mask == GroupMask.Zero ? 0f : float.NegativeInfinity;
            }

            if (Attributes.Mask == GroupMask.NegativeInfinity)
                return ChosenAmong([.. kept.Order().SelectMany(j => Enumerable.Range(j * size, size))], c, own) && own.AsSpan().SequenceEqual(chosen);
        }

        return TopK.TryChoose(c, own) && own.AsSpan().SequenceEqual(chosen);
    }

    private static bool ChosenAmong(int[] candidates, float[] c, int[] own)
    {
        if (!TopK.TryChoose([.. candidates.Select(e => c[e])], own))
            return false;
        foreach (ref int i in own.AsSpan())
            i = candidates[i];
        return true;
    }

    /// <summary>The first set of kept groups under which the choice is explained; else what is wrong under the definition's own.</summary>
    private (ChoiceVerdict, string) Best(long row, Ball[] c, int[] chosen)
    {
        int G = Attributes.Groups, size = E / G;
        Ball[] groups = [.. Enumerable.Range(0, G).Select(j => ScoreOfGroup(c.AsSpan(j * size, size).ToArray()))];
        int[] order = [.. Enumerable.Range(0, G).OrderByDescending(j => groups[j].Mid).ThenBy(j => j)];
        string first = "";
        int tried = 0;
        foreach (int[] kept in Sets(order, Attributes.KeptGroups))
        {
            if (++tried > MostSets)
                break;
            string note = "";
            if (!Ordered(groups, kept, [.. order.Except(kept)], "group", ref note))
                continue;
            Ball[] masked = [.. c.Select((x, e) => kept.Contains(e / size) ? x : Attributes.Mask == GroupMask.Zero ? new Ball(0) : new Ball(double.NegativeInfinity))];
            int[] others = [.. Enumerable.Range(0, E).Where(e => !chosen.Contains(e) && !double.IsNegativeInfinity(masked[e].Mid))];
            bool inside = Array.TrueForAll(chosen, e => Attributes.Mask == GroupMask.Zero || kept.Contains(e / size));
            if (!inside)
                note = $"expert {chosen.First(e => !kept.Contains(e / size))} is of a group that is not kept";
            if (inside && InOrder(masked, chosen, ref note) && Ordered(masked, chosen, others, "expert", ref note))
                return (ChoiceVerdict.Explained, string.Create(CultureInfo.InvariantCulture, $"row {row}: {note}"));
            if (first.Length == 0)
                first = note;
        }

        return (ChoiceVerdict.Wrong, string.Create(CultureInfo.InvariantCulture, $"row {row}: {first}"));
    }

    /// <summary>Sets of k of the groups, the best ones first.</summary>
    private static IEnumerable<int[]> Sets(int[] order, int k)
    {
        int[] at = [.. Enumerable.Range(0, k)];
        while (true)
        {
            yield return [.. at.Select(i => order[i])];
            int last = k - 1;
            while (last >= 0 && at[last] == order.Length - k + last)
                last--;
            if (last < 0)
                yield break;
            at[last]++;
            for (int i = last + 1; i < k; i++)
                at[i] = at[i - 1] + 1;
        }
    }

    private static bool InOrder(Ball[] c, int[] chosen, ref string note)
    {
        for (int k = 0; k + 1 < chosen.Length; k++)
        {
            if (!Before(c, chosen[k], chosen[k + 1], "expert", ref note))
                return false;
        }

        return true;
    }

    private static bool Ordered(Ball[] c, int[] first, int[] then, string what, ref string note)
    {
        foreach (int i in first)
        {
            foreach (int j in then)
            {
                if (!Before(c, i, j, what, ref note))
                    return false;
            }
        }

        return true;
    }

    private static bool Before(Ball[] c, int i, int j, string what, ref string note)
    {
        double margin = c[j].Mid - c[i].Mid, bound = c[i].Radius + c[j].Radius;
        if (margin < 0 || margin == 0 && i < j || c[i].Mid == c[j].Mid && i < j)
            return true;
        note = string.Create(CultureInfo.InvariantCulture, $"{what} {i} before {j}, whose score is {(margin == 0 ? "the same" : $"larger by {margin:g4}")}; rounding moves it by {bound:g4} at most");
        return margin > 0 && margin <= bound;
    }

    private Ball ScoreOfGroup(Ball[] c)
    {
        Ball first = double.NegativeInfinity, second = double.NegativeInfinity;
        foreach (Ball x in c)
        {
            if (x.Mid > first.Mid)
                (first, second) = (x, first);
            else if (x.Mid > second.Mid)
                second = x;
        }

        if (Attributes.GroupScore == GroupScore.Max || c.Length < 2)
            return first;
        double sum = first.Mid + second.Mid;
        return new Ball(sum, first.Radius + second.Radius + Roundoff.Single * Math.Abs(sum));
    }
}
