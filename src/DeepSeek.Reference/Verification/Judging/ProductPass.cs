using System.Diagnostics;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>A look at every element of a matrix product that is too large to be emulated: it finds the elements that are furthest from a binary32 product, for others to judge.</summary>
/// <remarks>
/// <code>
/// y'    = x Wᵀ in binary32 by sixteen lanes, of the dequantised operands                  one pass over all multiply-adds, at the speed of a matrix product
/// d     = |y - y'| / (‖x_t‖ ‖w_n‖)                                                        Cauchy: Σ |x w| is at most the product of the norms
/// </code>
/// Where that does not fit the time, checksums: for a row t and 128 columns J, with signs r = ±1 at random,
/// <code>
/// s     = |Σ_J r_n y_tn - x_t · Σ_J r_n w_n| / (‖x_t‖ √Σ_J ‖w_n‖²)                          binary64, 1/128 of the multiply-adds
/// </code>
/// whose sum of 128 errors of random signs is 11 times one error, so that a single one of 40 times the common size stands out.
/// Nothing is judged here: the elements that stand out are emulated to the bit and measured against their hard bounds.
/// </remarks>
internal sealed class ProductPass
{
    private const int RowsAtOnce = 512;
    private const int ColumnsAtOnce = 512;
    private const int Worst = 64;
    private const int WorstSums = 4;
    private const int ChecksumRows = 64;

    private readonly ProductSampler sampler;
    private readonly Tensor y;
    private readonly SimdBackend simd = new();
    private readonly PriorityQueue<(int Row, int Column), double> worst = new();

    private ProductPass(ProductSampler sampler)
    {
        this.sampler = sampler;
        Tensor whole = sampler.Call["y"];
        y = whole.Reshape(sampler.Rows, sampler.Columns);
    }

    /// <summary><c>a binary32 product</c> or <c>checksums</c>.</summary>
    public string Kind { get; private set; } = "";

    /// <summary>Elements covered.</summary>
    public long Covered { get; private set; }

    /// <summary>The elements that stand out most.</summary>
    public IReadOnlyList<(int Row, int Column)> Standing { get; private set; } = [];

    /// <summary>Looks at a product; null where the call is none.</summary>
    /// <param name="sampler">The call.</param>
    /// <param name="seconds">Seconds that a whole product may take; where it would take longer, checksums are made.</param>
    /// <param name="seed">Seed of their signs.</param>
    /// <param name="checksumSeconds">Seconds after which no more checksums are begun: the last resort, a hundredth of a product's work.</param>
    public static ProductPass? Run(CallSampler sampler, double seconds, ulong seed, double checksumSeconds)
    {
        if (sampler is not ProductSampler product || product.Rows == 0 || product.Columns == 0)
            return null;
        var pass = new ProductPass(product);
        long start = Stopwatch.GetTimestamp();
        pass.Multiply(0, Math.Min(8, product.Rows), Math.Min(8, product.Columns));
        long warm = Stopwatch.GetTimestamp();
        int rows = Math.Min(RowsAtOnce, product.Rows), columns = Math.Min(ColumnsAtOnce, product.Columns);
        pass.Multiply(0, rows, columns);
        double all = Stopwatch.GetElapsedTime(warm).TotalSeconds * product.Rows * product.Columns / ((double)rows * columns);
        if (all <= seconds)
            pass.Everything();
        else
            pass.Checksums(checksumSeconds, seed, start);
        return pass;
    }

    private void Everything()
    {
        worst.Clear();
        Covered = 0;
        for (int t = 0; t < sampler.Rows; t += RowsAtOnce)
            Multiply(t, Math.Min(RowsAtOnce, sampler.Rows - t), sampler.Columns);
        Kind = "a binary32 product";
        Standing = [.. worst.UnorderedItems.Select(i => i.Element)];
    }

    /// <summary>Rows of one group at a time with the first columns.</summary>
    private void Multiply(int t0, int rows, int columns)
    {
        for (int t = t0; t < t0 + rows;)
        {
            int g = sampler.GroupOfRow[t];
            int end = t + 1;
            while (end < t0 + rows && sampler.GroupOfRow[end] == g)
                end++;
            if (g >= 0)
            {
                Tensor x = sampler.WideX(t, end - t);
                double[] norms = Norms(x);
                for (int n = 0; n < columns; n += ColumnsAtOnce)
                    Compare(x, norms, t, n, Math.Min(ColumnsAtOnce, columns - n), g);
            }

            t = end;
        }
    }

    private void Compare(Tensor x, double[] nx, int t0, int n0, int columns, int group)
    {
        int rows = nx.Length;
        Tensor w = sampler.WideWeight(group, n0, columns);
        var product = new Tensor(DType.F32, rows, columns);
        simd.Linear(x, w, Accumulation.Lanes16, product);
        double[] nw = Norms(w);
        ReadOnlySpan<float> p = product.AsReadOnlySpan<float>();
        float[] row = new float[columns];
        for (int t = 0; t < rows; t++)
        {
            ReadOnlySpan<float> actual = Operands.Slice(y, (long)(t0 + t) * sampler.Columns + n0, columns, row);
            for (int n = 0; n < columns; n++)
            {
                double expected = p[t * columns + n] + sampler.Addend(t0 + t, n0 + n);
                Offer(t0 + t, n0 + n, Math.Abs(actual[n] - expected) / (nx[t] * nw[n] + float.Epsilon));
            }
        }

        Covered += (long)rows * columns;
    }

