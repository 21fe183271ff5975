using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>The scaled scores of one query under an attention contract, in natural units: b^x = e^score (docs/spec/bounds.md 8).</summary>
/// <remarks>
/// <code>
/// x_j = Σ q k · a      the sum within the bound of QueryKey, one rounding of the product, two of another way to get a
///                      or ⟦⟦Σ q k⟧ · a⟧ snapped to bfloat16 under EveryStep
/// </code>
/// </remarks>
internal sealed class ContractScores
{
    private const double Ln2 = 0.6931471805599453;

    private readonly AttentionAttributes attributes;
    private readonly SumArithmetic products;
    private readonly float multiplier;

    public ContractScores(AttentionAttributes attributes)
    {
        this.attributes = attributes;
        products = new SumArithmetic(Contract.QueryKey);
        multiplier = Contract.Multiplier(attributes.Scale);
    }

    private AttentionContract Contract => attributes.Contract!;

    /// <summary>From the contract's units to natural ones.</summary>
    private double Unit => Contract.Base == SoftmaxBase.Two ? Ln2 : 1;

    /// <summary>The initial maximum, in natural units.</summary>
    public double InitialMaximum => Contract.InitialMaximum * Unit;

    /// <summary>The score of a masked key in natural units; -∞ where masked keys do not exist.</summary>
    public double Masked => Contract.MaskValue is not { } mask ? double.NegativeInfinity : mask * Unit * (Contract.Scaling == ScoreScaling.AfterMaximum ? multiplier : 1);

    /// <summary>The score of a key.</summary>
    public Ball Of(ReadOnlySpan<double> q, ReadOnlySpan<float> k)
    {
        Ball x = Contract.Scores == ScoreRounding.EveryStep ? Stepwise(q, k) : Scaled(q, k);
        return double.IsFinite(x.Mid) ? new Ball(x.Mid * Unit, x.Radius * Unit + Math.Abs(x.Mid) * (4 * Roundoff.Double)) : x;
    }

    private Ball Scaled(ReadOnlySpan<double> q, ReadOnlySpan<float> k)
    {
        Ball dot = Dot(q, k, out double magnitude);
        if (!double.IsFinite(dot.Mid))
            return dot;
        // The query may be scaled before the products, and a be a product of roundings.
        Ball x = (dot.Plus(magnitude * Roundoff.Single) * multiplier).Single().Off(2 * Roundoff.Single);
        return double.IsFinite(x.Mid) ? x : Ball.Nothing(x.Mid);
    }

    private Ball Stepwise(ReadOnlySpan<double> q, ReadOnlySpan<float> k)
    {
        int c = attributes.ScoreSplit;
        Ball sum = Rounded(Dot(q[c..], k[c..], out _));
        if (c > 0)
            sum = (Rounded(Dot(q[..c], k[..c], out _)) + sum).BFloat16();
        return (sum * multiplier).BFloat16();
    }

    private Ball Rounded(Ball dot) => products.RoundsOnce ? dot.BFloat16Once() : dot.BFloat16();

    private Ball Dot(ReadOnlySpan<double> q, ReadOnlySpan<float> k, out double magnitude)
    {
        (double sum, magnitude) = WideSums.Dot(q, k);
        if (!double.IsFinite(sum))
            return AttentionRow.OfSpecial(q, k);
        double sizes = 0;
        for (int d = 0; products.Aligned && d < k.Length; d++)
            sizes += Math.Abs(q[d]) + Math.Abs(k[d]);
        double error = products.RescaledError(sum, magnitude, sizes, k.Length, 1);
        return Roundoff.LargestPartial(sum, magnitude) + error >= Roundoff.SingleOverflow ? Ball.Nothing(sum) : new Ball(sum, error);
    }
}
