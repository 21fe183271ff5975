using System.Globalization;

namespace DeepSeek.Reference.Verification;

/// <summary>What the worst legitimate order of the same sums does, where the declared arithmetic does not fix the size of the error.</summary>
/// <param name="MeanSquare">Mean square of its errors, in the units of <see cref="NoiseSums"/>.</param>
/// <param name="Rate">Share of its results that are off the rounded exact one.</param>
/// <param name="Largest">Its largest error, as <see cref="Outlier"/> counts them.</param>
/// <param name="RowBias">RMS over rows of a row's mean error toward the result, where rows share errors; 0 where elements err each by itself.</param>
/// <param name="RowMean">What the mean over many rows of a row's mean error may be: an approximate function is off in all rows to the same side.</param>
/// <param name="RowMeanSquare">The mean square of the worst row, likewise.</param>
/// <param name="RowRate">The rate of the worst row, likewise.</param>
internal readonly record struct OrderAllowance(double MeanSquare, double Rate, double Largest = 0, double RowBias = 0, double RowMean = 0, double RowMeanSquare = 0, double RowRate = 0)
{
    // Of a single row, or of few: times the RMS of a row's bias.
    private const double RowBiases = 4;

    /// <summary>
    /// The mean error toward the result that elements of so many rows may have: rows err independently but for what they have in common, so that their mean is
    /// within five of its standard errors of that.
    /// </summary>
    public double Bias(long rows) => Math.Min(RowBiases * RowBias, RowMean + NoiseLimits.Whole * RowBias / Math.Sqrt(Math.Max(1, rows)));

    /// <summary>What a group of few rows is allowed: as much as the worst row.</summary>
    public OrderAllowance OfRow => this with { MeanSquare = Math.Max(MeanSquare, RowMeanSquare), Rate = Math.Max(Rate, RowRate) };

    /// <summary>The worse of two.</summary>
    public static OrderAllowance Worse(OrderAllowance a, OrderAllowance b) => new(
        Math.Max(a.MeanSquare, b.MeanSquare), Math.Max(a.Rate, b.Rate), Math.Max(a.Largest, b.Largest),
        Math.Max(a.RowBias, b.RowBias), Math.Max(a.RowMean, b.RowMean), Math.Max(a.RowMeanSquare, b.RowMeanSquare), Math.Max(a.RowRate, b.RowRate));

    /// <summary>The emulation alone is what errors are compared with.</summary>
    public static OrderAllowance None => default;
}

/// <summary>One of the three statistics, over the whole output or the worst group of one kind.</summary>
/// <param name="Check"><c>rms</c>, <c>rate</c>, <c>bias</c>; with the kind of group behind a comma.</param>
/// <param name="Excess">Standard errors beyond the limit.</param>
/// <param name="Limit">Standard errors allowed.</param>
/// <param name="Where">The group in words.</param>
/// <param name="Figures">What was measured there.</param>
internal sealed record NoiseFinding(string Check, double Excess, double Limit, string Where, string Figures)
{
    /// <summary>Whether the statistic is within its limit.</summary>
    public bool Holds => Excess <= Limit;
}

/// <summary>Whether errors look like the declared arithmetic's: R, rate and bias, over all elements and over every group (docs/spec/noise.md).</summary>
internal sealed class NoiseTest
{
    private NoiseTest(NoiseSums whole, IReadOnlyList<NoiseFinding> findings)
    {
        Whole = whole;
        Findings = findings;
    }

    /// <summary>The sums over all elements.</summary>
    public NoiseSums Whole { get; }

    /// <summary>Each statistic over all elements, then the worst group of each kind.</summary>
    public IReadOnlyList<NoiseFinding> Findings { get; }

    /// <summary>The statistic that is furthest beyond its limit, those of the whole first; null when all hold.</summary>
    public NoiseFinding? Failed =>
        Findings.Take(3).Where(f => !f.Holds).MaxBy(f => f.Excess - f.Limit) ?? Findings.Skip(3).Where(f => !f.Holds).MaxBy(f => f.Excess - f.Limit);

