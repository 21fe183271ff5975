using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>What became of one file of vectors.</summary>
/// <param name="Path">The file.</param>
/// <param name="Kind">What its lines were taken for.</param>
/// <param name="Total">Lines.</param>
/// <param name="Equal">Lines of which every result is equal.</param>
/// <param name="FirstDifference">The first difference, with its line; none where all are equal.</param>
/// <param name="NotRead">Fields, of any line, that the kind does not know.</param>
internal sealed record VectorReport(string Path, string Kind, long Total, long Equal, string? FirstDifference, IReadOnlyList<string> NotRead);

/// <summary>Evaluates files of recorded or computed bit patterns; the kind comes from their fields and name (docs/spec/tensor-cores.md).</summary>
internal static class VectorFile
{
    // Lines by which the unit is told where the name says too little.
    private const int Sample = 256;

    /// <summary>Every line of a file against the definitions.</summary>
    /// <param name="path">A .jsonl or .csv file, plain or compressed by gzip.</param>
    /// <param name="unit">The matrix unit, instead of the one that the name tells.</param>
    /// <param name="step">Told the number of lines done.</param>
    /// <exception cref="DataException">The file cannot be read, a line is malformed, or its kind is not known.</exception>
    public static VectorReport Evaluate(string path, TensorCore? unit = null, Action<int>? step = null)
    {
        if (TableOfFile.Kind(path) is { } tableKind)
        {
            VectorTableResult table = VectorTables.Evaluate(path, tableKind);
            if (table.Rows == 0)
                throw new DataException($"{path}: holds no rows below its first line; give a table with rows");
            return new VectorReport(path, table.Kind, table.Rows, table.Matches, table.FirstDifference, []);
        }

        IVectorKind kind = KindOf(path, unit, out string? named);
        var notRead = new List<string>();
        int total = 0;
        int equal = 0;
        VectorDifference? first = null;
        foreach (VectorLine line in VectorLines.ReadJson(path))
        {
            // Lines of one file are of one unit: another name further down would be passed over.
            if (unit is null && line.Has("unit") && line.Text("unit") != named)
                throw line.Bad($"'unit' is '{line.Text("unit")}', but on the first line '{named}'", "give a file for each unit");
            notRead.AddRange(line.Json.EnumerateObject().Select(field => field.Name).Where(name => !kind.Knows(name) && !notRead.Contains(name)));
            VectorDifference? difference = kind.Check(line);
            first ??= difference;
            total++;
            equal += difference is null ? 1 : 0;
            step?.Invoke(total);
        }

        return new VectorReport(path, kind.Name, total, equal, first?.ToString(), notRead);
    }

    private static IVectorKind KindOf(string path, TensorCore? unit, out string? named)
    {
        foreach (VectorLine line in VectorLines.ReadJson(path))
        {
            named = line.Has("unit") ? line.Text("unit") : null;
            return KindOf(path, line, unit);
        }

        throw new DataException($"{path}: holds no vectors; give a file with one JSON object a line");
    }

    private static IVectorKind KindOf(string path, VectorLine line, TensorCore? unit)
    {
        string name = Path.GetFileName(path);
        if (BlockGemmVectors.Columns.Any(line.Has))
            return new BlockGemmVectors(unit ?? (name.Contains("e5m2", StringComparison.OrdinalIgnoreCase) ? TensorCore.HopperWgmmaE5M2F32 : TensorCore.HopperWgmmaE4M3F32));
        if (line.Has("d_f32") || line.Has("d_bf16"))
            return new ChainVectors(unit ?? (name.Contains("fp16", StringComparison.OrdinalIgnoreCase) ? TensorCore.HopperWgmmaFP16F32 : TensorCore.HopperWgmmaBF16F32));
        if (line.Has("x") && QuantizerVectors.Columns.Any(column => line.Has(column.Codes)))
            return new QuantizerVectors();
        if (line.Has("a") && line.Has("b") && (line.Has("d") || line.Has("d16")))
            return Units(path, name, line, unit);
        throw line.Bad($"its fields ({string.Join(", ", line.Json.EnumerateObject().Select(field => field.Name).Take(12))}) are of no kind of vectors that is known", "docs/spec/tensor-cores.md lists the kinds");
    }

    private static UnitVectors Units(string path, string name, VectorLine line, TensorCore? unit)
    {
        if (unit is null && line.Has("unit"))
            unit = TensorCore.All.FirstOrDefault(u => string.Equals(u.Name, line.Text("unit"), StringComparison.OrdinalIgnoreCase)) ?? throw line.Bad($"no matrix unit is named '{line.Text("unit")}'", "`dsref mma --unit list` names them");
        string result = line.Has("d") ? "d" : "d16";
        unit ??= BestOf(path, UnitOfFile.Candidates(name, line, result), result);
        TensorCore? half = !line.Has("d16") ? null : result == "d16" ? unit : UnitOfFile.Half(unit, name, line);
        return new UnitVectors(unit, half);
    }

    /// <summary>The only candidate; where the name leaves several, the one that gives most of the first lines' results.</summary>
    private static TensorCore BestOf(string path, IReadOnlyList<TensorCore> candidates, string result)
    {
        if (candidates.Count == 1)
            return candidates[0];
        int[] equal = new int[candidates.Count];
        foreach (VectorLine line in VectorLines.ReadJson(path).Take(Sample))
        {
            for (int i = 0; i < candidates.Count; i++)
                equal[i] += new UnitVectors(candidates[i], result == "d16" ? candidates[i] : null).Check(line) is null ? 1 : 0;
        }

        return candidates[Array.IndexOf(equal, equal.Max())];
    }
}
