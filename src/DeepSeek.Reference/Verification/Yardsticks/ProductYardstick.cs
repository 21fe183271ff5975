using System.Collections.Concurrent;
using System.Runtime.Intrinsics;

namespace DeepSeek.Reference.Verification;

/// <summary>The yardstick of every matrix product: elements are gathered into panels of eight columns, and rows and columns are decoded once for many of them.</summary>
/// <remarks>
/// Requests that cover rows and columns densely go by tiles of rows, all wanted columns of a tile; others row by row, eight of the row's columns at a time.
/// Exactness: a product of two binary32 numbers has 48 bits and is exact in binary64; its sum of n terms is off by n 2^-53 Σ|a b| at most, 2^-29 of what a
/// binary32 sum may be off by, and the bound includes it. Where the declared sum is exact and that matters, <see cref="Numerics.ExactSum"/> is asked.
/// </remarks>
internal sealed class ProductYardstick(string output, ProductOperands operands, ProductRule rule, DType dtype) : Yardstick(output)
{
    private const int RowsOfTile = 64;
    private const int Run = 128;
    private const int MostAtOnce = 1 << 20;

    private readonly ConcurrentBag<Scratch> idle = [];

    /// <inheritdoc/>
    public override void Measure(ReadOnlySpan<long> elements, Span<Measurement> results)
    {
        for (int i = 0; i < elements.Length; i += MostAtOnce)
        {
            long[] part = elements.Slice(i, Math.Min(MostAtOnce, elements.Length - i)).ToArray();
            long[] distinct = [.. part.Distinct()];
            var found = new Measurement[distinct.Length];
            Part(distinct, found);
            if (distinct.Length == part.Length)
            {
                found.CopyTo(results[i..]);
                continue;
            }

            Array.Sort(distinct, found);
            for (int j = 0; j < part.Length; j++)
                results[i + j] = found[Array.BinarySearch(distinct, part[j])];
        }
    }

    private void Part(long[] elements, Measurement[] results)
    {
        var places = new ProductPlace[elements.Length];
        var byGroup = new Dictionary<int, List<int>>();
        for (int i = 0; i < elements.Length; i++)
        {
            places[i] = operands.Place(elements[i]);
            if (places[i].Group < 0)
            {
                results[i] = operands.Other(elements[i]);
                continue;
            }

            if (!byGroup.TryGetValue(places[i].Group, out List<int>? list))
                byGroup.Add(places[i].Group, list = []);
            list.Add(i);
        }

        foreach (List<int> list in byGroup.Values)
        {
            foreach (ProductJob job in ProductJob.Of(list, places, RowsOfTile))
                Do(job, elements, places, results);
        }
    }

    private void Do(ProductJob job, long[] elements, ProductPlace[] places, Measurement[] results)
    {
        var rows = new ProductRow[job.Rows.Length];
        int least = rule.Block.LeastExponent;
        Parallel.For(0, rows.Length, r => rows[r] = new ProductRow(operands, places[job.Rows[r]], rule, least));
        int panels = (job.Columns.Length + ProductPanel.Columns - 1) / ProductPanel.Columns;
        Parallel.For(0, panels, () => idle.TryTake(out Scratch? kept) ? kept : new Scratch(operands.K, rule, least), (p, _, scratch) =>
        {
            int first = p * ProductPanel.Columns;
            int count = Math.Min(ProductPanel.Columns, job.Columns.Length - first);
            scratch.Load(operands, places, job.Columns.AsSpan(first, count));
            var sums = new PromotedSums[rows.Length];
            int runs = scratch.Sum(rows, sums);
            for (int r = 0; r < rows.Length; r++)
            {
                for (int lane = 0; lane < count; lane++)
                {
                    int i = job.At(r, first + lane);
                    if (i >= 0)
                        results[i] = Measurement(sums[r], lane, runs, elements[i], places[i]);
                }
            }

            return scratch;
        }, idle.Add);
    }

    private Measurement Measurement(in PromotedSums sums, int lane, int runs, long element, ProductPlace place)
    {
        int K = operands.K;
        if (K == 0)
            return Roundoff.Stored(operands.Start(element), 0, dtype);
        double sum = sums.Sum[lane];
        if (!double.IsFinite(sum))
            return SpecialProduct.Measure(operands, place, rule, dtype, operands.Start(element));
        if (rule.Block.IsExact && rule.IsPlain && sums.Error[lane] > Math.Abs(sum) * NeedsExactness)
            return SpecialProduct.Exactly(operands, place, rule, dtype, operands.Start(element));
        return rule.Measure(sums, lane, runs, K, operands.Start(element));
    }

    // The yardstick's own error may be this part of the result before the long accumulator is asked: 2^-36, where half an ulp of binary32 is 2^-24.
    private const double NeedsExactness = 1.0 / (1L << 36);

    /// <summary>A panel, and what loading it needs.</summary>
    private sealed class Scratch(int K, ProductRule rule, int leastExponent)
    {
        private readonly ProductPanel panel = new(K, rule.Block.Aligned, leastExponent);
        private readonly float[] column = new float[K];
        private readonly double[] scales = new double[rule.ScalesOf(K)];
        private readonly double[] scalesOfColumns = new double[rule.ScalesOf(K) * ProductPanel.Columns];

        public void Load(ProductOperands operands, ProductPlace[] places, ReadOnlySpan<int> columns)
        {
            for (int lane = 0; lane < columns.Length; lane++)
            {
                ProductPlace place = places[columns[lane]];
                operands.Column(place, column);
                panel.Fill(column, lane);
                operands.ColumnScales(place, scales);
                for (int b = 0; b < scales.Length; b++)
                    scalesOfColumns[b * ProductPanel.Columns + lane] = scales[b];
            }
        }

        /// <summary>Sums of all rows, run by run, so that a run of the panel stays in the nearest cache. Returns the number of promotions.</summary>
        public int Sum(ProductRow[] rows, PromotedSums[] sums)
        {
            int runs = 0;
            int whole = rule.Promotion == 0 ? K : rule.Promotion;
            int step = rule.Promotion == 0 ? Run : Math.Min(Run, rule.Promotion);
            for (int k = 0; k < K; k += step)
            {
                int to = Math.Min(k + step, K);
                int b = scales.Length == 1 ? 0 : k / Run;
                Vector512<double> scale = Vector512.LoadUnsafe(ref scalesOfColumns[b * ProductPanel.Columns]);
                bool ends = to == K || to % whole == 0;
                for (int r = 0; r < rows.Length; r++)
                {
                    ProductRow row = rows[r];
                    if (rule.Block.Aligned)
                        panel.AddFused(row.Values, row.Powers, k, to, rule.Block.Fused, rule.InTheSum ? scale * row.Scales[b] : Vector512.Create(1.0), ref sums[r].Chain);
                    else
                        panel.Add(row.Values, k, to, ref sums[r].Chain);
                    if (ends)
                        rule.Promote(ref sums[r], rule.Promotion == 0 ? K : to - k, row.Scales[b], scale);
                }

                runs += ends ? 1 : 0;
            }

            return runs;
        }
    }
}
