namespace DeepSeek.Reference.Verification;

/// <summary>The exponentials of one row of scores and their sum: exact values, and how far a correct kernel's may be off.</summary>
/// <remarks>
/// <code>
/// e_j   = exp(x_j - m)      m = max x_j of the midpoints: every other m cancels in e_j / s
/// off_j = e_j (exp(λ_j) - 1),   λ_j = radius of x_j + u |x_j - m| + the exponential's own error
/// s     = Σ e_j             Σ off_j, n - 1 additions in any order, and the rescalings of an online softmax
/// </code>
/// An online softmax meets a new maximum at most once a block; blocks of 32 are the smallest in use. Each rescaling is an exponential and a product.
/// docs/spec/bounds.md 8.
/// </remarks>
internal sealed class SoftmaxRow
{
    /// <summary>Keys of the smallest block of an online softmax.</summary>
    public const int SmallestBlock = 32;

    private SoftmaxRow(int n)
    {
        E = new double[n];
        Off = new double[n];
    }

    /// <summary>e_j.</summary>
    public double[] E { get; }

    /// <summary>Bound on the error of each e_j.</summary>
    public double[] Off { get; }

    /// <summary>The maximum; NaN where the row is NaN, -∞ where there is nothing to weigh.</summary>
    public double Max { get; private set; }

    /// <summary>Radius of the scores: the maximum of a candidate's own may be off by it.</summary>
    public double MaxRadius { get; private set; }

    /// <summary>s.</summary>
    public Ball Sum { get; private set; }

    /// <summary>Relative error of one more product by a rescaling factor, all of them together.</summary>
    public double Rescaling { get; private set; }

    /// <summary>Whether nothing can be said: a score whose radius is infinite.</summary>
    public bool IsFree { get; private set; }

    /// <summary>The row of these scores; <paramref name="accumulate"/> bounds the error of a sum of n terms from the sum and its magnitude.</summary>
    /// <param name="x">The scores.</param>
    /// <param name="accumulate">Error of a sum, its magnitude and its number of terms given.</param>
    /// <param name="blocks">How often an online softmax rescales at the most, and once more; 0 for blocks of <see cref="SmallestBlock"/>.</param>
    public static SoftmaxRow Of(ReadOnlySpan<Ball> x, Func<double, double, double, double> accumulate, int blocks = 0)
    {
        var row = new SoftmaxRow(x.Length) { Max = double.NegativeInfinity };
        bool certainNaN = false;
        foreach (Ball score in x)
        {
            bool certain = double.IsFinite(score.Radius);
            certainNaN |= certain && (double.IsNaN(score.Mid) || double.IsPositiveInfinity(score.Mid));
            row.IsFree |= !certain;
            row.MaxRadius = Math.Max(row.MaxRadius, score.Radius);
            if (score.Mid > row.Max)
                row.Max = score.Mid;
        }

        if (certainNaN)
        {
            (row.Max, row.IsFree) = (double.NaN, false);
            return row;
        }

        if (row.IsFree || double.IsNegativeInfinity(row.Max))
            return row;
        row.Fill(x, accumulate, blocks > 0 ? blocks : (x.Length + SmallestBlock - 1) / SmallestBlock);
        return row;
    }

    private void Fill(ReadOnlySpan<Ball> x, Func<double, double, double, double> accumulate, int blocks)
    {
        double sum = 0, off = 0;
        for (int j = 0; j < x.Length; j++)
        {
            double d = x[j].Mid - Max;
            double e = Math.Exp(d);
            E[j] = e;
            if (double.IsNegativeInfinity(d))
                continue;
            double distance = Math.Abs(d) + x[j].Radius + MaxRadius;
            double lambda = x[j].Radius + distance * (Roundoff.Single + 2 * Roundoff.Double)
                + (ElementFunctions.ExpUlps + ElementFunctions.ExpUlpsPerArgument * distance) * ElementFunctions.Ulp;
            // Beside an own maximum a radius away, the candidate's exponentials are that factor from these; the quotient does not see it, their last bits do.
            Off[j] = e * ElementFunctions.Expm1(lambda) + 2 * ElementFunctions.ExpUlps * Roundoff.SingleUnderflow * Math.Exp(Math.Min(MaxRadius, 600));
            sum += e;
            off += Off[j];
        }

        Rescaling = (blocks - 1) * (ElementFunctions.ExpUlps * ElementFunctions.Ulp + Roundoff.Single);
        double own = Roundoff.OwnSum(sum, x.Length);
        Sum = new Ball(sum, own + off + (sum + off) * Rescaling + accumulate(sum + off, sum + off, x.Length));
    }
}
