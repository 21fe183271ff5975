using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification;

/// <summary>Which rows and columns of a call are computed when not all can be.</summary>
/// <remarks>
/// The first grid holds what kernels get wrong by place: the first and the last row and column, both sides of every edge (group, tile of 128, block of scales, block of
/// keys), a row of every residue mod 64 and a column of every residue mod 256. Every further one is uniform.
/// </remarks>
internal sealed class SamplePlan(CallSampler sampler, ulong seed)
{
    private const int RowResidues = 64;
    private const int ColumnResidues = 256;

    private readonly RandomStream random = new(seed, "sample");
    private ulong word;

    /// <summary>The grid of places, of at most so many rows times columns.</summary>
    public (int[] Rows, int[] Columns) Places(long most)
    {
        int[] rows = Take(Places(sampler.Rows, sampler.RowEdges, RowResidues, sampler.IsWritten), (int)Math.Clamp(most, 1, sampler.Rows));
        int[] columns = Take(Places(sampler.Columns, sampler.ColumnEdges, ColumnResidues, _ => true), (int)Math.Clamp(most / Math.Max(1, rows.Length), 1, sampler.Columns));
        return (rows, columns);
    }

    /// <summary>A uniform grid of at most so many rows times columns, as square as it goes.</summary>
    public (int[] Rows, int[] Columns) Uniform(long most)
    {
        int columns = (int)Math.Clamp((long)Math.Sqrt(most) * 2, 1, sampler.Columns);
        int rows = (int)Math.Clamp(most / columns, 1, sampler.Rows);
        columns = (int)Math.Clamp(most / rows, 1, sampler.Columns);
        return (Distinct(sampler.Rows, rows, sampler.IsWritten), Distinct(sampler.Columns, columns, _ => true));
    }

    /// <summary>Places in order of importance.</summary>
    private List<int> Places(int count, IEnumerable<int> edges, int residues, Func<int, bool> written)
    {
        var places = new List<int>();
        void Add(int i)
        {
            if (i >= 0 && i < count && written(i))
                places.Add(i);
        }

        Add(0);
        Add(count - 1);
        Add((count - 1) / NoiseGrouping.Tile * NoiseGrouping.Tile);
        for (int r = 0; r < Math.Min(residues, count); r++)
        {
            // A random one of the residue, or the next of it that is written.
            int of = (count - r + residues - 1) / residues, from = Below(of);
            for (int i = 0, before = places.Count; i < of && places.Count == before; i++)
                Add(r + (from + i) % of * residues);
        }

        foreach (int edge in edges)
        {
            Add(edge - 1);
            Add(edge);
        }

        if (count <= 8 * residues)
            return places;
        for (int tile = NoiseGrouping.Tile; tile < count; tile += NoiseGrouping.Tile)
        {
            Add(tile - 1);
            Add(tile);
        }

        return places;
    }

    private static int[] Take(List<int> places, int most) => [.. places.Distinct().Take(most).Order()];

    private int[] Distinct(int count, int wanted, Func<int, bool> written)
    {
        if (wanted >= count)
            return [.. Enumerable.Range(0, count).Where(written)];
        var chosen = new SortedSet<int>();
        for (int tries = 0; chosen.Count < wanted && tries < 4 * wanted + 64; tries++)
        {
            int i = Below(count);
            if (written(i))
                chosen.Add(i);
        }

        return [.. chosen];
    }

    private int Below(int n) => n <= 1 ? 0 : (int)((ulong)random.Word(word++) * (ulong)n >> 32);
}
