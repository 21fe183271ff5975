namespace DeepSeek.Reference.Verification;

/// <summary>One row of the left operand in binary64.</summary>
internal sealed class ProductRow
{
    public ProductRow(ProductOperands operands, ProductPlace place, ProductRule rule, int leastExponent)
    {
        int K = operands.K;
        float[] values = new float[K];
        operands.Row(place, values);
        Values = new double[K];
        for (int k = 0; k < K; k++)
            Values[k] = values[k];
        Powers = rule.Block.Aligned ? Array.ConvertAll(values, x => ProductOperands.PowerOf(x, leastExponent)) : [];
        Scales = new double[rule.ScalesOf(K)];
        operands.RowScales(place, Scales);
    }

    public double[] Values { get; }

    public double[] Powers { get; }

    public double[] Scales { get; }
}

/// <summary>Rows and columns of one group that are worked on together, and which request each of their crossings is.</summary>
/// <param name="Rows">A request on each row.</param>
/// <param name="Columns">A request on each column.</param>
/// <param name="Requests">The request of a crossing, row by row; -1 for none. Null where there is one row, whose columns are the requests.</param>
internal sealed record ProductJob(int[] Rows, int[] Columns, int[]? Requests)
{
    // Below this share of wanted crossings, a row's own columns make fuller panels.
    private const double Dense = 1.0 / 3;

    /// <summary>The request at a crossing.</summary>
    public int At(int row, int column) => Requests is null ? Columns[column] : Requests[row * Columns.Length + column];

    /// <summary>The jobs of one group's requests.</summary>
    public static IEnumerable<ProductJob> Of(List<int> requests, ProductPlace[] places, int rowsOfTile)
    {
        int[] sorted = [.. requests];
        Array.Sort(sorted, (a, b) => places[a].Row != places[b].Row ? places[a].Row.CompareTo(places[b].Row) : places[a].Column.CompareTo(places[b].Column));
        for (int from = 0; from < sorted.Length;)
        {
            // As many rows as a tile has.
            int to = from, rows = 0;
            long last = -1;
            for (; to < sorted.Length; to++)
            {
                if (to > from && places[sorted[to]].Row == last)
                    continue;
                if (rows == rowsOfTile)
                    break;
                rows++;
                last = places[sorted[to]].Row;
            }

            foreach (ProductJob job in OfTile(sorted.AsSpan(from, to - from).ToArray(), places, rows))
                yield return job;
            from = to;
        }
    }

    private static IEnumerable<ProductJob> OfTile(int[] requests, ProductPlace[] places, int rows)
    {
        int[] columns = [.. requests.Select(i => places[i].Column).Distinct().Order()];
        if (requests.Length >= Dense * rows * columns.Length)
            return [Whole(requests, places, rows, columns)];
        return requests.GroupBy(i => places[i].Row).Select(row => new ProductJob([row.First()], [.. row], null));
    }

    private static ProductJob Whole(int[] requests, ProductPlace[] places, int rows, int[] columns)
    {
        int[] crossings = new int[rows * columns.Length];
        Array.Fill(crossings, -1);
        int[] ofRow = new int[rows], ofColumn = new int[columns.Length];
        int r = -1;
        long last = -1;
        foreach (int i in requests)
        {
            if (r < 0 || places[i].Row != last)
            {
                ofRow[++r] = i;
                last = places[i].Row;
            }

            int c = Array.BinarySearch(columns, places[i].Column);
            ofColumn[c] = i;
            crossings[r * columns.Length + c] = i;
        }

        return new ProductJob(ofRow, ofColumn, crossings);
    }
}
