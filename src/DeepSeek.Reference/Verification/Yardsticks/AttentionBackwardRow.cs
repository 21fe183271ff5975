using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>The gradients of one head of naive attention, and what bounds them (docs/spec/bounds.md 11).</summary>
/// <remarks>
/// <code>
/// p_ij = exp(x_ij - lse_i)                        x_ij and the difference within their roundings, or exp2 of both times log2 e
/// t_ij = p_ij (Σ dy v - Δ_i) · scale,  Δ = Σ dy y      the scale here, or at the end
/// dq = Σ_j t k,  dk = Σ_i t q,  dv = Σ_i p dy     sums of products of balls
/// </code>
/// </remarks>
internal sealed class AttentionBackwardRow(AttentionBackwardCall call, int head)
{
    private readonly AttentionShape shape = new(
        Operands.Dim(call.Q, 0), Operands.Dim(call.Q, 1), Operands.Dim(call.Keys, 0), Operands.Dim(call.Keys, 1), Operands.Dim(call.Q, 2), Operands.Dim(call.Values, 2), SharesKeys: false);

    private bool RoundsOnce => call.Attributes.Accumulation.Kind is AccumulationKind.Exact or AccumulationKind.Float64;

    /// <summary>dq of a query.</summary>
    public Func<long, Measurement> OfQuery(int i)
    {
        int n = shape.Visible(call.Attributes, i);
        (Ball P, Ball T)[] weights = [.. Enumerable.Range(0, n).Select(j => Weights(i, j))];
        return d => Sum(n, j => weights[j].T * Value(call.Keys, j, d));
    }

    /// <summary>dk of a key.</summary>
    public Func<long, Measurement> OfKey(int j)
    {
        int[] queries = Seeing(j);
        (Ball P, Ball T)[] weights = [.. queries.Select(i => Weights(i, j))];
        return d => Sum(queries.Length, i => weights[i].T * Value(call.Q, queries[i], d));
    }

    /// <summary>dv of a key.</summary>
    public Func<long, Measurement> OfValue(int j)
    {
        int[] queries = Seeing(j);
        (Ball P, Ball T)[] weights = [.. queries.Select(i => Weights(i, j))];
        return c => Sum(queries.Length, i => weights[i].P * Value(call.Dy, queries[i], c));
    }

    private int[] Seeing(int j) => [.. Enumerable.Range(0, shape.S).Where(i => shape.Visible(call.Attributes, i) > j)];

    private double Value(Tensor t, long place, long channel) => ElementReader.Value(t, (place * shape.H + head) * t.Shape[2] + channel);

    private Measurement Sum(int count, Func<int, Ball> term)
    {
        var sum = new BallSum();
        for (int i = 0; i < count; i++)
            sum.Add(term(i));
        return sum.Total(products: true, RoundsOnce).Stored(DType.F32);
    }

    /// <summary>p and t of a query and a key.</summary>
    private (Ball P, Ball T) Weights(int i, int j)
    {
        double lse = ElementReader.Value(call.LogSumExp, (long)i * shape.H + head);
        if (double.IsNegativeInfinity(lse))
            return (0, 0);
        Ball dot = Dot(call.Q, i, call.Keys, j, shape.D);
        Ball x = (dot.Off(Roundoff.Single, 1) * call.Attributes.Scale).Single();
        Ball p = double.IsFinite(x.Mid) && double.IsFinite(lse) && double.IsFinite(x.Radius)
            ? ElementFunctions.Exp((x - lse).Plus(2 * Roundoff.Single * (x.Most + Math.Abs(lse))))
            : Ball.Nothing(double.NaN);
        Ball away = Dot(call.Dy, i, call.Y, i, shape.Dv), dp = Dot(call.Dy, i, call.Values, j, shape.Dv);
        Ball t = ((p * (dp - away).Single()).Single() * call.Attributes.Scale).Off(2 * Roundoff.Single, 2);
        return (p, t);
    }

    private Ball Dot(Tensor a, int i, Tensor b, int j, int length)
    {
        var sum = new BallSum();
        for (int k = 0; k < length; k++)
            sum.Add((Ball)Value(a, i, k) * Value(b, j, k));
        return sum.Total(products: true, RoundsOnce);
    }
}
