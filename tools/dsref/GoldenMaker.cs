using System.Globalization;
using System.Text;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool;

/// <summary>Makes the manifest, and compares it with or writes it to golden/.</summary>
internal static class GoldenMaker
{
    private const string ManifestName = "manifest.jsonl";

    /// <summary>The line of one operation case.</summary>
    public static GoldenRecord Operation(OperationCase c, IBackend backend) => OperationJudge.Record(c, backend, CaseCatalogue.WitnessesOf(c));

    /// <summary>Every line: operations, then the models of the folder's oracles. The simd backend must agree with each before it is kept.</summary>
    /// <exception cref="CaseException">It does not; names the case and the first element.</exception>
    public static GoldenManifest All(string folder, IBackend backend, Terminal terminal)
    {
        using var progress = new Progress(terminal);
        var records = new List<GoldenRecord>();
        var twin = new SimdBackend();
        IReadOnlyList<OperationCase> cases = CaseCatalogue.All;
        foreach (OperationCase c in cases)
        {
            progress.Report($"gen {c}", records.Count, cases.Count);
            records.Add(Operation(c, backend));
            RequireBits(OperationJudge.Judge(c, records[^1], twin));
        }

        using var source = new GoldenSource(folder);
        foreach ((string name, string path) in source.Oracles())
        {
            foreach (NumericContract contract in ModelOutputs.ContractsOf(path))
            {
                progress.Report($"gen, model {name}, case", records.Count - cases.Count + 1, source.Oracles().Sum(o => ModelOutputs.ContractsOf(o.Path).Count));
                records.Add(ModelOutputs.Record(name, path, contract, backend));
                RequireBits(ModelOutputs.Judge(records[^1], path, twin));
            }
        }

        return new GoldenManifest(records);
    }

    /// <summary>The folder's manifest; where it need not exist, an empty one.</summary>
    /// <exception cref="GoldenException">It is missing or damaged.</exception>
    public static GoldenManifest Kept(string folder, bool mustExist)
    {
        using var source = new GoldenSource(folder);
        return mustExist || File.Exists(Path.Combine(folder, ManifestName)) ? source.Manifest() : new GoldenManifest([]);
    }

    /// <summary>Exit 1 if any byte would change: of the manifest, of the showcase, or of the copy of both that the tool embeds. Lists what would.</summary>
    public static int Check(string folder, GoldenManifest kept, GoldenManifest made, IBackend backend, Terminal terminal)
    {
        string[] files = [.. ShowcaseFiles.Differences(folder, backend)];
        bool same = File.ReadAllBytes(Path.Combine(folder, ManifestName)).AsSpan().SequenceEqual(made.ToBytes());
        foreach (string line in Differences(kept, made).Concat(files))
            terminal.Out.WriteLine(line);
        if (!same || files.Length > 0)
        {
            terminal.Fail($"{Path.Combine(folder, same ? Showcase.Folder : ManifestName)} would change; find out why, then `dsref gen --update --reason TEXT` if the change is meant");
            return ExitCode.Mismatch;
        }

        string[] stale = folder == "golden" ? [.. GoldenSource.Stale(folder)] : [];
        if (stale.Length > 0)
        {
            terminal.Fail($"this build embeds other bytes than {folder} holds, of {string.Join(", ", stale)}; build the tool again");
            return ExitCode.Mismatch;
        }

        terminal.Out.WriteLine($"{made.Records.Count} goldens and {Showcase.Cases.Count} showcase files, no byte would change");
        return ExitCode.Pass;
    }

    /// <summary>Writes the manifest, the showcase and a line of CHANGELOG.md, each file whole or not at all.</summary>
    public static int Update(string folder, GoldenManifest kept, GoldenManifest made, IBackend backend, string reason, Terminal terminal)
    {
        string path = Path.Combine(folder, ManifestName);
        string[] changes = [.. Differences(kept, made)];
        string[] files = [.. ShowcaseFiles.Differences(folder, backend)];
        if (changes.Length == 0 && files.Length == 0 && File.Exists(path))
        {
            terminal.Out.WriteLine($"{made.Records.Count} goldens, nothing to change");
            return ExitCode.Pass;
        }

        int added = changes.Count(c => c.StartsWith('+'));
        int removed = changes.Count(c => c.StartsWith('-'));
        terminal.BeginWriting();
        Directory.CreateDirectory(folder);
        string log = Path.Combine(folder, "CHANGELOG.md");
        string history = File.Exists(log) ? File.ReadAllText(log) : "# Changes of the goldens\n\nOne line a change, newest last: cases added, removed, changed; the reason.\n\n";
        string line = string.Create(CultureInfo.InvariantCulture, $"- +{added} -{removed} ~{changes.Length - added - removed}{(files.Length > 0 ? $", showcase {files.Length}" : "")}: {reason.ReplaceLineEndings(" ").Trim()}\n");
        AtomicFile.Write(path, stream => stream.Write(made.ToBytes()));
        ShowcaseFiles.Write(folder, backend);
        AtomicFile.Write(log, stream => stream.Write(Encoding.UTF8.GetBytes(history + line)));
        terminal.Out.WriteLine($"{path}: {made.Records.Count} goldens; {line.Trim()[2..]}");
        return ExitCode.Pass;
    }

    private static void RequireBits(OperationVerdict verdict)
    {
        if (verdict.Verdict != Verdict.Bits)
            throw new CaseException($"case '{verdict.Id}': {verdict.Detail}; no golden is kept until the backends agree");
    }

    private static IEnumerable<string> Differences(GoldenManifest kept, GoldenManifest made)
    {
        foreach (GoldenRecord record in kept.Records)
        {
            if (made.Find(record.Id) is not { } other)
                yield return $"- {record.Id}";
            else if (GoldenManifest.Line(other) != GoldenManifest.Line(record))
                yield return $"~ {record.Id}";
        }

        foreach (GoldenRecord record in made.Records)
        {
            if (kept.Find(record.Id) is null)
                yield return $"+ {record.Id}";
        }
    }
}
