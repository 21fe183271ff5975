using System.Diagnostics;
using System.Globalization;
using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>Judges one output, in the order of docs/spec/noise.md 1: left and unwritten elements, masks, bits, choices, hard bounds, NOISE, SUSPECT, BOUND.</summary>
internal sealed class OutputJudge
{
    private const int MeasuredWorst = 256;

    // Beyond so many, a mask that differs is not looked at element by element.
    private const int MostFreeMasks = 4096;

    private readonly OperationCall call;
    private readonly Tensor actual;
    private readonly ReferencePieces pieces;
    private readonly CallSampler? sampler;
    private readonly JudgeOptions options;
    private readonly Stopwatch clock;
    private readonly string name;
    private readonly Func<long, bool>? onOwnValues;

    public OutputJudge(OperationCall call, string output, IReadOnlyDictionary<string, ReferencePieces> known, CallSampler? sampler, JudgeOptions options, Stopwatch clock)
    {
        this.call = call;
        pieces = known[output];
        onOwnValues = Stages.OnOwnValues(call, output, known);
        this.sampler = sampler;
        this.options = options;
        this.clock = clock;
        name = output;
        actual = call[output];
    }

    /// <summary>Whether the contract fixes every bit of the operation, so that a difference is no noise: copies, casts, IEEE steps.</summary>
    public static bool IsExact(OperationCall call) =>
        call is EmbeddingCall or CastCall or AddCall or ExpandKeysCall or DispatchCall or MtpInputCall or MtpInputBackwardCall or QuantizeCall or DequantizeCall;

    /// <summary>The verdict.</summary>
    public OutputReport Judge(Tensor? before)
    {
        long compared = pieces.Compared;
        if (before is not null && WrittenElements.FirstChanged(WrittenElements.Left(sampler, actual), before, actual) is >= 0 and long changed)
            return Report(Verdict.Fail, "untouched", $"{At(changed)} belongs to no row that the operation writes, and was changed", null);
        ErrorStatistics errors = ErrorStatistics.Of(actual, pieces);
        if (errors.MismatchCount == 0)
            return Report(Verdict.Bits, "bits", "", errors);
        if (before is not null && WrittenElements.Untouched(pieces, before, actual) is ( > 0, _) untouched)
            return Report(Verdict.Fail, "poison", $"{untouched.Count} of {compared} elements hold what was there before the call, {At(untouched.First)} first", errors);
        if (errors.MaskMismatchCount > 0 && !IsFreeMask())
            return Report(Verdict.Fail, "mask", $"{errors.MaskMismatchCount} of {compared} elements are NaN or infinite on one side alone; {errors.Worst}", errors);
        if (YardstickOf.Choice(call, name) is { } choice)
            return Chosen(choice, errors);
        if (YardstickOf.Value(call, name) is not { } yardstick || !ElementReader.IsReal(actual.DType))
            return Report(Verdict.Fail, "bits", $"{errors.MismatchCount} of {compared} elements differ, and the contract leaves nothing open; {errors.First}", errors);
        return IsExact(call) ? Exactly(yardstick, errors) : Measure(yardstick, errors);
    }

    /// <summary>Whether every element that is NaN or infinite on one side alone is one of which nothing is promised: one order of its sum overflows and another does not.</summary>
    private bool IsFreeMask()
    {
        if (IsExact(call) || !ElementReader.IsReal(actual.DType) || YardstickOf.Value(call, name) is not { } yardstick)
            return false;
        var one = new Measurement[1];
        int seen = 0;
        foreach (ReferencePiece piece in pieces.Pieces)
        {
            for (long i = 0; i < piece.Count; i++)
            {
                double e = ElementReader.Value(piece.Reference, i), a = ElementReader.Value(actual, piece.At(i));
                if (e.Equals(a) || (double.IsFinite(e) && double.IsFinite(a)) || !piece.IsResult(i))
                    continue;
                if (++seen > MostFreeMasks)
                    return false;
                yardstick.Measure([piece.At(i)], one);
                if (Outside(one[0].Exact, one[0].Bound, a))
                    return false;
            }
        }

        return true;
    }

