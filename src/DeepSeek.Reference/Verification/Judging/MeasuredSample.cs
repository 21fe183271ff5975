using System.Diagnostics;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification;

/// <summary>The elements that are measured against the exact result: those that look worst, for the hard bound, and a fair sample, for statistics.</summary>
internal sealed record MeasuredSample(JudgedElements Suspicious, JudgedElements Fair)
{
    private const int First = 1 << 13;
    private const int Most = 1 << 20;

    /// <summary>Measures the elements of an output that differ most from the reference, and as many fair ones as there are or as time allows.</summary>
    public static MeasuredSample Take(Tensor actual, ReferencePieces pieces, Yardstick yardstick, int worst, double until, Stopwatch clock, ulong seed)
    {
        JudgedElements suspicious = Measured(actual, Worst(actual, pieces, worst), yardstick);
        (long Element, double Reference)[] fair = Shuffled(pieces, seed);
        var parts = new List<JudgedElements>();
        int done = 0, next = First;
        double rate = 0;
        while (done < fair.Length && done < Most)
        {
            int count = Math.Min(Math.Min(next, fair.Length - done), Most - done);
            double start = clock.Elapsed.TotalSeconds;
            parts.Add(Measured(actual, fair.AsSpan(done, count).ToArray(), yardstick));
            done += count;
            double now = clock.Elapsed.TotalSeconds;
            rate = Math.Max(rate, count / Math.Max(1e-6, now - start));
            next = (int)Math.Min(Most, (until - now) * 0.8 * rate);
            if (next < First / 4)
                break;
        }

        return new MeasuredSample(suspicious, JudgedElements.Joined(parts, actual));
    }

    private static JudgedElements Measured(Tensor actual, (long Element, double Reference)[] elements, Yardstick yardstick)
    {
        // In order, so that a yardstick meets the elements of a row together.
        Array.Sort(elements, (a, b) => a.Element.CompareTo(b.Element));
        long[] index = Array.ConvertAll(elements, e => e.Element);
        var measured = new Measurement[index.Length];
        yardstick.Measure(index, measured);
        return new JudgedElements(actual.DType, actual.Shape.Rank == 0 ? 1 : actual.Shape[^1], index,
            Array.ConvertAll(index, i => ElementReader.Value(actual, i)), Array.ConvertAll(elements, e => e.Reference), measured);
    }

    private static (long Element, double Reference)[] Worst(Tensor actual, ReferencePieces pieces, int count)
    {
        var worst = new PriorityQueue<(long, double), double>();
        foreach (ReferencePiece piece in pieces.Pieces)
        {
            for (long i = 0; i < piece.Count; i++)
            {
                long at = piece.At(i);
                double e = ElementReader.Value(piece.Reference, i), distance = Math.Abs(ElementReader.Value(actual, at) - e);
                if (distance == 0 && !piece.Chosen)
                    continue;
                double key = piece.Chosen ? double.MaxValue : distance;
                if (worst.Count < count)
                    worst.Enqueue((at, e), key);
                else if (worst.TryPeek(out _, out double least) && key > least)
                    worst.DequeueEnqueue((at, e), key);
            }
        }

        return [.. worst.UnorderedItems.Select(w => w.Element).DistinctBy(w => w.Item1)];
    }

    /// <summary>The elements of fair pieces, each once, in random order; no more than can be measured.</summary>
    private static (long Element, double Reference)[] Shuffled(ReferencePieces pieces, ulong seed)
    {
        long all = pieces.Sampled;
        var random = new RandomStream(seed, "measured");
        var seen = new HashSet<long>();
        var elements = new List<(long, double)>();
        double keep = all <= 4L * Most ? 1 : 4.0 * Most / all;
        ulong word = 0;
        foreach (ReferencePiece piece in pieces.Pieces)
        {
            if (piece.Chosen)
                continue;
            for (long i = 0; i < piece.Count; i++)
            {
                if (keep < 1 && random.Word(word++) * (1.0 / (1L << 32)) >= keep)
                    continue;
                if (piece.Index is null || seen.Add(piece.At(i)))
                    elements.Add((piece.At(i), ElementReader.Value(piece.Reference, i)));
            }
        }

        (long, double)[] shuffled = [.. elements];
        for (int i = shuffled.Length - 1; i > 0; i--)
        {
            int j = (int)((ulong)random.Word(word++) * (ulong)(i + 1) >> 32);
            (shuffled[i], shuffled[j]) = (shuffled[j], shuffled[i]);
        }

        return shuffled;
    }
}

/// <summary>Single elements that no share of an average would show.</summary>
internal static class Outlier
{
    /// <summary>An error may be so many times the emulation's largest: the largest of 10^7 errors is twice that of 10^3, and heavy tails double it again.</summary>
    private const double Times = 8;

    /// <summary>The element whose error is furthest beyond any of the emulation's; null where none is.</summary>
    public static NoiseFinding? Find(MeasuredSample sample, NoiseTest noise, OrderAllowance orders)
    {
        double largest = Math.Sqrt(orders.MeanSquare) * 4;
        foreach (JudgedElements e in (JudgedElements[])[sample.Suspicious, sample.Fair])
        {
            for (int i = 0; i < e.Count; i++)
            {
                if (e.IsMeasurable(i))
                    largest = Math.Max(largest, Math.Abs(e.Reference[i] - e.Rounded[i]) / e.Scale(i));
            }
        }

        (double Excess, string Where) worst = (0, "");
        foreach (JudgedElements e in (JudgedElements[])[sample.Suspicious, sample.Fair])
        {
            for (int i = 0; i < e.Count; i++)
            {
                if (!e.IsMeasurable(i))
                    continue;
                double allowed = Times * Math.Max(largest * e.Scale(i), StoredValue.Ulp(e.Rounded[i], e.DType));
                double excess = Math.Abs(e.Actual[i] - e.Rounded[i]) / allowed;
                if (excess > worst.Excess)
                    worst = (excess, FormattableString.Invariant($"row {e.Index[i] / e.Columns}, column {e.Index[i] % e.Columns}: {e.Actual[i]:R} for {e.Exact[i]:R}"));
            }
        }

        return worst.Excess > 1 && noise.Whole.Count > 0
            ? new NoiseFinding("outlier", Times * worst.Excess, Times, worst.Where, FormattableString.Invariant($"one error is {Times * worst.Excess:G3} times the largest of the emulation's"))
            : null;
    }
}
