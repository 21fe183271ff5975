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
    private const int RowsAtOnce = 256;
    private const int ColumnsAtOnce = 256;
    private const int Worst = 64;
    private const int WorstSums = 4;

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

    /// <summary><c>binary32 product</c> or <c>checksums</c>.</summary>
    public string Kind { get; private set; } = "";

    /// <summary>Elements covered.</summary>
    public long Covered { get; private set; }

    /// <summary>The elements that stand out most.</summary>
    public IReadOnlyList<(int Row, int Column)> Standing { get; private set; } = [];

    /// <summary>Looks at a product; null where the call is none, or the time does not even allow checksums.</summary>
    public static ProductPass? Run(CallSampler sampler, double seconds, ulong seed)
    {
        if (sampler is not ProductSampler product || product.Rows == 0 || product.Columns == 0)
            return null;
        var pass = new ProductPass(product);
        long start = Stopwatch.GetTimestamp();
        pass.Multiply(0, Math.Min(RowsAtOnce, product.Rows), 0, Math.Min(ColumnsAtOnce, product.Columns));
        double first = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double blocks = (double)((product.Rows + RowsAtOnce - 1) / RowsAtOnce) * ((product.Columns + ColumnsAtOnce - 1) / ColumnsAtOnce);
        if (first * blocks <= seconds)
            pass.Everything();
        else
            pass.Checksums(seconds, seed, start);
        return pass;
    }

    private void Everything()
    {
        worst.Clear();
        Covered = 0;
        for (int t = 0; t < sampler.Rows; t += RowsAtOnce)
        {
            for (int n = 0; n < sampler.Columns; n += ColumnsAtOnce)
                Multiply(t, Math.Min(RowsAtOnce, sampler.Rows - t), n, Math.Min(ColumnsAtOnce, sampler.Columns - n));
        }

        Kind = "binary32 product";
        Standing = [.. worst.UnorderedItems.Select(i => i.Element)];
    }

    /// <summary>Rows of one group at a time with some columns.</summary>
    private void Multiply(int t0, int rows, int n0, int columns)
    {
        for (int t = t0; t < t0 + rows;)
        {
            int g = sampler.GroupOfRow[t];
            int end = t + 1;
            while (end < t0 + rows && sampler.GroupOfRow[end] == g)
                end++;
            if (g >= 0)
                Compare(t, end - t, n0, columns, g);
            t = end;
        }
    }

    private void Compare(int t0, int rows, int n0, int columns, int group)
    {
        Tensor x = sampler.WideX(t0, rows), w = sampler.WideWeight(group, n0, columns);
        var product = new Tensor(DType.F32, rows, columns);
        simd.Linear(x, w, Accumulation.Lanes16, product);
        double[] nx = Norms(x), nw = Norms(w);
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

    private void Checksums(double seconds, ulong seed, long start)
    {
        var sums = new PriorityQueue<(int Row, int Tile), double>();
        Covered = 0;
        var random = new RandomStream(seed, "checksum");
        int tiles = (sampler.Columns + NoiseGrouping.Tile - 1) / NoiseGrouping.Tile;
        for (int g = 0; g < sampler.GroupCount; g++)
        {
            int[] rows = [.. Enumerable.Range(0, sampler.Rows).Where(t => sampler.GroupOfRow[t] == g)];
            for (int tile = 0; tile < tiles && rows.Length > 0; tile++)
            {
                if (Stopwatch.GetElapsedTime(start).TotalSeconds > 2 * seconds)
                    break;
                TileChecksums(g, tile, rows, random, sums);
            }
        }

        Kind = "checksums";
        Standing = [.. sums.UnorderedItems.SelectMany(i => Enumerable.Range(i.Element.Tile * NoiseGrouping.Tile, Math.Min(NoiseGrouping.Tile, sampler.Columns - i.Element.Tile * NoiseGrouping.Tile)).Select(n => (i.Element.Row, n)))];
    }

    private void TileChecksums(int group, int tile, int[] rows, RandomStream random, PriorityQueue<(int Row, int Tile), double> sums)
    {
        int n0 = tile * NoiseGrouping.Tile, columns = Math.Min(NoiseGrouping.Tile, sampler.Columns - n0);
        Tensor w = sampler.WideWeight(group, n0, columns);
        int K = Operands.Dim(w, 1);
        double[] sum = new double[K], sign = new double[columns];
        double norm = Math.Sqrt(Norms(w).Sum(v => v * v));
        for (int n = 0; n < columns; n++)
        {
            sign[n] = (random.Word((ulong)(n0 + n)) & 1) == 0 ? 1 : -1;
            ReadOnlySpan<float> row = Operands.Slice(w, (long)n * K, K, []);
            for (int k = 0; k < K; k++)
                sum[k] += sign[n] * row[k];
        }

        double[] distance = new double[rows.Length];
        Parallel.For(0, (rows.Length + 63) / 64, block =>
        {
            float[] scratch = new float[columns];
            for (int i = block * 64; i < Math.Min(rows.Length, block * 64 + 64); i++)
            {
                ReadOnlySpan<float> x = sampler.WideX(rows[i], 1).AsReadOnlySpan<float>();
                double expected = WideDot.Of(x, sum), length = Math.Sqrt(WideDot.Squares(x)), actual = 0;
                ReadOnlySpan<float> values = Operands.Slice(y, (long)rows[i] * sampler.Columns + n0, columns, scratch);
                for (int n = 0; n < columns; n++)
                    actual += sign[n] * (values[n] - sampler.Addend(rows[i], n0 + n));
                distance[i] = Key(Math.Abs(actual - expected) / (length * norm + float.Epsilon));
            }
        });
        for (int i = 0; i < rows.Length; i++)
        {
            if (sums.Count < WorstSums)
                sums.Enqueue((rows[i], tile), distance[i]);
            else if (sums.TryPeek(out _, out double least) && distance[i] > least)
                sums.DequeueEnqueue((rows[i], tile), distance[i]);
        }

        Covered += (long)rows.Length * columns;
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
