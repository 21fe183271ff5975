using System.Globalization;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Says in a few words where the elements of a matrix lie that differ.</summary>
internal static class MismatchPlace
{
    /// <summary>For example "0.02 % differ, all in the last tile of 128 x 128".</summary>
    /// <param name="differing">Row-major indices, ascending.</param>
    /// <param name="compared">Elements compared.</param>
    /// <param name="rows">Rows of the matrix.</param>
    /// <param name="columns">Columns.</param>
    public static string Words(IReadOnlyList<long> differing, long compared, long rows, long columns)
    {
        if (differing.Count == 0)
            return "none differ";
        string share = (100.0 * differing.Count / compared).ToString("G3", CultureInfo.InvariantCulture);
        return $"{share} % differ ({differing.Count} of {compared}), {Where(differing, rows, columns)}";
    }

    private static string Where(IReadOnlyList<long> differing, long rows, long columns)
    {
        (long firstRow, long lastRow) = Range(differing.Select(i => i / columns));
        (long firstColumn, long lastColumn) = Range(differing.Select(i => i % columns));
        if (differing.Count == 1)
            return $"at [{firstRow}, {firstColumn}]";
        foreach (long side in (long[])[64, 128])
        {
            if (firstRow / side == lastRow / side && firstColumn / side == lastColumn / side && (rows > side || columns > side))
            {
                bool last = firstRow / side == (rows - 1) / side && firstColumn / side == (columns - 1) / side;
                return last ? $"all in the last tile of {side} x {side}" : $"all in the tile of {side} x {side} at [{firstRow / side * side}, {firstColumn / side * side}]";
            }
        }

        if (Residue(differing.Select(i => i / columns), rows) is { } row)
            return $"all in rows {row}";
        if (Residue(differing.Select(i => i % columns), columns) is { } column)
            return $"all in columns {column}";
        if (firstRow == lastRow)
            return $"all in row {firstRow}";
        if (firstColumn == lastColumn)
            return $"all in column {firstColumn}";
        if (lastRow - firstRow + 1 < rows || lastColumn - firstColumn + 1 < columns)
            return $"in rows {firstRow} to {lastRow}, columns {firstColumn} to {lastColumn}";
        return "everywhere";
    }

    /// <summary>Whether all have one residue modulo 64, 128 or 256, more than once.</summary>
    private static string? Residue(IEnumerable<long> values, long size)
    {
        long[] distinct = [.. values.Distinct()];
        foreach (long side in (long[])[256, 128, 64])
        {
            if (distinct.Length > 1 && size > side && distinct.All(v => v % side == distinct[0] % side))
                return $"that are {distinct[0] % side} modulo {side}";
        }

        return null;
    }

    private static (long First, long Last) Range(IEnumerable<long> values) => (values.Min(), values.Max());
}