    /// <summary>Where the contract fixes every bit: a difference is wrong, unless the element was made of the candidate's own earlier values; then its bound decides.</summary>
    private OutputReport Exactly(Yardstick yardstick, ErrorStatistics errors)
    {
        var measured = MeasuredSample.Take(actual, pieces, yardstick, onOwnValues, MeasuredWorst, options.Full ? double.PositiveInfinity : options.Budget, clock, options.Seed);
        JudgedElements e = measured.Suspicious;
        int[] differing = [.. Enumerable.Range(0, e.Count).Where(i => e.Actual[i] != e.Reference[i])];
        int otherSide = differing.Count(i => !Outside(e.Exact[i], e.Bound[i], e.Actual[i]));
        OutputReport report = Report(Verdict.Fail, "bits", "", errors) with { Measured = e.Count, NearTies = NearTies(measured) };
        if (onOwnValues is null || HasComparableMismatch(onOwnValues))
        {
            string ties = otherSide > 0 ? $"; of {differing.Length} looked at, {otherSide} are the other side of a tie" : "";
            return report with { Note = $"{errors.MismatchCount} of {errors.Count} elements differ, and the contract leaves nothing open; {errors.First}{ties}" };
        }

        string own = string.Join(" and ", Stages.Before(call, name));
        foreach (JudgedElements part in (JudgedElements[])[e, measured.Fair])
        {
            for (int i = 0; i < part.Count; i++)
            {
                if (Outside(part.Exact[i], part.Bound[i], part.Actual[i]))
                    return report with { Check = "bound", Deciding = MismatchAt(part.Index[i]) is { } d ? d with { Exact = part.Exact[i] } : null, Note = Text($"{At(part.Index[i])} is {part.Actual[i]:R} and must be {part.Exact[i]:R} on the candidate's own {own}") };
            }
        }

        return report with { Verdict = Verdict.Bound, Check = "stage", Measured = e.Count + measured.Fair.Count, Note = $"right on the candidate's own {own}, which are not the reference's" };
    }

    /// <summary>Whether some element differs that was made of the same earlier values as the reference's: all are looked at, since one suffices.</summary>
    private bool HasComparableMismatch(Func<long, bool> onOwn)
    {
        foreach (ReferencePiece piece in pieces.Pieces)
        {
            for (long i = 0; i < piece.Count; i++)
            {
                if (piece.IsResult(i) && !ReferencePieces.SameBits(piece.Reference, i, actual, piece.At(i)) && !onOwn(piece.At(i)))
                    return true;
            }
        }

        return false;
    }

    private long NearTies(MeasuredSample sample) => Enumerable.Range(0, sample.Fair.Count).Count(i => sample.Fair.IsNearTie(i, call is QuantizeCall));

    /// <summary>Elements off by far, all that seemed wrong, and as many others as the time allows.</summary>
    private OutputReport Measure(Yardstick yardstick, ErrorStatistics errors)
    {
        MeasuredSample sample = MeasuredSample.Take(actual, pieces, yardstick, onOwnValues, MeasuredWorst, options.Full ? double.PositiveInfinity : options.Budget, clock, options.Seed);
        OutputReport report = Report(Verdict.Bound, "bound", "", errors with { First = WithExact(errors.First, yardstick), Worst = WithExact(errors.Worst, yardstick) }) with
        {
            Measured = sample.Suspicious.Count + sample.Fair.Count,
            NearTies = NearTies(sample),
        };
        foreach (JudgedElements part in (JudgedElements[])[sample.Suspicious, sample.Fair])
        {
            for (int i = 0; i < part.Count; i++)
            {
                if (part.IsComparable(i) && Outside(part.Exact[i], part.Bound[i], part.Reference[i]))
                    throw new ContractException($"{call.Operation}: {At(part.Index[i])} of the reference is {part.Reference[i]:R}, and its bound allows {part.Exact[i]:R} ± {part.Bound[i]:R}; the bound is wrong, report it");
                if (!Outside(part.Exact[i], part.Bound[i], part.Actual[i]))
                {
                    double share = part.Bound[i] > 0 && double.IsFinite(part.Bound[i]) ? Math.Abs(part.Actual[i] - part.Exact[i]) / part.Bound[i] : 0;
                    report = share > report.LargestShareOfBound ? report with { LargestShareOfBound = share } : report;
                    continue;
                }

                double beyond = Math.Abs(part.Actual[i] - part.Exact[i]) / part.Bound[i];
                return report with
                {
                    Verdict = Verdict.Fail,
                    Check = "bound",
                    LargestShareOfBound = beyond,
                    Deciding = MismatchAt(part.Index[i]) is { } deciding ? deciding with { Exact = part.Exact[i] } : null,
                    Note = Text($"{At(part.Index[i])} is {part.Actual[i]:R}; the exact result is {part.Exact[i]:R}, and every legitimate one within {part.Bound[i]:G3} of it"),
                };
            }
        }

        OrderAllowance orders = LegitimateOrders.Of(call, sampler, name, options.Seed + 3);
        NoiseTest noise = NoiseTest.Of(sample.Fair, Math.Max(1, actual.ElementCount / sample.Fair.Columns), orders);
        NoiseFinding? failed = noise.Failed ?? (noise.Whole.Count > 0 ? Outlier.Find(sample, orders) : null);
        report = report with { Noise = noise };
        if (onOwnValues is not null && orders == OrderAllowance.None)
            return report with { Check = "stage", Note = $"within its bounds on the candidate's own {string.Join(" and ", Stages.Before(call, name))}, and nothing says how large its errors are there" };
        if (noise.Whole.Count > 0 && failed is null)
            return report with { Verdict = Verdict.Noise, Check = "noise", Note = noise.Findings[0].Figures };
        string? vacuous = Vacuous(sample.Fair);
        return vacuous is null
            ? report with { Check = failed!.Check, Note = Text($"within its bounds, but not as the declared arithmetic: {failed.Figures}, {failed.Where} ({failed.Excess:F1} standard errors, {failed.Limit:F1} allowed)") }
            : report with { Verdict = Verdict.Suspect, Check = "vacuous", Note = vacuous };
    }

