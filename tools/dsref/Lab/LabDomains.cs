using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>Texts of one kind: those to train on, and those held out.</summary>
internal sealed record LabDomain(string Name, IReadOnlyList<TextDocument> Training, IReadOnlyList<TextDocument> HeldOut)
{
    /// <summary>One document of so many is held out.</summary>
    private const int Every = 10;

    /// <summary>Three generated languages, or the folders of a folder, each a domain; a folder without folders, and a file, are one. The first document of ten is held out.</summary>
    /// <exception cref="DataException">A domain has fewer than two documents, or a file cannot be read.</exception>
    public static IReadOnlyList<LabDomain> Of(LabSettings settings)
    {
        if (settings.Data is not { } path)
            return [.. Enumerable.Range(0, 3).Select(i => Split($"language {i + 1}", [.. LabText.Documents(settings.Seed + ((ulong)i << 32), LabTraining.DocumentsOf(settings.Quick) / 3)]))];
        string[] folders = Directory.Exists(path) ? [.. Directory.GetDirectories(path).Where(f => !Path.GetFileName(f).StartsWith('.')).Order(StringComparer.Ordinal)] : [];
        return folders.Length == 0 ? [Split(Path.GetFileName(Path.TrimEndingDirectorySeparator(path)), [.. TextDocuments.Read(path)])]
            : [.. folders.Select(f => Split(Path.GetFileName(f), [.. TextDocuments.Read(f)]))];
    }

    private static LabDomain Split(string name, TextDocument[] documents)
    {
        if (documents.Length < 2)
            throw new DataException($"{name}: {documents.Length} documents; one of {Every} is held out, so give each domain two or more");
        return new LabDomain(name, [.. documents.Where((_, i) => i % Every != 0)], [.. documents.Where((_, i) => i % Every == 0)]);
    }

    /// <summary>The documents of all domains to train on.</summary>
    public static IEnumerable<TextDocument> TrainingOf(IEnumerable<LabDomain> domains) => domains.SelectMany(d => d.Training);

    /// <summary>Held-out windows as one batch, so many at most.</summary>
    public TrainingBatch Batch(TrainingDataOptions options, int rows)
    {
        TrainingData data = TrainingData.Of(HeldOut, new ByteVocabulary(), options);
        return data.Batch(0, Math.Min(rows, data.WindowCount));
    }
}
