using System.Globalization;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>What is known of one probe while a dump is judged: the stage's result under the contract, the range of it in other orders of its sums, and the dump's values.</summary>
internal sealed class StageState
{
    private readonly Tensor? scores;
    private readonly bool scoresAreHeld;
    private readonly float[] low, high;
    private Deviation orders;
    private double scoresMove;

    /// <summary>A stage and its result under the contract.</summary>
    /// <param name="probe">The probe.</param>
    /// <param name="reference">What the stage gives on the dump's own values.</param>
    /// <param name="candidate">The dump's values in our layout; null where they do not fit.</param>
    /// <param name="note">Why not, or what their conversion rounded.</param>
    /// <param name="scores">Of a choice of experts, the scores it was made from.</param>
    /// <param name="scoresAreHeld">Whether these are the dump's.</param>
    public StageState(string probe, Tensor reference, Tensor? candidate, string note, Tensor? scores, bool scoresAreHeld)
    {
        (Probe, Reference, Candidate, Note, this.scores, this.scoresAreHeld) = (probe, reference, candidate, note, scores, scoresAreHeld);
        low = IsChoice ? [] : [.. Enumerable.Range(0, (int)reference.ElementCount).Select(i => (float)ElementReader.Value(reference, i))];
        high = [.. low];
        Refusal = candidate is null ? ("shape", note) : IsChoice ? NoChoice(candidate) : Mask(candidate);
    }

    /// <summary>The probe.</summary>
    public string Probe { get; }

    /// <summary>The stage's result under the contract.</summary>
    public Tensor Reference { get; }

    /// <summary>The dump's values; null where they do not fit.</summary>
    public Tensor? Candidate { get; }

    /// <summary>What the conversion of the dump's values rounded.</summary>
    public string Note { get; }

    /// <summary>Why the values cannot be fed: another shape, NaNs or infinities that ours has not, indices that are none.</summary>
    public (string Check, string Note)? Refusal { get; }

    /// <summary>Whether the probe is a choice of experts.</summary>
    public bool IsChoice => Reference.DType == DType.I32;

    /// <summary>The router's bias, for a choice.</summary>
    public Tensor? Bias { get; set; }

    /// <summary>The same stage in another order of its sums.</summary>
    public void Add(Tensor other, Tensor? otherScores)
    {
        if (IsChoice)
        {
            for (long i = 0; i < scores!.ElementCount; i++)
                scoresMove = Math.Max(scoresMove, Math.Abs(ElementReader.Value(scores, i) - ElementReader.Value(otherScores!, i)));
            return;
        }

        orders = orders.Max(Deviation.Of(Reference, other));
        for (int i = 0; i < low.Length; i++)
        {
            float value = (float)ElementReader.Value(other, i);
            low[i] = MathF.Min(low[i], value);
            high[i] = MathF.Max(high[i], value);
        }
    }

    /// <summary>The verdict on real numbers.</summary>
    public StageReport Judge(StageReport report)
    {
        Deviation stage = Deviation.Of(Reference, Candidate!);
        report = report with { Stage = stage, Limit = StageLimits.Of(orders, Reference.DType, Reference.ElementCount), Explained = Explained() };
        if (stage.Mismatches == 0)
            return report with { Verdict = Verdict.Bits };
        return StageLimits.Exceeded(stage, report.Limit, report.Count) is var (check, line)
            ? report with { Verdict = Verdict.Fail, Check = check, Note = Joined(line, Note) }
            : report with { Verdict = Verdict.Noise, Check = "orders" };
    }

    /// <summary>The verdict on a choice of experts.</summary>
    public StageReport JudgeChoice(StageReport report, GateAttributes rule, bool anyOrder)
    {
        // Scores of our own may be off as another order of the sums is: by a step of bfloat16 near 1, or by four units of a sigmoid in binary32.
        double floor = scoresAreHeld ? 0 : Math.ScaleB(1, scores!.DType == DType.BF16 ? -8 : -21);
        double tolerance = Math.Max(StageLimits.Room * scoresMove, floor);
        (Verdict verdict, string note, long explained) = ExpertChoice.Judge(scores!, Bias, rule, Reference, Candidate!, tolerance, anyOrder);
        return report with { Verdict = verdict, Check = verdict == Verdict.Bits ? "bits" : "choice", Note = note, Explained = explained };
    }

    private static string Joined(string a, string b) => b.Length == 0 ? a : $"{a}; {b}";

    private long Explained()
    {
        long explained = 0;
        (int fraction, int leastExponent) = ElementReader.Precision(Reference.DType);
        for (int i = 0; i < low.Length; i++)
        {
            double a = ElementReader.Value(Candidate!, i);
            if (a == ElementReader.Value(Reference, i))
                continue;
            double unit = double.ScaleB(1, Math.Max(a == 0 ? leastExponent : Math.ILogB(a), leastExponent) - fraction);
            explained += a >= low[i] - unit && a <= high[i] + unit ? 1 : 0;
        }

        return explained;
    }

    private (string Check, string Note)? NoChoice(Tensor candidate)
    {
        int K = (int)candidate.Shape[^1], E = (int)scores!.Shape[^1];
        for (long t = 0; t < candidate.Shape[0]; t++)
        {
            ReadOnlySpan<int> row = candidate.Rows(t, 1).AsReadOnlySpan<int>();
            if (row.ContainsAnyExceptInRange(0, E - 1) || row.ToArray().Distinct().Count() != K)
                return ("choice", $"row {t}: [{string.Join(", ", row.ToArray())}] are not {K} different experts of {E}");
        }

        return null;
    }

    private (string Check, string Note)? Mask(Tensor candidate)
    {
        long nan = 0, infinite = 0, first = -1;
        for (long i = 0; i < candidate.ElementCount; i++)
        {
            double a = ElementReader.Value(candidate, i), e = ElementReader.Value(Reference, i);
            bool differs = double.IsNaN(a) != double.IsNaN(e) || double.IsInfinity(a) != double.IsInfinity(e);
            nan += differs && double.IsNaN(a) ? 1 : 0;
            infinite += differs && double.IsInfinity(a) ? 1 : 0;
            first = differs && first < 0 ? i : first;
        }

        return first < 0 ? null : ("mask", string.Create(CultureInfo.InvariantCulture,
            $"{nan} NaNs and {infinite} infinities stand where the stage gives none, or the other way round; the first difference is element {first}"));
    }
}