    /// <summary>Why being inside the bound says nothing; null where it says something.</summary>
    private static string? Vacuous(JudgedElements e)
    {
        int measurable = 0, zeros = 0, wide = 0;
        for (int i = 0; i < e.Count; i++)
        {
            if (!e.IsMeasurable(i))
                continue;
            measurable++;
            zeros += e.Actual[i] == 0 && e.Rounded[i] != 0 ? 1 : 0;
            wide += e.Bound[i] >= Math.Abs(e.Exact[i]) && e.Rounded[i] != 0 ? 1 : 0;
        }

        if (measurable == 0)
            return "no element could be measured";
        if (2 * zeros > measurable)
            return $"{zeros} of {measurable} elements are zero, and the exact results are not";
        return 2 * wide > measurable ? $"the bound of {wide} of {measurable} elements is as large as the result: a zero would pass it" : null;
    }

    private OutputReport Chosen(ChoiceYardstick choice, ErrorStatistics errors)
    {
        long explained = 0;
        string first = "";
        foreach (long row in ComparedRows(choice.Rows))
        {
            (ChoiceVerdict verdict, string note) = choice.Judge(row);
            if (verdict == ChoiceVerdict.Wrong)
                return Report(Verdict.Fail, "choice", $"row {row}: {note}", errors);
            explained += verdict == ChoiceVerdict.Explained ? 1 : 0;
            first = verdict == ChoiceVerdict.Explained && first.Length == 0 ? $"row {row}: {note}" : first;
        }

        return explained == 0
            ? Report(Verdict.Noise, "choice", "right on the candidate's own earlier values, which are not the reference's", errors)
            : Report(Verdict.Noise, "choice", $"{explained} rows chose otherwise where rounding decides; {first}", errors) with { NearTies = explained };
    }

    private IEnumerable<long> ComparedRows(long rows)
    {
        if (pieces.IsWhole || rows == 0)
            return Enumerable.Range(0, checked((int)rows)).Select(r => (long)r);
        long length = Math.Max(1, actual.ElementCount / rows);
        return pieces.Pieces.SelectMany(p => p.Index!).Select(i => i / length).Distinct();
    }

    /// <summary>An element beside the reference's; null where the sample has none of it.</summary>
    private Mismatch? MismatchAt(long element)
    {
        foreach (ReferencePiece piece in pieces.Pieces)
        {
            if (piece.Index is null)
                return Mismatch.At(actual, element, piece.Reference, element);
            int i = Array.IndexOf(piece.Index, element);
            if (i >= 0)
                return Mismatch.At(actual, element, piece.Reference, i);
        }

        return null;
    }

    private Mismatch? WithExact(Mismatch? mismatch, Yardstick yardstick)
    {
        if (mismatch is null)
            return null;
        long at = 0;
        for (int d = 0; d < mismatch.Index.Count; d++)
            at = at * actual.Shape[d] + mismatch.Index[d];
        var one = new Measurement[1];
        yardstick.Measure([at], one);
        return mismatch with { Exact = one[0].Exact };
    }

    private static bool Outside(double exact, double bound, double y)
    {
        if (double.IsPositiveInfinity(bound))
            return false;
        return double.IsFinite(exact) ? !(Math.Abs(y - exact) <= bound) : !y.Equals(exact);
    }

    private OutputReport Report(Verdict verdict, string check, string note, ErrorStatistics? errors) => new()
    {
        Name = name,
        Verdict = verdict,
        Check = check,
        Note = note,
        Errors = errors,
        Compared = pieces.Compared,
        Comparison = pieces.IsWhole && Comparable ? TensorComparison.Compare(pieces.Pieces[0].Reference, actual) : null,
    };

    private bool Comparable => ElementReader.IsReal(actual.DType) || ElementReader.IsInteger(actual.DType);

    private string At(long element) => $"{name}[{string.Join(", ", Mismatch.Coordinates(actual.Shape, element))}]";

    private static string Text(FormattableString s) => s.ToString(CultureInfo.InvariantCulture);
}
