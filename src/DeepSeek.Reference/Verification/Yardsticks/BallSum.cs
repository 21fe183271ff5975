namespace DeepSeek.Reference.Verification;

/// <summary>A sum of balls in binary32, in any order (docs/spec/bounds.md 3): what they add up to, and how far from it a legitimate sum may lie.</summary>
internal sealed class BallSum
{
    private double sum, magnitude, radius;
    private int terms;
    private bool infinite;

    /// <summary>A sum of nothing, which is 0.</summary>
    public BallSum() { }

    /// <summary>A sum whose first term is what it is added to.</summary>
    public BallSum(double start) => Add(start);

    /// <summary>Adds a term: a number, or an exact product of two.</summary>
    public void Add(Ball term)
    {
        terms++;
        sum += term.Mid;
        radius += term.Radius;
        infinite |= double.IsInfinity(term.Mid);
        magnitude += double.IsFinite(term.Mid) ? Math.Abs(term.Mid) : 0;
    }

    /// <summary>The sum. Where terms may overflow beside an infinity, and where partial sums may, nothing is promised.</summary>
    /// <param name="products">Whether the terms are products, each of which may be rounded before it is added.</param>
    /// <param name="once">Whether the sum is declared exact or in binary64: it is rounded once, at its end.</param>
    public Ball Total(bool products, bool once = false)
    {
        double size = magnitude + radius;
        if (!double.IsFinite(radius))
            return Ball.Nothing(sum);
        if (double.IsNaN(sum) || infinite)
            return double.IsNaN(sum) || size < Roundoff.SingleOverflow / 2 ? new Ball(sum) : Ball.Nothing(sum);
        double partial = Roundoff.LargestPartial(sum, size);
        if (once)
            return new Ball(sum, radius + 2 * Roundoff.OwnSum(size, terms)).Single();
        double rounding = products ? Roundoff.SingleSum(sum, size, terms) : partial * Roundoff.Growth(terms - 1, Roundoff.Single);
        double error = radius + rounding + (terms > 1 ? Roundoff.OwnSum(size, terms) : 0);
        return partial + error < Roundoff.SingleOverflow ? new Ball(sum, error) : Ball.Nothing(sum);
    }
}