    private void Offer(int row, int column, double distance)
    {
        if (worst.Count < Worst)
        {
            worst.Enqueue((row, column), Key(distance));
            return;
        }

        worst.TryPeek(out _, out double least);
        if (Key(distance) > least)
            worst.DequeueEnqueue((row, column), Key(distance));
    }

    /// <summary>What is no number stands out most.</summary>
    private static double Key(double distance) => double.IsFinite(distance) ? distance : double.MaxValue;

    /// <summary>Checksums of whole rows, in an order that spreads what the time allows over all rows.</summary>
    private void Checksums(double seconds, ulong seed, long start)
    {
        var sums = new PriorityQueue<(int Row, int Tile), double>();
        Covered = 0;
        for (int g = 0; g < sampler.GroupCount; g++)
        {
            int[] rows = [.. Enumerable.Range(0, sampler.Rows).Where(t => sampler.GroupOfRow[t] == g)];
            if (rows.Length == 0)
                continue;
            TileSum[] tiles = TileSums(g, new RandomStream(seed, "checksum"));
            int blocks = (rows.Length + ChecksumRows - 1) / ChecksumRows;
            Parallel.For(0, blocks, block =>
            {
                if (Stopwatch.GetElapsedTime(start).TotalSeconds <= seconds)
                    RowChecksums([.. rows.Where((_, i) => i % blocks == block)], tiles, sums);
            });
        }

        Kind = "checksums";
        Standing = [.. sums.UnorderedItems.SelectMany(i => Enumerable.Range(i.Element.Tile * NoiseGrouping.Tile, Math.Min(NoiseGrouping.Tile, sampler.Columns - i.Element.Tile * NoiseGrouping.Tile)).Select(n => (i.Element.Row, n)))];
    }

    /// <summary>Σ_J r_n w_n, the signs, and √Σ_J ‖w_n‖² of 128 columns.</summary>
    private sealed record TileSum(double[] Sum, double[] Sign, double Norm);

    private TileSum[] TileSums(int group, RandomStream random)
    {
        var tiles = new TileSum[(sampler.Columns + NoiseGrouping.Tile - 1) / NoiseGrouping.Tile];
        Parallel.For(0, tiles.Length, tile =>
        {
            int n0 = tile * NoiseGrouping.Tile, columns = Math.Min(NoiseGrouping.Tile, sampler.Columns - n0);
            Tensor w = sampler.WideWeight(group, n0, columns);
            double[] sum = new double[Operands.Dim(w, 1)], sign = new double[columns];
            for (int n = 0; n < columns; n++)
            {
                sign[n] = (random.Word((ulong)(n0 + n)) & 1) == 0 ? 1 : -1;
                WideDot.Add(Operands.Slice(w, (long)n * sum.Length, sum.Length, []), sign[n], sum);
            }

            tiles[tile] = new TileSum(sum, sign, Math.Sqrt(Norms(w).Sum(v => v * v)));
        });
        return tiles;
    }

    private void RowChecksums(int[] rows, TileSum[] tiles, PriorityQueue<(int Row, int Tile), double> sums)
    {
        float[] scratch = new float[NoiseGrouping.Tile];
        foreach (int t in rows)
        {
            ReadOnlySpan<float> x = sampler.WideX(t, 1).AsReadOnlySpan<float>();
            double length = Math.Sqrt(WideDot.Squares(x));
            for (int tile = 0; tile < tiles.Length; tile++)
            {
                TileSum j = tiles[tile];
                int n0 = tile * NoiseGrouping.Tile;
                double actual = 0;
                ReadOnlySpan<float> values = Operands.Slice(y, (long)t * sampler.Columns + n0, j.Sign.Length, scratch);
                for (int n = 0; n < values.Length; n++)
                    actual += j.Sign[n] * (values[n] - sampler.Addend(t, n0 + n));
                double distance = Key(Math.Abs(actual - WideDot.Of(x, j.Sum)) / (length * j.Norm + float.Epsilon));
                lock (sums)
                {
                    if (sums.Count < WorstSums)
                        sums.Enqueue((t, tile), distance);
                    else if (sums.TryPeek(out _, out double least) && distance > least)
                        sums.DequeueEnqueue((t, tile), distance);
                }
            }

            lock (sums)
                Covered += sampler.Columns;
        }
    }

    private static double[] Norms(Tensor t)
    {
        int rows = Operands.Dim(t, 0), K = Operands.Dim(t, 1);
        double[] norms = new double[rows];
        for (int r = 0; r < rows; r++)
            norms[r] = Math.Sqrt(WideDot.Squares(Operands.Slice(t, (long)r * K, K, [])));
        return norms;
    }
}
