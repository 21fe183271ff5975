using System.Diagnostics;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification;

/// <summary>The elements that are measured against the exact result: those that look worst, for the hard bound, and a fair sample, for statistics.</summary>
internal sealed record MeasuredSample(JudgedElements Suspicious, JudgedElements Fair)
{
    private const int First = 1 << 13;
    private const int Most = 1 << 18;

    /// <summary>Measures the elements of an output that differ most from the reference, and as many fair ones as there are or as time allows.</summary>
    public static MeasuredSample Take(
        Tensor actual, ReferencePieces pieces, Yardstick yardstick, Func<long, bool>? onOwnValues, int worst, double until, Stopwatch clock, ulong seed)
    {
        JudgedElements suspicious = Measured(actual, Worst(actual, pieces, worst), yardstick, onOwnValues);
        (long Element, double Reference)[] fair = Shuffled(pieces, seed);
        var parts = new List<JudgedElements>();
        int done = 0, next = First;
        double rate = 0;
        while (done < fair.Length && done < Most)
        {
            int count = Math.Min(Math.Min(next, fair.Length - done), Most - done);
            double start = clock.Elapsed.TotalSeconds;
            parts.Add(Measured(actual, fair.AsSpan(done, count).ToArray(), yardstick, onOwnValues));
            done += count;
            double now = clock.Elapsed.TotalSeconds;
            rate = Math.Max(rate, count / Math.Max(1e-6, now - start));
            next = (int)Math.Min(Most, (until - now) * 0.8 * rate);
            if (next < First / 4)
                break;
        }

        return new MeasuredSample(suspicious, JudgedElements.Joined(parts, actual));
    }

    private static JudgedElements Measured(Tensor actual, (long Element, double Reference)[] elements, Yardstick yardstick, Func<long, bool>? onOwnValues)
    {
        // In order, so that a yardstick meets the elements of a row together.
        Array.Sort(elements, (a, b) => a.Element.CompareTo(b.Element));
        long[] index = Array.ConvertAll(elements, e => e.Element);
        var measured = new Measurement[index.Length];
        yardstick.Measure(index, measured);
        return new JudgedElements(actual.DType, actual.Shape.Rank == 0 ? 1 : actual.Shape[^1], index,
            Array.ConvertAll(index, i => ElementReader.Value(actual, i)), Array.ConvertAll(elements, e => e.Reference), measured, onOwnValues);
    }

    /// <summary>Chosen elements that differ, and those furthest from the reference: half of them by distance, half by units of the last place.</summary>
    private static (long Element, double Reference)[] Worst(Tensor actual, ReferencePieces pieces, int count)
    {
        var byDistance = new Furthest(count / 2);
        var byUlp = new Furthest(count / 2);
        var chosen = new List<(long Element, double Reference)>();
        foreach (ReferencePiece piece in pieces.Pieces)
        {
            for (long i = 0; i < piece.Count; i++)
            {
                long at = piece.At(i);
                if (!piece.IsResult(i))
                    continue;
                double e = ElementReader.Value(piece.Reference, i), distance = Math.Abs(ElementReader.Value(actual, at) - e);
                if (distance == 0)
                    continue;
                if (piece.Chosen && chosen.Count < MostChosen)
                    chosen.Add((at, e));

                // NaN is the furthest: no order holds of it.
                byDistance.Offer((at, e), double.IsNaN(distance) ? double.PositiveInfinity : distance);
                double ulp = distance / StoredValue.Ulp(e, actual.DType);
                byUlp.Offer((at, e), double.IsNaN(ulp) ? double.PositiveInfinity : ulp);
            }
        }

        return [.. chosen.Concat(byDistance.Elements).Concat(byUlp.Elements).DistinctBy(w => w.Element)];
    }

    // What a look found is seldom more; beyond, the furthest of them are among the others.
    private const int MostChosen = 4096;

    private sealed class Furthest(int count)
    {
        private readonly PriorityQueue<(long Element, double Reference), double> queue = new();

        public IEnumerable<(long Element, double Reference)> Elements => queue.UnorderedItems.Select(i => i.Element);

        public void Offer((long Element, double Reference) element, double key)
        {
            if (queue.Count < count)
                queue.Enqueue(element, key);
            else if (queue.TryPeek(out _, out double least) && key > least)
                queue.DequeueEnqueue(element, key);
        }
    }

    /// <summary>The elements of fair pieces, each once, in random order; no more than can be measured.</summary>
    private static (long Element, double Reference)[] Shuffled(ReferencePieces pieces, ulong seed)
    {
        long all = pieces.Sampled;
        var random = new RandomStream(seed, "measured");
        var seen = new HashSet<long>();
        var elements = new List<(long, double)>();
        double keep = all <= 2L * Most ? 1 : 2.0 * Most / all;
        ulong word = 0;
        foreach (ReferencePiece piece in pieces.Pieces)
        {
            if (piece.Chosen)
                continue;
            for (long i = 0; i < piece.Count; i++)
            {
                if (keep < 1 && random.Word(word++) * (1.0 / (1L << 32)) >= keep)
                    continue;
                if (piece.IsResult(i) && (piece.Index is null || seen.Add(piece.At(i))))
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
