using System.Diagnostics;
using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>How one operation case came out.</summary>
/// <param name="Id">The case.</param>
/// <param name="Verdict"><see cref="Verdict.Bits"/>, <see cref="Verdict.Fail"/> or <see cref="Verdict.Skip"/>.</param>
/// <param name="Detail">Empty, or what differs: tensor, first index, bits of both; or why it was skipped.</param>
/// <param name="Elapsed">Time of the operation alone, without making and hashing tensors.</param>
public sealed record OperationVerdict(string Id, Verdict Verdict, string Detail, TimeSpan Elapsed)
{
    /// <summary>How each output was judged, where more than a digest did.</summary>
    internal CallReport? Call { get; init; }

    /// <summary>Whether the backend crashed, hung, or broke its protocol.</summary>
    internal bool Crashed { get; init; }

    /// <summary>The check that decided; empty where a digest did.</summary>
    internal string Check { get; init; } = "";

    /// <summary>How often a foreign backend made the call between canaries; 0 where none did.</summary>
    internal int Runs { get; init; }

    /// <summary>Whether these runs gave different bits.</summary>
    internal bool Nondeterministic { get; init; }
}

/// <summary>Runs operation cases, records their digests, and judges a backend by them.</summary>
public static class OperationJudge
{
    /// <summary>The manifest's line for a case, from a run on a backend.</summary>
    /// <exception cref="ContractException">The backend does not offer the case.</exception>
    public static GoldenRecord Record(OperationCase c, IBackend backend, IReadOnlyList<string> witness)
    {
        ArgumentNullException.ThrowIfNull(c);
        CaseTensors tensors = c.Prepare();
        var inputs = new List<KeyValuePair<string, GoldenTensor>>();
        foreach (CaseInput input in c.Inputs)
            inputs.Add(new(input.Name, new GoldenTensor(input.Map, input.DType, input.Shape, CanonicalHash.Of(tensors[input.Name]))));
        c.Run(backend, tensors);
        var outputs = new List<KeyValuePair<string, GoldenTensor>>();
        foreach (CaseOutput output in c.Outputs)
            outputs.Add(new(output.Name, GoldenTensor.OfOutput(tensors[output.Name])));
        return new GoldenRecord
        {
            Id = c.ToString(),
            Level = CaseCatalogue.LevelOf(c),
            Contract = c.Contract.Name,
            Seed = c.Seed,
            Inputs = inputs,
            Outputs = outputs,
            Witness = witness,
        };
    }

    /// <summary>The most multiply-adds that the definitions recompute whole where there is no golden; beyond, a sample (docs/spec/verdicts.md 3).</summary>
    private const long DefinitionLimit = 1 << 28;

    /// <summary>Judges any backend: the library's own by bits alone, since they claim them; others in the harness, by bits, noise and bound.</summary>
    /// <exception cref="GoldenException">As <see cref="Judge(OperationCase, GoldenRecord, IBackend)"/>.</exception>
    internal static OperationVerdict Judge(OperationCase c, GoldenRecord? golden, IBackend backend, HarnessOptions options)
    {
        bool own = backend is ScalarBackend or SimdBackend;
        if (own && golden is not null)
            return Judge(c, golden, backend);
        if (own && c.MultiplyAdds <= DefinitionLimit)
            return Judge(c, Record(c, new ScalarBackend(), []), backend);
        CaseTensors tensors = c.Prepare();
        if (golden is not null)
            RequireInputs(c, golden, tensors);
        return own ? JudgeOwn(c, tensors, backend, options.Judge) : JudgeForeign(c, golden, tensors, backend, options);
    }

