using System.Globalization;
using MathNet.Numerics.Statistics;

namespace DeepSeek.Reference.Verification;

/// <summary>One element that differs.</summary>
/// <param name="Index">Its coordinates.</param>
/// <param name="Actual">The candidate's bits in hexadecimal.</param>
/// <param name="Reference">The reference's bits.</param>
/// <param name="Neighbourhood">The candidate's bits around it, three rows of three; dots beyond the edge.</param>
/// <param name="Tile">Row and column of its tile of 128 x 128.</param>
internal sealed record Mismatch(IReadOnlyList<long> Index, string Actual, string Reference, IReadOnlyList<string> Neighbourhood, (long Row, long Column) Tile)
{
    /// <summary>The exact result, where it was measured.</summary>
    public double? Exact { get; init; }

    /// <summary>The mismatch at an element.</summary>
    public static Mismatch At(Tensor actual, long at, Tensor reference, long referenceAt)
    {
        long columns = actual.Shape.Rank == 0 ? 1 : Math.Max(1, actual.Shape[^1]), rows = actual.ElementCount / columns;
        (long t, long n) = (at / columns, at % columns);
        var around = new List<string>();
        for (long r = t - 1; r <= t + 1; r++)
            around.Add(string.Join(' ', Enumerable.Range(-1, 3).Select(d => n + d).Select(c => r < 0 || r >= rows || c < 0 || c >= columns ? "." : Hex(actual, r * columns + c))));
        return new Mismatch(Coordinates(actual.Shape, at), Hex(actual, at), Hex(reference, referenceAt), around, (t / NoiseGrouping.Tile, n / NoiseGrouping.Tile));
    }

    /// <summary>A row-major index as coordinates.</summary>
    public static long[] Coordinates(Shape shape, long at)
    {
        long[] index = new long[shape.Rank];
        for (int d = shape.Rank - 1; d >= 0; d--)
        {
            long size = Math.Max(1, shape[d]);
            index[d] = at % size;
            at /= size;
        }

        return index;
    }

    /// <summary>For example <c>[3, 17] is 3f800001, reference 3f800000</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", Index)}] is {Actual}, reference {Reference}";

    private static string Hex(Tensor t, long i) => ElementReader.Bits(t, i).ToString("x" + t.DType.Bits() / 4, CultureInfo.InvariantCulture);
}

/// <summary>How a candidate's elements differ from the reference's: every figure that harnesses report, so that a verdict can be compared with theirs.</summary>
/// <remarks>
/// Figures are those of <see cref="TensorComparison"/>, whose definitions hold (docs/spec/verdicts.md 2), and
/// <code>
/// NMSE   = Σ (a - e)² / Σ e²          cosine = Σ a e / (‖a‖ ‖e‖)
/// </code>
/// The histogram counts differing elements by ulp: bucket i holds (2^(i-1), 2^i], the first (0, 1], the last all beyond.
/// </remarks>
internal sealed record ErrorStatistics
{
    private const int Buckets = 12;

    /// <summary>Elements compared.</summary>
    public required long Count { get; init; }

    /// <summary>Elements that are not bit-equal.</summary>
    public required long MismatchCount { get; init; }

    /// <summary>Elements that are NaN, or infinite, on one side alone, or infinite with opposite signs.</summary>
    public required long MaskMismatchCount { get; init; }

    /// <summary>The largest distance in units of the last place, and where.</summary>
    public required double MaxUlp { get; init; }

    /// <summary>Largest |a - e|, and where.</summary>
    public required (double Value, IReadOnlyList<long> At) MaxAbs { get; init; }

    /// <summary>Largest |a - e| / |e|, and where.</summary>
    public required (double Value, IReadOnlyList<long> At) MaxRel { get; init; }

    /// <summary>‖a - e‖ / ‖e‖.</summary>
    public required double RelativeL2 { get; init; }

    /// <summary>Σ (a - e)² / Σ e².</summary>
    public double Nmse => RelativeL2 * RelativeL2;

    /// <summary>Σ a e / (‖a‖ ‖e‖); 1 where both are 0.</summary>
    public required double Cosine { get; init; }

    /// <summary>1 - 2 Σ a e / Σ (a² + e²).</summary>
    public required double CalcDiff { get; init; }

    /// <summary>Differing elements by distance in ulp.</summary>
    public required IReadOnlyList<long> UlpHistogram { get; init; }

