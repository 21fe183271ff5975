using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>One term of a dot product: operands as they are stored, as values, and the product of the block's scales where there are any.</summary>
internal readonly record struct DotTerm(long K, ulong ABits, ulong BBits, double A, double B, double Scale);

/// <summary>The dot product behind one wrong element of a matrix product.</summary>
internal sealed record FailingDot
{
    /// <summary>The element's row and column.</summary>
    public required (long Row, long Column) At { get; init; }

    /// <summary>Its terms whose product is not zero, or NaN.</summary>
    public required IReadOnlyList<DotTerm> Terms { get; init; }

    /// <summary>All of K.</summary>
    public required long K { get; init; }

    /// <summary>Bits and value of the reference's result.</summary>
    public required (ulong Bits, double Value) Reference { get; init; }

    /// <summary>Bits and value of the candidate's result.</summary>
    public required (ulong Bits, double Value) Candidate { get; init; }

    /// <summary>The sum of the terms: without rounding but the last to binary64, or with scales to about 2^-50 of the largest term.</summary>
    public required double Exact { get; init; }

    /// <summary>Dtypes of the operands and the result.</summary>
    public required (DType A, DType B, DType Y) DTypes { get; init; }

    /// <summary>The dot of the element with the largest error; null where the call is no such product, or no element differs.</summary>
    public static FailingDot? Of(OperationCall candidate)
    {
        if (!HasDots(candidate))
            return null;
        OperationCall reference = FailureTrial.Reference(candidate);
        Tensor expected = reference["y"], actual = candidate["y"];
        long worst = -1;
        double most = -1;
        for (long i = 0; i < actual.ElementCount; i++)
        {
            double e = ElementReader.Value(expected, i), a = ElementReader.Value(actual, i);
            if (ElementReader.Bits(expected, i) == ElementReader.Bits(actual, i) || (double.IsNaN(a) && double.IsNaN(e)))
                continue;
            double off = Math.Abs(a - e) is var d && double.IsNaN(d) ? double.PositiveInfinity : d;
            if (off > most)
                (worst, most) = (i, off);
        }

        if (worst < 0)
            return null;
        long N = actual.Shape[^1];
        (long row, long column) = (worst / N, worst % N);
        (Tensor x, Tensor w, Func<long, double> scale) = OperandsOf(candidate, row, column);
        long K = x.Shape[^1];
        DotTerm[] all = [.. Enumerable.Range(0, (int)K).Select(k => Term(x, row, w, column, k, scale(k)))];
        return new FailingDot
        {
            At = (row, column),
            K = K,
            Terms = [.. all.Where(t => t.A * t.B != 0)],
            Reference = (ElementReader.Bits(expected, worst), ElementReader.Value(expected, worst)),
            Candidate = (ElementReader.Bits(actual, worst), ElementReader.Value(actual, worst)),
            Exact = Sum(all),
            DTypes = (x.DType, w.DType, actual.DType),
        };
    }

    /// <summary>The call for the dot alone, 1 x 1 x K, on the same values; null for other calls than linear, where a group's or a scale's place would be lost.</summary>
    public static OperationCall? Alone(OperationCall call, (long Row, long Column) at)
    {
        if (call is not LinearCall linear)
            return null;
        long K = linear.X.Shape[^1];
        var y = new Tensor(linear.Y.DType, 1, 1);
        System.Runtime.CompilerServices.Unsafe.InitBlockUnaligned(ref y.ByteOrigin, 0xA5, (uint)y.ByteCount);
        return linear with { X = linear.X.Reshape(linear.X.ElementCount / Math.Max(1, K), K).Rows(at.Row, 1).Clone(), Weight = linear.Weight.Rows(at.Column, 1).Clone(), Y = y };
    }

    private static bool HasDots(OperationCall call) => call is LinearCall or GroupedLinearCall or ScaledLinearCall { C: null } or GroupedScaledLinearCall && call["y"].ElementCount > 0 && call["x"].Shape[^1] > 0;

    private static (Tensor X, Tensor W, Func<long, double> Scale) OperandsOf(OperationCall call, long row, long column)
    {
        switch (call)
        {
            case LinearCall c:
                return (c.X, c.Weight, _ => 1);
            case GroupedLinearCall c:
                return (c.X, c.Weights[Group(c.Offsets, row)], _ => 1);
            case ScaledLinearCall c:
                return (c.X, c.Weight, k => ScaleOf(c.XScale, row, k, false) * ScaleOf(c.WeightScale, column, k, c.WeightScale.Shape[0] != c.Weight.Shape[0]));
            default:
                var g = (GroupedScaledLinearCall)call;
                int group = Group(g.Offsets, row);
                return (g.X, g.Weights[group], k => ScaleOf(g.XScale, row, k, false) * ScaleOf(g.WeightScales[group], column, k, g.WeightScales[group].Shape[0] != g.Weights[group].Shape[0]));
        }
    }

    private static int Group(IReadOnlyList<int> offsets, long row)
    {
        int g = 0;
        while (offsets[g + 1] <= row)
            g++;
        return g;
    }

    /// <summary>The scale of row r and channel k: one for 128 channels, or for the row where there is one alone, and for 128 rows in a block.</summary>
    private static double ScaleOf(Tensor scales, long r, long k, bool byBlock)
    {
        long row = byBlock ? r / TileGrid.Side : r;
        long column = Math.Min(k / TileGrid.Side, scales.Shape[1] - 1);
        return ElementReader.Value(scales, (row * scales.Shape[1]) + column);
    }

    private static DotTerm Term(Tensor x, long row, Tensor w, long column, long k, double scale)
    {
        long K = x.Shape[^1];
        long i = (row * K) + k, j = (column * K) + k;
        return new DotTerm(k, ElementReader.Bits(x, i), ElementReader.Bits(w, j), ElementReader.Value(x, i), ElementReader.Value(w, j), scale);
    }

    private static double Sum(DotTerm[] terms)
    {
        if (Array.TrueForAll(terms, t => t.Scale == 1))
        {
            var exact = new ExactSum();
            foreach (DotTerm t in terms)
                exact.AddProduct((float)t.A, (float)t.B);
            return exact.ToDouble();
        }

        // A product of two E4M3 is exact in binary64, and so is the sum of a block.
        return terms.GroupBy(t => t.K / TileGrid.Side).Sum(block => block.Sum(t => t.A * t.B) * block.First().Scale);
    }
}
