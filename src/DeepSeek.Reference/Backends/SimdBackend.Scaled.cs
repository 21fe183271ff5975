using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class SimdBackend
{
    // Columns that one piece of work decodes; a multiple of a panel.
    private const int ScaledColumns = 256;

    /// <inheritdoc/>
    public void ScaledLinear(Tensor x, Tensor xScale, Tensor weight, Tensor weightScale, ScaledProduct product, Tensor? c, Tensor y)
    {
        (ScaledRows[] rows, ScaledShape shape) = ScaledChecks.Whole(x, xScale, weight, weightScale, product, c, y);
        Scaled(new ScaledWork(x, xScale, [weight], [weightScale], shape, product, c, y), rows);
    }

    /// <inheritdoc/>
    public void GroupedScaledLinear(
        Tensor x, Tensor xScale, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y)
    {
        (ScaledRows[] rows, ScaledShape shape) = ScaledChecks.Grouped(x, xScale, offsets, weights, weightScales, product, y);
        Scaled(new ScaledWork(x, xScale, weights, weightScales, shape, product, null, y), rows);
    }

    /// <inheritdoc/>
    public void IndexedScaledLinear(
        Tensor x, Tensor xScale, Tensor groups, int alignment, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y)
    {
        (ScaledRows[] rows, ScaledShape shape) = ScaledChecks.Indexed(x, xScale, groups, alignment, weights, weightScales, product, y);
        Scaled(new ScaledWork(x, xScale, weights, weightScales, shape, product, null, y), rows);
    }

    /// <inheritdoc/>
    public void MaskedScaledLinear(
        Tensor x, Tensor xScale, Tensor counts, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y)
    {
        (ScaledRows[] rows, ScaledShape shape) = ScaledChecks.Masked(ref x, ref xScale, counts, weights, weightScales, product, ref y);
        Scaled(new ScaledWork(x, xScale, weights, weightScales, shape, product, null, y), rows);
    }

    /// <summary>What every piece of one product has in common.</summary>
    private sealed record ScaledWork(
        Tensor X, Tensor XScale, IReadOnlyList<Tensor> Weights, IReadOnlyList<Tensor> WeightScales, ScaledShape Shape, ScaledProduct Product, Tensor? C, Tensor Y)
    {
        public bool Twin { get; } = Ops.ScaledLinear.HasTwin(Product);
    }

    /// <summary>Shares out tiles of rows and columns; a sum is never cut.</summary>
    private void Scaled(ScaledWork work, ScaledRows[] rows)
    {
        (_, int N, int K, _) = work.Shape;
        var tiles = new List<ScaledRows>();
        long total = 0;
        foreach ((int g, int first, int count) in rows)
        {
            total += count;
            for (int t = 0; t < count; t += Ops.ScaledLinear.TileRows)
                tiles.Add(new ScaledRows(g, first + t, Math.Min(Ops.ScaledLinear.TileRows, count - t)));
        }

        if (tiles.Count == 0 || N == 0)
            return;
        bool small = Threads == 1 || total * N * Math.Max(1, K) < 2 * ThreadWork;
        int columns = ScaledColumns;
        while (!small && columns > ScaledPanel.Columns && (long)tiles.Count * ((N + columns - 1) / columns) < 4L * Threads)
            columns /= 2;
        int pieces = (N + columns - 1) / columns;
        For(checked(tiles.Count * pieces), small ? int.MaxValue : 1, (from, to) =>
        {
            using var sums = new AlignedFloats(Ops.ScaledLinear.TileRows * ScaledColumns);
            for (int i = from; i < to; i++)
            {
                int n0 = i % pieces * columns;
                ScaledTile(work, tiles[i / pieces], n0, Math.Min(N, n0 + columns), sums);
            }
        });
    }

    private static unsafe void ScaledTile(ScaledWork work, ScaledRows tile, int n0, int n1, AlignedFloats sums)
    {
        (int g, int first, int count) = tile;
        (_, int N, int K, int r) = work.Shape;
        int B = work.Product.ScalesOf(K);
        int padded = (count + 3) & ~3;
        fixed (byte* x = &work.X.ByteOrigin, w = &work.Weights[g].ByteOrigin, xs = &work.XScale.ByteOrigin, ws = &work.WeightScales[g].ByteOrigin)
        {
            if (work.Twin)
                Ops.ScaledLinear.Simd(x + (nint)first * K, (float*)xs + (nint)first * B, count, w, (float*)ws, n0, n1, K, r, work.Product, sums.Pointer);
            else
                DefinedTile(work, x + (nint)first * K, (float*)xs + (nint)first * B, count, w, (float*)ws, n0, n1, sums.Pointer);
        }

        for (int n = n0; n < n1; n += ScaledPanel.Columns)
        {
            int columns = Math.Min(ScaledPanel.Columns, n1 - n);
            for (int t = 0; t < count; t++)
            {
                var sum = new Span<float>(sums.Pointer + ((n - n0) / ScaledPanel.Columns * padded + t) * ScaledPanel.Columns, columns);
                long start = (long)(first + t) * N + n;
                if (work.C is not null)
                {
                    ReadOnlySpan<float> c = Row<float>(work.C, start, columns);
                    for (int j = 0; j < columns; j++)
                        sum[j] = K == 0 ? c[j] : c[j] + sum[j];
                }

                Operands.Store(sum, work.Y, start);
            }
        }
    }

    /// <summary>The definition where there is no twin, into the twin's layout.</summary>
    private static unsafe void DefinedTile(ScaledWork work, byte* x, float* xScale, int count, byte* w, float* wScale, int n0, int n1, float* sums)
    {
        (_, _, int K, int r) = work.Shape;
        int B = work.Product.ScalesOf(K);
        int padded = (count + 3) & ~3;
        for (int n = n0; n < n1; n++)
        {
            for (int t = 0; t < count; t++)
            {
                int panel = (n - n0) / ScaledPanel.Columns;
                sums[(panel * padded + t) * ScaledPanel.Columns + (n - n0) % ScaledPanel.Columns] = Ops.ScaledLinear.Element(
                    new ReadOnlySpan<Float8E4M3>(x + (nint)t * K, K), new ReadOnlySpan<float>(xScale + (nint)t * B, B),
                    new ReadOnlySpan<Float8E4M3>(w + (nint)n * K, K), new ReadOnlySpan<float>(wScale + (nint)(n / r) * B, B), work.Product);
            }
        }
    }

    private static ReadOnlySpan<T> Row<T>(Tensor t, long start, int count) where T : unmanaged =>
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref t.First<T>(), (nint)start), count);
}
