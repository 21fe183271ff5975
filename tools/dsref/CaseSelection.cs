using System.Diagnostics;
using System.Text.RegularExpressions;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>How one case came out.</summary>
/// <param name="Verdict">The verdict.</param>
/// <param name="Detail">Empty, or one line: what differs, or why it was skipped.</param>
/// <param name="Elapsed">Time of the case's own work.</param>
/// <param name="Model">The tensors' verdicts, for a model directory.</param>
/// <param name="Call">How each output was judged, where more than a digest did.</param>
/// <param name="Crashed">Whether the backend crashed, hung, or broke its protocol.</param>
internal sealed record CaseReport(Verdict Verdict, string Detail, TimeSpan Elapsed, ModelCaseResult? Model = null, CallReport? Call = null, bool Crashed = false)
{
    /// <summary>The check that decided; empty where a digest did.</summary>
    public string Check { get; init; } = "";

    /// <summary>How often a foreign backend made an operation's call; 0 where none did.</summary>
    public int Runs { get; init; }

    /// <summary>Whether these runs gave different bits.</summary>
    public bool Nondeterministic { get; init; }
}

/// <summary>Something to verify.</summary>
/// <param name="Id">The case id, or the directory as named.</param>
/// <param name="Kind">operation, outputs (the digests of a model's logits) or model (a directory with an oracle).</param>
/// <param name="Family">The row of the summary that counts it.</param>
/// <param name="Judge">Runs and judges it on a backend.</param>
internal sealed record SelectedCase(string Id, string Kind, string Family, Func<IBackend, CaseReport> Judge);

/// <summary>Turns what a user names into cases: nothing is everything, a directory is a model, else a case id or an operation's name.</summary>
internal sealed class CaseSelection(GoldenSource source, CaseLevel level, Regex filter, Fp8Mode fp8, HarnessOptions options)
{
    /// <summary>The cases, in the order named.</summary>
    /// <exception cref="CaseException">A target that is none of these.</exception>
    /// <exception cref="GoldenException">The manifest is missing or damaged.</exception>
    public IReadOnlyList<SelectedCase> Of(IReadOnlyList<string> targets)
    {
        IEnumerable<SelectedCase> found = targets.Count == 0 ? Everything() : targets.SelectMany(Of);
        return [.. found.Where(c => CaseAlias.Matches(filter, c.Id))];
    }

    private IEnumerable<SelectedCase> Everything()
    {
        foreach (GoldenRecord record in source.Manifest().Records.Where(r => r.Level <= level))
            yield return Kept(record);
        foreach ((string name, string path) in source.Oracles())
            yield return GoldenModel($"oracles/{name}", path);
    }

    private IEnumerable<SelectedCase> Of(string target)
    {
        if (Directory.Exists(target))
            return [Model(target, target)];
        target = CaseAlias.OperationOf(target.ToLowerInvariant()) ?? target;
        if (OperationCase.Names.Append(ModelOutputs.IdName).Contains(target, StringComparer.OrdinalIgnoreCase))
            return source.Manifest().Records.Where(r => r.Level <= level && string.Equals(CaseId.Parse(r.Id).Name, target, StringComparison.OrdinalIgnoreCase)).Select(Kept);
        if (target.StartsWith('-'))
            throw new CaseException($"'{target}' is no option of verify; `dsref verify --help` shows them");
        if (!target.Contains('[', StringComparison.Ordinal))
            throw new CaseException($"'{target}' is no directory, no case id (name[key=value,...]) and no operation; operations are {string.Join(", ", OperationCase.Names)}");

        CaseId id = CaseId.Parse(target);
        if (id.Name == ModelOutputs.IdName)
        {
            string kept = ModelOutputs.Id(ModelOutputs.Parse(id).Name, ModelOutputs.Parse(id).Contract).ToString();
            return [Kept(source.Manifest().Find(kept) ?? throw new CaseException($"case '{kept}' has no golden; `dsref list --filter ^model` shows those that have"))];
        }

        OperationCase c = OperationCase.From(id);
        return [Operation(c, source.Manifest().Find(c.ToString()))];
    }

    /// <summary>A directory to judge by its oracle. One that cannot be run is an error, not a verdict.</summary>
    private SelectedCase Model(string id, string path)
    {
        if (!ModelCase.IsCase(path))
            throw new DataException($"{path}: not a model case; it needs config.json, model.safetensors and {ModelCase.OracleFile}");
        return new SelectedCase(id, "model", "model oracles", backend =>
        {
            long start = Stopwatch.GetTimestamp();
            try
            {
                ModelCaseResult result = ModelCase.Run(path, backend, new ModelCaseOptions { Fp8 = fp8 });
                return new CaseReport(result.Verdict, ModelReport.Detail(result), Stopwatch.GetElapsedTime(start), result);
            }
            catch (BackendException e)
            {
                return new CaseReport(Verdict.Fail, e.Message, Stopwatch.GetElapsedTime(start), Crashed: e.Ended);
            }
        });
    }

    /// <summary>An oracle of golden/: if it cannot be read, the golden is damaged.</summary>
    private SelectedCase GoldenModel(string id, string path)
    {
        SelectedCase model = Model(id, path);
        return model with
        {
            Judge = backend =>
            {
                try
                {
                    return model.Judge(backend);
                }
                catch (DataException e)
                {
                    throw new GoldenException(e.Message, e);
                }
            },
        };
    }

    private SelectedCase Kept(GoldenRecord record)
    {
        try
        {
            CaseId id = CaseId.Parse(record.Id);
            return id.Name == ModelOutputs.IdName ? Outputs(record, ModelOutputs.Parse(id).Name) : Operation(OperationCase.From(id), record);
        }
        catch (CaseException e)
        {
            throw new GoldenException($"the manifest holds a line that this version cannot run: {e.Message}", e);
        }
    }

    private SelectedCase Outputs(GoldenRecord record, string name) => new(record.Id, "outputs", "model bits", backend =>
    {
        string? path = source.Oracles().FirstOrDefault(o => o.Name == name).Path;
        return path is null
            ? throw new GoldenException($"golden '{record.Id}': {source.Name} has no oracles/{name}; restore it from version control")
            : Report(ModelOutputs.Judge(record, path, backend));
    });

    /// <summary>An operation case: bits by its golden; a backend that is not the library's own may also be within the noise of the declared arithmetic.</summary>
    private SelectedCase Operation(OperationCase c, GoldenRecord? golden) =>
        new(c.ToString(), "operation", c.Id.Name, backend => Report(OperationJudge.Judge(c, golden, backend, options)));

    private static CaseReport Report(OperationVerdict verdict) => new(verdict.Verdict, verdict.Detail, verdict.Elapsed, Call: verdict.Call, Crashed: verdict.Crashed)
    {
        Check = verdict.Check,
        Runs = verdict.Runs,
        Nondeterministic = verdict.Nondeterministic,
    };
}