    /// <summary>A case too large for the definitions: bits of a sample.</summary>
    private static OperationVerdict JudgeOwn(OperationCase c, CaseTensors tensors, IBackend backend, JudgeOptions options)
    {
        var before = c.Outputs.ToDictionary(o => o.Name, o => tensors[o.Name].Clone());
        long start = Stopwatch.GetTimestamp();
        try
        {
            c.Run(backend, tensors);
        }
        catch (ContractException e)
        {
            return new OperationVerdict(c.ToString(), Verdict.Skip, e.Message, Stopwatch.GetElapsedTime(start));
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        CallReport report = CallJudge.Judge(c.Call(tensors), before, options);
        Verdict verdict = report.Verdict == Verdict.Bits ? Verdict.Bits : Verdict.Fail;
        return new OperationVerdict(c.ToString(), verdict, verdict == Verdict.Bits ? report.Proves : Detail(report), elapsed) { Call = report, Check = report.Check };
    }

    private static OperationVerdict JudgeForeign(OperationCase c, GoldenRecord? golden, CaseTensors tensors, IBackend backend, HarnessOptions options)
    {
        long start = Stopwatch.GetTimestamp();
        HarnessReport harness;
        try
        {
            bool IsRight(OperationCall run) => golden!.Outputs.All(o => CanonicalHash.Of(run[o.Key]) == o.Value.Sha256);
            harness = CallHarness.Run(c, c.Call(tensors), backend, options with { IsRight = golden is null ? null : IsRight });
        }
        catch (BackendException e)
        {
            return new OperationVerdict(c.ToString(), Verdict.Fail, e.Message, Stopwatch.GetElapsedTime(start)) { Crashed = e.Ended };
        }

        bool judged = harness.Call is not null && harness.Check == harness.Call.Check;
        string found = judged ? harness.Verdict == Verdict.Bits ? harness.Call!.Proves : Detail(harness.Call!)
            : harness.Verdict is Verdict.Skip or Verdict.Bits ? harness.Note : $"{harness.Check}: {harness.Note}";
        return new OperationVerdict(c.ToString(), harness.Verdict, harness.Nondeterministic ? $"NONDETERMINISTIC {found}" : found, harness.Elapsed)
        {
            Call = harness.Call,
            Check = harness.Verdict == Verdict.Skip ? "" : harness.Check,
            Runs = harness.Runs,
            Nondeterministic = harness.Nondeterministic,
        };
    }

    private static string Detail(CallReport report)
    {
        OutputReport worst = report.Outputs.First(o => o.Verdict == report.Verdict);
        return $"{worst.Name}, {worst.Check}{(worst.Note.Length == 0 ? "" : ": " + worst.Note)}";
    }

    /// <summary>Judges a backend by the manifest's digests; on a mismatch the definitions run again to find the first wrong element.</summary>
    /// <exception cref="GoldenException">The record does not belong to the case, or its inputs are not the ones that the seed makes: the golden is damaged.</exception>
    public static OperationVerdict Judge(OperationCase c, GoldenRecord golden, IBackend backend)
    {
        ArgumentNullException.ThrowIfNull(c);
        ArgumentNullException.ThrowIfNull(golden);
        ArgumentNullException.ThrowIfNull(backend);
        CaseTensors tensors = c.Prepare();
        RequireInputs(c, golden, tensors);

        long start = Stopwatch.GetTimestamp();
        try
        {
            c.Run(backend, tensors);
        }
        catch (ContractException e)
        {
            return new OperationVerdict(c.ToString(), Verdict.Skip, e.Message, Stopwatch.GetElapsedTime(start));
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        foreach ((string name, GoldenTensor expected) in golden.Outputs)
        {
            if (CanonicalHash.Of(tensors[name]) != expected.Sha256)
                return new OperationVerdict(c.ToString(), Verdict.Fail, Explain(c, golden, backend, tensors), elapsed);
        }

        return new OperationVerdict(c.ToString(), Verdict.Bits, "", elapsed);
    }

    private static void RequireInputs(OperationCase c, GoldenRecord golden, CaseTensors tensors)
    {
        bool same = c.ToString() == golden.Id && c.Inputs.Count == golden.Inputs.Count && c.Outputs.Count == golden.Outputs.Count;
        for (int i = 0; same && i < c.Inputs.Count; i++)
        {
            (string name, GoldenTensor expected) = golden.Inputs[i];
            CaseInput input = c.Inputs[i];
            same = name == input.Name && expected.Map == input.Map && expected.DType == input.DType && expected.Shape == input.Shape;
            if (same && CanonicalHash.Of(tensors[name]) != expected.Sha256)
                throw new GoldenException($"golden '{golden.Id}': input '{name}' has another digest than the seed's values; restore the manifest, or `dsref gen --update` with a reason");
        }

        for (int i = 0; same && i < c.Outputs.Count; i++)
        {
            (string name, GoldenTensor expected) = golden.Outputs[i];
            same = name == c.Outputs[i].Name && expected.DType == c.Outputs[i].DType && expected.Shape == c.Outputs[i].Shape;
        }

        if (!same)
            throw new GoldenException($"golden '{golden.Id}' does not describe the tensors of that case; restore the manifest, or `dsref gen --update` with a reason");
    }

    private static string Explain(OperationCase c, GoldenRecord golden, IBackend backend, CaseTensors actual)
    {
        CaseTensors expected = c.Prepare();
        c.Run(new ScalarBackend(), expected);
        foreach (CaseOutput output in c.Outputs)
        {
            Tensor e = expected[output.Name];
            Tensor a = actual[output.Name];
            for (long i = 0; i < e.ElementCount; i++)
            {
                string bits = CanonicalHash.ElementBits(e, i);
                if (CanonicalHash.ElementBits(a, i) != bits)
                    return $"{output.Name}{At(output.Shape, i)} is {CanonicalHash.ElementBits(a, i)} on {backend.Name}, {bits} by definition{Tiles(golden, output.Name, a)}";
            }
        }

        string wrong = string.Join(", ", golden.Outputs.Where(o => CanonicalHash.Of(actual[o.Key]) != o.Value.Sha256).Select(o => o.Key));
        return $"{wrong}: {backend.Name} equals the definition, but not the golden digest{string.Concat(c.Outputs.Select(o => Tiles(golden, o.Name, actual[o.Name])))}";
    }

    /// <summary>Which tiles of a big output differ from the golden, as the end of a sentence.</summary>
    private static string Tiles(GoldenRecord golden, string output, Tensor actual)
    {
        string? tiles = golden.Outputs.First(o => o.Key == output).Value.Tiles;
        string difference = tiles is null ? "" : TileDigests.Difference(tiles, actual);
        return difference.Length == 0 ? "" : $"; {output} differs in {difference}";
    }

    /// <summary>A row-major index as coordinates.</summary>
    private static string At(Shape shape, long index)
    {
        long[] at = new long[shape.Rank];
        for (int d = shape.Rank - 1; d >= 0; d--)
        {
            at[d] = index % shape[d];
            index /= shape[d];
        }

        return new Shape(at).ToString();
    }
}
