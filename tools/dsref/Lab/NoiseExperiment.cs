using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>A product whose variants are judged: y [T, N] from K codes, with scales that are constant along k.</summary>
internal sealed record NoiseSettings(int T, int N, int K, IReadOnlyList<string> Maps, int Seeds, ulong FirstSeed, bool LegitimateOnly);

/// <summary>What NOISE says of one variant over all seeds of one value map and output dtype.</summary>
internal sealed record NoiseRow(string Variant, bool Legitimate, string Map, DType Output, int Seeds, int Noise, double Ratio, double Rate, double EmulationRate, double Bias, double WorstMargin, string WorstCheck, int Outliers)
{
    /// <summary>
    /// Whether the data can tell the variant: whole numbers leave the short accumulator as exact as the binary32 one that a promotion moves them to, so that fewer
    /// promotions err less than the declared arithmetic, and there is nothing to see.
    /// </summary>
    public bool CanBeTold => Map != "int" || !Variant.Contains("promotion", StringComparison.Ordinal);

    /// <summary>Whether NOISE said what it should on every seed.</summary>
    public bool Holds => !CanBeTold || Noise == (Legitimate ? Seeds : 0);
}

/// <summary>
/// Variants of DeepGEMM's FP8 product on Hopper, judged against its emulation: legitimate ones must be NOISE on every seed, wrong ones on none (docs/spec/noise.md).
/// </summary>
/// <remarks>
/// Scales are random for each row and constant along k, so that a promotion interval beyond 128 means something: then only where the unit's short accumulator is emptied
/// differs. The exact result is a sum in binary64 of products that are multiples of 2^-18, without rounding, times both scales.
/// </remarks>
internal static class NoiseExperiment
{
    private const int Block = ScaledProduct.ScaleBlock;

    private static readonly ScaledProduct Hopper = ScaledProduct.HopperWithoutPromotion;
    private static readonly ScaledProduct Wide = Hopper with { Name = "wide", Block = Accumulation.TensorCore(TensorCore.BlackwellTcgen05E4M3F32) };

    /// <summary>The variants: name, whether legitimate, result from the data.</summary>
    private static readonly (string Name, bool Legitimate, Func<NoiseData, DType, float[]> Result)[] Variants =
    [
        ("split-K 2, binary32", true, (d, _) => Split(d, 2, false)),
        ("split-K 4, binary32", true, (d, _) => Split(d, 4, false)),
        ("blocks reversed", true, (d, _) => Sum(d, Enumerable.Range(0, d.Blocks).Reverse(), d.Runs(Hopper, Block))),
        ("instructions reversed", true, (d, _) => Sum(d, Enumerable.Range(0, d.Blocks), d.Descending())),
        ("F = 25 accumulator", true, (d, _) => Sum(d, Enumerable.Range(0, d.Blocks), d.Runs(Wide, Block))),
        ("promotion 256", false, (d, _) => Sum(d, Enumerable.Range(0, d.K / 256), d.Runs(Hopper, 256))),
        ("promotion 512", false, (d, _) => Sum(d, Enumerable.Range(0, d.K / 512), d.Runs(Hopper, 512))),
        ("no promotion", false, (d, _) => Sum(d, [0], d.Runs(Hopper, d.K))),
        ("split-K 2, bfloat16 combine", false, (d, _) => Split(d, 2, true)),
        ("truncating store", false, (d, output) => Truncated(d.Reference, output)),
    ];

    /// <summary>Runs every variant on every seed.</summary>
    public static IReadOnlyList<NoiseRow> Run(NoiseSettings settings, Action<int, int> progress)
    {
        var tallies = new Dictionary<(string Map, DType Output, string Variant), Tally>();
        int done = 0;
        foreach (string map in settings.Maps)
        {
            for (int i = 0; i < settings.Seeds; i++)
            {
                progress(done++, settings.Maps.Count * settings.Seeds);
                var data = new NoiseData(settings, map, settings.FirstSeed + (ulong)i);
                foreach ((string name, bool legitimate, Func<NoiseData, DType, float[]> result) in Variants)
                {
                    if (settings.LegitimateOnly && !legitimate)
                        continue;
                    foreach (DType output in (DType[])[DType.F32, DType.BF16])
                    {
                        if (name == "truncating store" && output == DType.F32)
                            continue;
                        if (!tallies.TryGetValue((map, output, name), out Tally? tally))
                            tallies.Add((map, output, name), tally = new Tally(name, legitimate, map, output));
                        JudgedElements judged = data.Judged(result(data, output), output);
                        var test = NoiseTest.Of(judged, settings.T, OrderAllowance.None);
                        tally.Add(test, Outlier.Find(new MeasuredSample(judged, judged), OrderAllowance.None));
                    }
                }
            }
        }

        return [.. tallies.Values.Select(t => t.Row())];
    }

    /// <summary>acc of the runs in an order: fma(sa · sb, d, acc).</summary>
    private static float[] Sum(NoiseData data, IEnumerable<int> order, float[][] runs)
    {
        float[] acc = new float[data.T * data.N];
        foreach (int q in order)
        {
            for (int i = 0; i < acc.Length; i++)
                acc[i] = MathF.FusedMultiplyAdd(data.Scale(i), runs[q][i], acc[i]);
        }

        return acc;
    }

    /// <summary>Parts of K in accumulators of their own, added in order, each rounded to bfloat16 first or not.</summary>
    private static float[] Split(NoiseData data, int parts, bool narrow)
    {
        float[] total = new float[data.T * data.N];
        for (int p = 0; p < parts; p++)
        {
            int from = data.Blocks * p / parts, to = data.Blocks * (p + 1) / parts;
            float[] part = Sum(data, Enumerable.Range(from, to - from), data.Runs(Hopper, Block));
            for (int i = 0; i < total.Length; i++)
                total[i] += narrow ? BFloat16.RoundToFloat(part[i]) : part[i];
        }

        return total;
    }

    private static float[] Truncated(float[] values, DType output) =>
        output == DType.F32 ? values : Array.ConvertAll(values, v => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(v) & 0xFFFF0000));

    private sealed class Tally(string name, bool legitimate, string map, DType output)
    {
        private int seeds, noise, outliers;
        private double ratio, rate, emulationRate, bias;
        private double worst = double.NegativeInfinity;
        private double least = double.PositiveInfinity;
        private string check = "";

        public void Add(NoiseTest test, NoiseFinding? outlier)
        {
            NoiseSums s = test.Whole;
            seeds++;
            noise += test.Failed is null && outlier is null ? 1 : 0;
            outliers += outlier is null ? 0 : 1;
            ratio += s.Ratio(OrderAllowance.None);
            rate += (double)s.CandidateOff / s.Count;
            emulationRate += (double)s.EmulationOff / s.Count;
            bias += test.Findings[2].Excess;
            NoiseFinding furthest = test.Findings.MaxBy(f => f.Excess - f.Limit)!;
            double margin = furthest.Excess - furthest.Limit;

            // Of a legitimate variant the seed nearest to an alarm counts, of a wrong one that nearest to escape.
            if (legitimate ? margin > worst : margin < least)
                check = furthest.Check;
            worst = Math.Max(worst, margin);
            least = Math.Min(least, margin);
        }

        public NoiseRow Row() => new(name, legitimate, map, output, seeds, noise, ratio / seeds, rate / seeds, emulationRate / seeds, bias / seeds, legitimate ? worst : least, check, outliers);
    }
}
