namespace DeepSeek.Reference.Verification;

/// <summary>How an actual tensor differs from an expected one: bits, masks of NaN and infinity, then errors of the finite values in binary64.</summary>
/// <remarks>
/// <code>
/// relative L2 = ‖a - e‖ / ‖e‖          max rel = max |a - e| / |e| where e ≠ 0
/// calc_diff   = 1 - 2 Σ a e / Σ (a² + e²)
/// max ulp     = max |a - e| / ulp(e), the unit of the coarser of the two formats
/// </code>
/// Floating formats are widened exactly, so tensors of different formats compare by value; any NaN equals any NaN (rule N3); +0 and -0 are different
/// bits but equal values. Whole numbers compare exactly. Sums run over elements that are finite in both. docs/spec/verdicts.md 2.
/// </remarks>
public sealed record TensorComparison
{
    /// <summary>Elements compared.</summary>
    public long Count { get; init; }

    /// <summary>Elements whose bits are equal, any NaN counting as any NaN. Between two formats: whose values are equal, zeros by sign.</summary>
    public long BitEqualCount { get; init; }

    /// <summary>Elements that are not bit-equal.</summary>
    public long MismatchCount => Count - BitEqualCount;

    /// <summary>The first element, row-major, that is not bit-equal; null when there is none.</summary>
    public IReadOnlyList<long>? FirstMismatch { get; init; }

    /// <summary>Elements that are NaN in one tensor alone.</summary>
    public long NaNMismatchCount { get; init; }

    /// <summary>Elements that are infinite in one tensor alone, or of opposite sign.</summary>
    public long InfinityMismatchCount { get; init; }

    /// <summary>NaNs in both tensors at the same place.</summary>
    public long NaNCount { get; init; }

    /// <summary>Largest |a - e|.</summary>
    public double MaxAbs { get; init; }

    /// <summary>Largest |a - e| / |e|, where e is not 0.</summary>
    public double MaxRel { get; init; }

    /// <summary>‖a - e‖ / ‖e‖; +∞ when e is 0 and a is not; NaN when masks differ.</summary>
    public double RelativeL2 { get; init; }

    /// <summary>Largest distance in units of the last place of the coarser format.</summary>
    public double MaxUlp { get; init; }

    /// <summary>1 - 2 Σ a e / Σ (a² + e²); 0 when both are 0.</summary>
    public double CalcDiff { get; init; }

    /// <summary>Whether every element is bit-equal.</summary>
    public bool IsBitEqual => MismatchCount == 0;

    /// <summary>Whether NaNs and infinities stand at the same places.</summary>
    public bool MasksAgree => NaNMismatchCount == 0 && InfinityMismatchCount == 0;

    /// <summary>Compares two tensors of one shape.</summary>
    /// <exception cref="ShapeException">The shapes differ, or a format cannot be compared by value.</exception>
    public static TensorComparison Compare(Tensor expected, Tensor actual)
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(actual);
        if (expected.Shape != actual.Shape)
            throw new ShapeException($"expected {expected} and actual {actual} have different shapes");
        bool integers = ElementReader.IsInteger(expected.DType) && ElementReader.IsInteger(actual.DType);
        if (!integers && !(Comparable(expected) && Comparable(actual)))
            throw new ShapeException($"{expected} and {actual} cannot be compared by value; widen them first");
        var tally = new Tally(expected, actual, integers);
        for (long i = 0; i < expected.ElementCount; i++)
            tally.Add(i);
        return tally.Result();
    }

    private static bool Comparable(Tensor t) => ElementReader.IsReal(t.DType) || ElementReader.IsInteger(t.DType);

    private sealed class Tally(Tensor expected, Tensor actual, bool integers)
    {
        private readonly (int Fraction, int LeastExponent) precision = Coarser(expected.DType, actual.DType);
        private long bitEqual, nanMismatch, infMismatch, nan;
        private long first = -1;
        private double maxAbs, maxRel, maxUlp, sumDiff, sumE, sumA, sumAE;

        public void Add(long i)
        {
            double e = ElementReader.Value(expected, i);
            double a = ElementReader.Value(actual, i);
            if (SameBits(i, e, a))
                bitEqual++;
            else if (first < 0)
                first = i;

            if (double.IsNaN(e) || double.IsNaN(a))
            {
                if (double.IsNaN(e) && double.IsNaN(a))
                    nan++;
                else
                    nanMismatch++;
                return;
            }

            if (double.IsInfinity(e) || double.IsInfinity(a))
            {
                if (e != a)
                    infMismatch++;
                return;
            }

            double diff = integers ? (double)(ElementReader.Integer(actual, i) - ElementReader.Integer(expected, i)) : a - e;
            double abs = Math.Abs(diff);
            maxAbs = Math.Max(maxAbs, abs);
            if (e != 0)
                maxRel = Math.Max(maxRel, abs / Math.Abs(e));
            if (abs != 0)
                maxUlp = Math.Max(maxUlp, integers ? abs : abs / Ulp(e));
            sumDiff += diff * diff;
            sumE += e * e;
            sumA += a * a;
            sumAE += a * e;
        }

        public TensorComparison Result() => new()
        {
            Count = expected.ElementCount,
            BitEqualCount = bitEqual,
            FirstMismatch = first < 0 ? null : Indices(first),
            NaNMismatchCount = nanMismatch,
            InfinityMismatchCount = infMismatch,
            NaNCount = nan,
            MaxAbs = maxAbs,
            MaxRel = maxRel,
            MaxUlp = maxUlp,
            RelativeL2 = nanMismatch + infMismatch > 0 ? double.NaN : sumDiff == 0 ? 0 : sumE == 0 ? double.PositiveInfinity : Math.Sqrt(sumDiff / sumE),
            CalcDiff = sumA + sumE == 0 ? 0 : 1 - (2 * sumAE / (sumA + sumE)),
        };

        private bool SameBits(long i, double e, double a)
        {
            if (integers)
                return ElementReader.Integer(expected, i) == ElementReader.Integer(actual, i);
            if (double.IsNaN(e) && double.IsNaN(a))
                return true;
            return expected.DType == actual.DType
                ? ElementReader.Bits(expected, i) == ElementReader.Bits(actual, i)
                : BitConverter.DoubleToInt64Bits(e) == BitConverter.DoubleToInt64Bits(a);
        }

        private double Ulp(double e)
        {
            int exponent = e == 0 ? precision.LeastExponent : Math.Max(Math.ILogB(e), precision.LeastExponent);
            return double.ScaleB(1, exponent - precision.Fraction);
        }

        private long[] Indices(long flat)
        {
            ReadOnlySpan<long> dims = expected.Shape.Dimensions;
            var indices = new long[dims.Length];
            for (int k = dims.Length - 1; k >= 0; k--)
            {
                indices[k] = flat % dims[k];
                flat /= dims[k];
            }

            return indices;
        }

        private static (int Fraction, int LeastExponent) Coarser(DType x, DType y)
        {
            if (!ElementReader.IsReal(x))
                return ElementReader.Precision(y);
            if (!ElementReader.IsReal(y))
                return ElementReader.Precision(x);
            var a = ElementReader.Precision(x);
            var b = ElementReader.Precision(y);
            return a.Fraction <= b.Fraction ? a : b;
        }
    }
}