    /// <summary>Tests the elements of an output.</summary>
    public static NoiseTest Of(JudgedElements elements, long rows, OrderAllowance allowance)
    {
        var whole = default(NoiseSums);
        var (a, b, sign) = Normalised(elements, ref whole);

        // A typical error: the mean square of those that are not 0, of whichever has them.
        double atom = Math.Max(whole.CandidateOff == 0 ? 0 : whole.A2 / whole.CandidateOff, whole.EmulationOff == 0 ? 0 : whole.B2 / whole.EmulationOff);
        bool many = Math.Min(rows, elements.Columns) >= NoiseLimits.ManyRows && allowance.RowBias == 0;
        long seen = Enumerable.Range(0, elements.Count).Where(i => !double.IsNaN(a[i])).Select(i => elements.Index[i] / elements.Columns).Distinct().LongCount();
        var findings = new List<NoiseFinding>(Statistics(whole, "", "the whole output", atom, allowance, seen, many ? NoiseLimits.Many : NoiseLimits.Few, NoiseLimits.Whole));
        foreach (NoiseGrouping grouping in NoiseGrouping.For(rows, elements.Columns))
            findings.AddRange(Worst(elements, grouping, a, b, sign, atom, grouping.IsOfRows ? allowance.OfRow : allowance));
        return new NoiseTest(whole, findings);
    }

    private static (double[] A, double[] B, double[] Sign) Normalised(JudgedElements e, ref NoiseSums whole)
    {
        double[] a = new double[e.Count], b = new double[e.Count], sign = new double[e.Count];
        for (int i = 0; i < e.Count; i++)
        {
            if (!e.IsMeasurable(i))
            {
                a[i] = double.NaN;
                continue;
            }

            double scale = e.Scale(i);
            a[i] = (e.Actual[i] - e.Rounded[i]) / scale;
            b[i] = (e.Reference[i] - e.Rounded[i]) / scale;
            sign[i] = Math.Sign(e.Exact[i]);
            whole.Add(a[i], b[i], sign[i]);
        }

        return (a, b, sign);
    }

    /// <summary>The worst group of a kind, for each statistic.</summary>
    private static IEnumerable<NoiseFinding> Worst(JudgedElements e, NoiseGrouping grouping, double[] a, double[] b, double[] sign, double atom, OrderAllowance allowance)
    {
        var groups = new Dictionary<int, NoiseSums>();
        for (int i = 0; i < e.Count; i++)
        {
            int g = double.IsNaN(a[i]) ? -1 : grouping.Of(e.Index[i] / e.Columns, e.Index[i] % e.Columns);
            if (g < 0)
                continue;
            ref NoiseSums sums = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(groups, g, out _);
            sums.Add(a[i], b[i], sign[i]);
        }

        KeyValuePair<int, NoiseSums>[] large = [.. groups.Where(g => g.Value.Count >= NoiseLimits.LeastGroup)];
        double limit = NoiseLimits.Local(large.Length);
        return large.SelectMany(g => Statistics(g.Value, ", " + grouping.Name, grouping.Describe(g.Key), atom, allowance, rows: 1, NoiseLimits.Few, limit))
            .GroupBy(f => f.Check).Select(f => f.MaxBy(x => x.Excess)!);
    }

    private static NoiseFinding[] Statistics(NoiseSums s, string suffix, string where, double atom, OrderAllowance allowance, long rows, NoiseTolerance tolerance, double limit)
    {
        double n = Math.Max(1, s.Count);
        double scale = Math.Sqrt(Math.Max(s.B2 / n, allowance.MeanSquare));
        return
        [
            new("rms" + suffix, s.RatioExcess(tolerance, allowance, atom), limit, where, Text($"R = {s.Ratio(allowance):G4} over {s.Count} elements")),
            new("rate" + suffix, s.RateExcess(tolerance, allowance), limit, where, Text($"{s.CandidateOff / n:P2} of {s.Count} off the rounded exact result, {s.EmulationOff / n:P2} in the emulation")),
            new("bias" + suffix, s.BiasExcess(tolerance, allowance, rows), limit, where, Text($"mean error toward the result {s.SignedA / n / scale:G3} of the emulation's RMS, {s.SignedB / n / scale:G3} in the emulation, over {s.Count} elements")),
        ];
    }

    private static string Text(FormattableString s) => s.ToString(CultureInfo.InvariantCulture);
}
