namespace DeepSeek.Reference.Verification;

/// <summary>A way to cut an output into groups, each judged alone so that a local defect does not average out.</summary>
/// <param name="Name">For reports: <c>tile</c>, <c>row mod 64</c>, ...</param>
/// <param name="Of">The group of an element by its row and column; -1 for none.</param>
/// <param name="Describe">A group in words.</param>
internal sealed record NoiseGrouping(string Name, Func<long, long, int> Of, Func<int, string> Describe)
{
    /// <summary>Whether a group may be a single row.</summary>
    public bool IsOfRows { get; init; }

    /// <summary>Rows of a tile, and columns of one: what a matrix kernel gives to a block of threads.</summary>
    public const int Tile = 128;

    /// <summary>The groupings of an output of so many rows and columns. Those that would be one group alone are left out.</summary>
    public static IReadOnlyList<NoiseGrouping> For(long rows, long columns)
    {
        int across = (int)Math.Min(int.MaxValue, (columns + Tile - 1) / Tile);
        var all = new List<NoiseGrouping>();
        if (rows > Tile || columns > Tile)
            all.Add(new("tile", (t, n) => checked((int)(t / Tile * across + n / Tile)), g => $"tile ({g / across}, {g % across})"));
        if (rows > 1)
        {
            all.Add(new("row mod 64", (t, _) => (int)(t % 64), g => $"rows = {g} mod 64") { IsOfRows = true });
            all.Add(new("last row", (t, _) => t == rows - 1 ? 0 : -1, _ => $"the last row, {rows - 1}") { IsOfRows = true });
        }

        if (columns > 1)
        {
            all.Add(new("column mod 64", (_, n) => (int)(n % 64), g => $"columns = {g} mod 64"));
            if (columns > 64)
                all.Add(new("column mod 256", (_, n) => (int)(n % 256), g => $"columns = {g} mod 256"));
            all.Add(new("last column", (_, n) => n == columns - 1 ? 0 : -1, _ => $"the last column, {columns - 1}"));
        }

        return all;
    }
}
