using System.Diagnostics;
using System.Globalization;
using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>Judges what a candidate wrote into the outputs of a call (docs/spec/noise.md).</summary>
internal static class CallJudge
{
    // Shares of the budget: until when the definitions recompute, how long a look may take, until when samples are taken. Measuring has the rest.
    private const double ProofUntil = 0.4;
    private const double LookFor = 0.25;
    private const double SampleUntil = 0.7;

    // Checksums are the last resort and a hundredth of a product; that they cover the whole output is worth more than keeping to the second.
    private const double LongestLook = 2;

    /// <summary>Judges the outputs that stand in <paramref name="candidate"/>, whose inputs are as they were given to it.</summary>
    /// <param name="candidate">The call with the candidate's results in its outputs.</param>
    /// <param name="before">The outputs' contents before the candidate ran, by name: elements that the operation leaves must still hold them. Null: not known.</param>
    /// <param name="options">Budget and depth.</param>
    /// <exception cref="ContractException">The library's own backends disagree, or the reference lies outside its own bound.</exception>
    public static CallReport Judge(OperationCall candidate, IReadOnlyDictionary<string, Tensor>? before, JudgeOptions options)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        ArgumentNullException.ThrowIfNull(options);
        var clock = Stopwatch.StartNew();
        ReferenceRun run;
        try
        {
            if (options is { Full: true, Estimated: { } tell } && Estimate(candidate) is > 0 and double seconds)
                tell(seconds);
            run = new ReferenceRun(candidate, before, options, clock);
            run.Compute();
        }
        catch (ShapeException e)
        {
            return Refused(candidate, e);
        }

        run.Prove(options.Full ? double.PositiveInfinity : ProofUntil * options.Budget);
        ProductPass? look = null;
        if (!run.IsWhole)
        {
            look = ProductPass.Run(run.Sampler!, LookFor * options.Budget, options.Seed, LongestLook * options.Budget);
            run.MoreSamples(SampleUntil * options.Budget);
            if (look is not null)
                run.AddChosen(look.Standing);
            run.AddChosen(NotNumbers(candidate, run));
        }

        OutputReport[] outputs = [.. candidate.Outputs.Select(o =>
            new OutputJudge(candidate, o.Name, run.Pieces, run.Sampler, options, clock).Judge(Before(before, o)))];
        OutputReport worst = Weakest(candidate, outputs);
        return new CallReport
        {
            Verdict = worst.Verdict,
            Check = worst.Check,
            Outputs = outputs,
            Recomputed = run.Recomputed,
            Repro = options.Repro,
            Seconds = clock.Elapsed.TotalSeconds,
            Proves = Coverage.Sentence(candidate, run, look, outputs),
        };
    }

    /// <summary>The output that decides: the first stage with the weakest verdict. FAIL decides before what was not judged.</summary>
    public static OutputReport Weakest(OperationCall call, IReadOnlyList<OutputReport> outputs) => Stages.InOrder(call)
        .SelectMany(o => outputs.Where(r => r.Name == o.Name)).MaxBy(r => r.Verdict == Verdict.Fail ? int.MaxValue : (int)r.Verdict)!;

    /// <summary>Seconds that judging a call to the last bit would take, by a sample that is run for it.</summary>
    public static double Estimate(OperationCall call) => ReferenceRun.Estimate(call);

    private static Tensor? Before(IReadOnlyDictionary<string, Tensor>? before, Operand output) =>
        before is not null && before.TryGetValue(output.Name, out Tensor? b) && b.DType == output.Tensor.DType && b.Shape == output.Tensor.Shape ? b : null;

    private static CallReport Refused(OperationCall candidate, ShapeException e)
    {
        OutputReport[] outputs = [.. candidate.Outputs.Select(o => new OutputReport { Name = o.Name, Verdict = Verdict.Fail, Check = "shape", Note = e.Message })];
        return new CallReport { Verdict = Verdict.Fail, Check = "shape", Outputs = outputs };
    }

    /// <summary>Up to 64 places of the whole first output that hold NaN or infinity: a sample would miss a few of them.</summary>
    private static IEnumerable<(int Row, int Column)> NotNumbers(OperationCall candidate, ReferenceRun run)
    {
        CallSampler sampler = run.Sampler!;
        Tensor y = candidate.Outputs.First().Tensor;
        long pairs = (long)sampler.Rows * sampler.Columns;

        // Where a row of a sampler is no run of elements of the output.
        if (candidate is DispatchCall or QuantizeCall or DequantizeCall or EmbeddingBackwardCall or CombineBackwardCall or AttentionBackwardCall || !ElementReader.IsReal(y.DType) || pairs == 0 || y.ElementCount % pairs != 0)
            yield break;
        long length = y.ElementCount / pairs, last = -1;
        int found = 0;
        for (long i = 0; i < y.ElementCount && found < 64; i++)
        {
            long pair = i / length;
            (int row, int column) = ((int)(pair / sampler.Columns), (int)(pair % sampler.Columns));
            if (pair == last || double.IsFinite(ElementReader.Value(y, i)) || !sampler.IsWritten(row))
                continue;
            (found, last) = (found + 1, pair);
            yield return (row, column);
        }
    }
}

/// <summary>What a run proves, in a sentence with its figures.</summary>
internal static class Coverage
{
    /// <summary>ln 100: a defect in one of n/4.6 elements is missed by n elements with a probability of 1%.</summary>
    private static readonly double MissedOncePerHundred = Math.Log(100);

    /// <summary>The sentence.</summary>
    public static string Sentence(OperationCall call, ReferenceRun run, ProductPass? look, IReadOnlyList<OutputReport> outputs)
    {
        long all = call.Outputs.Sum(o => o.Tensor.ElementCount), compared = run.Pieces.Values.Sum(p => p.Sampled);
        var parts = new List<string>
        {
            run.IsWhole ? $"bits on all {Count(all)} elements" : $"bits on {Count(compared)} of {Count(all)} elements; {Missed(compared, run)}",
        };
        if (look is { Covered: > 0 })
            parts.Add($"{look.Kind} covered {(look.Covered >= Written(call, run) ? "all" : Count(look.Covered))}, and what stood out in it was emulated");
        else if (!run.IsWhole)
            parts.Add("what was not sampled was not looked at");
        if (outputs.Any(o => o.Measured > 0))
            parts.Add($"{Count(outputs.Sum(o => o.Measured))} measured against the exact result");
        parts.Add(run.Recomputed > 0 ? $"{Count(run.Recomputed)} outputs of the reference recomputed by the definitions, all equal" : "none of the reference was recomputed by the definitions");
        return string.Join("; ", parts);
    }

    private static long Written(OperationCall call, ReferenceRun run)
    {
        Tensor y = call.Outputs.First().Tensor;
        CallSampler sampler = run.Sampler!;
        return Enumerable.Range(0, sampler.Rows).Count(sampler.IsWritten) * (y.ElementCount / Math.Max(1, sampler.Rows));
    }

    private static string Missed(long compared, ReferenceRun run)
    {
        double scattered = Math.Max(1, Math.Floor(compared / MissedOncePerHundred)), rows = Math.Max(1, Math.Floor(run.RowsTaken / MissedOncePerHundred));
        return string.Create(CultureInfo.InvariantCulture, $"a defect scattered over 1 of {Count((long)scattered)} elements or more, or filling 1 of {rows:F0} rows or more, would be missed with p < 1%");
    }

    private static string Count(long n) => n >= 10_000_000
        ? string.Create(CultureInfo.InvariantCulture, $"{n / 1e6:F1} M")
        : n.ToString("N0", CultureInfo.InvariantCulture);
}