    /// <summary>The first element, row-major, that differs; null when there is none.</summary>
    public Mismatch? First { get; init; }

    /// <summary>The element that differs by most ulp, a wrong NaN or infinity before all.</summary>
    public Mismatch? Worst { get; init; }

    /// <summary>The statistics of a candidate's output over the pieces that the reference has.</summary>
    public static ErrorStatistics Of(Tensor actual, ReferencePieces pieces)
    {
        var histogram = new Histogram();
        double lower = 0;
        for (int i = 0; i < Buckets; i++)
        {
            double upper = i == Buckets - 1 ? double.PositiveInfinity : double.ScaleB(1, i);
            histogram.AddBucket(new Bucket(lower, upper));
            lower = upper;
        }

        var tally = new Tally(actual);
        foreach (ReferencePiece piece in pieces.Pieces)
            tally.Add(piece, histogram);
        return tally.Result([.. Enumerable.Range(0, Buckets).Select(i => (long)histogram[i].Count)]);
    }

    private sealed class Tally(Tensor actual)
    {
        private readonly bool real = ElementReader.IsReal(actual.DType);
        private long count, finiteCount, off, masks;
        private long first = long.MaxValue, worst = -1;
        private (ReferencePiece Piece, long I) firstAt, worstAt;
        private double worstUlp = -1, maxAbs, maxRel, sumDiff, sumE, sumA, sumAE;
        private long absAt, relAt;

        public void Add(ReferencePiece piece, Histogram histogram)
        {
            for (long i = 0; i < piece.Count; i++)
            {
                if (!piece.IsResult(i))
                    continue;
                long at = piece.At(i);
                count++;
                double e = ElementReader.Value(piece.Reference, i), a = ElementReader.Value(actual, at);
                bool finite = double.IsFinite(e) && double.IsFinite(a);
                if (finite)
                {
                    finiteCount++;
                    sumE += e * e;
                    sumA += a * a;
                    sumAE += a * e;
                    sumDiff += (a - e) * (a - e);
                }

                if (ReferencePieces.SameBits(piece.Reference, i, actual, at))
                    continue;
                off++;
                if (at < first)
                    (first, firstAt) = (at, (piece, i));
                double abs = Math.Abs(a - e), ulp = !finite ? double.PositiveInfinity : real ? abs / StoredValue.Ulp(e, actual.DType) : abs;
                masks += finite ? 0 : 1;
                if (ulp > worstUlp)
                    (worstUlp, worst, worstAt) = (ulp, at, (piece, i));
                if (!finite)
                    continue;

                // +0 and -0 differ in bits and not in value: they count as the smallest distance.
                histogram.AddData(Math.Clamp(ulp, 0.5, double.MaxValue));
                if (abs > maxAbs)
                    (maxAbs, absAt) = (abs, at);
                if (e != 0 && abs / Math.Abs(e) > maxRel)
                    (maxRel, relAt) = (abs / Math.Abs(e), at);
            }
        }

        /// <summary>Of nothing that is finite on both sides there is no error to tell: NaN, and not the 0 of equal values.</summary>
        private double OfFinite(double figure) => finiteCount == 0 && count > 0 ? double.NaN : figure;

        public ErrorStatistics Result(IReadOnlyList<long> histogram) => new()
        {
            Count = count,
            MismatchCount = off,
            MaskMismatchCount = masks,
            MaxUlp = Math.Max(0, worstUlp),
            MaxAbs = (OfFinite(maxAbs), Mismatch.Coordinates(actual.Shape, absAt)),
            MaxRel = (OfFinite(maxRel), Mismatch.Coordinates(actual.Shape, relAt)),
            RelativeL2 = masks > 0 ? double.NaN : sumDiff == 0 ? 0 : sumE == 0 ? double.PositiveInfinity : Math.Sqrt(sumDiff / sumE),
            Cosine = OfFinite(sumA == 0 && sumE == 0 ? 1 : sumAE / Math.Sqrt(sumA * sumE)),
            CalcDiff = OfFinite(sumA + sumE == 0 ? 0 : 1 - 2 * sumAE / (sumA + sumE)),
            UlpHistogram = histogram,
            First = off == 0 ? null : Mismatch.At(actual, first, firstAt.Piece.Reference, firstAt.I),
            Worst = off == 0 ? null : Mismatch.At(actual, worst, worstAt.Piece.Reference, worstAt.I),
        };
    }
}
