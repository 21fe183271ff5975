using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

/// <summary>Attention written as kernels write it, every step of which a variant may replace: keys in blocks, a running maximum, splits that are combined at the end.</summary>
/// <remarks>
/// <code>
/// for each split of the visible keys, for each block of it:
///     x_j = Score(q · k_j)                    m' = max(m, x_j)
///     e_j = Exp(x_j - m')                     o, s times Exp(m - m') where Rescales
///     s   = s + e_j,  or SummedAs(e_j)        o = o + Weight(e_j) v_j
/// combine: o = Σ o_i Exp(m_i - m),  s alike;  y = o / s, lse = Lse(m, s)
/// </code>
/// As it stands this is a legitimate evaluation in binary32 of scores without roundings.
/// </remarks>
internal sealed record AttentionLoop
{
    /// <summary>Keys of a block; 0: all at once, so that the maximum is known first.</summary>
    public int Block { get; init; }

    /// <summary>Splits of the keys, combined at the end.</summary>
    public int Splits { get; init; } = 1;

    /// <summary>Whether a new maximum rescales what was summed before.</summary>
    public bool Rescales { get; init; } = true;

    /// <summary>Whether splits are brought to one maximum when they are combined.</summary>
    public bool RescalesSplits { get; init; } = true;

    /// <summary>Whether the maximum is subtracted at all.</summary>
    public bool SubtractsMaximum { get; init; } = true;

    /// <summary>The key at which a split begins: one earlier counts its border key twice.</summary>
    public int Overlap { get; init; }

    /// <summary>The exponential.</summary>
    public Func<float, float> Exp { get; init; } = Correct.Exp;

    /// <summary>What becomes of a score after the scale.</summary>
    public Func<float, float> Score { get; init; } = x => x;

    /// <summary>What becomes of a query's value before the product.</summary>
    public Func<float, float> Query { get; init; } = x => x;

    /// <summary>Whether the query is scaled before the product, in place of the score.</summary>
    public bool ScalesQuery { get; init; }

    /// <summary>The sum of a score.</summary>
    public Dot Dot { get; init; } = Dots.Lanes;

    /// <summary>What a probability counts as in P·V.</summary>
    public Func<float, float> Weight { get; init; } = x => x;

    /// <summary>What a probability counts as in the denominator.</summary>
    public Func<float, float> SummedAs { get; init; } = x => x;

    /// <summary>What becomes of a split's result before it is combined.</summary>
    public Func<float, float> Partial { get; init; } = x => x;

    /// <summary>The log-sum-exp.</summary>
    public Func<float, float, float> Lse { get; init; } = (m, s) => m + Correct.Log(s);

    /// <summary>Keys visible to query i of S, of T, when the contract says n.</summary>
    public Func<int, int, int> Visible { get; init; } = (n, _) => n;

    /// <summary>The key whose value is taken for key j of n.</summary>
    public Func<int, int, int> ValueOf { get; init; } = (j, _) => j;

    /// <summary>The key head of query head h, of H, when the contract says k.</summary>
    public Func<int, int, int> HeadOf { get; init; } = (k, _) => k;

    /// <summary>Runs the call by this loop.</summary>
    public void Run(AttentionCall call)
    {
        AttentionShape shape = AttentionShape.Of(call.Q, call.Keys, call.Values, call.Attributes, call.Y, call.LogSumExp);
        (int S, int H, int T, int Hk, int D, int Dv, _) = shape;
        float[] q = Values.Of(call.Q), keys = Values.Of(call.Keys), values = call.Values is null ? keys : Values.Of(call.Values);
        float[] y = new float[S * H * Dv], lse = new float[S * H];
        float scale = call.Attributes.Scale;
        Parallel.For(0, S * H, row =>
        {
            int hk = HeadOf(shape.KeyHead(row % H), H);
            float[] query = Array.ConvertAll(q.AsSpan(row * D, D).ToArray(), v => Query(ScalesQuery ? v * scale : v));
            int n = Visible(shape.Visible(call.Attributes, row / H), T);
            var x = new float[n];
            for (int j = 0; j < n; j++)
            {
                float dot = Dot(query, keys.AsSpan((j * Hk + hk) * D, D));
                x[j] = Score(ScalesQuery ? dot : dot * scale);
            }

            lse[row] = Row(x, j => values.AsSpan((ValueOf(j, n) * Hk + hk) * shape.ValueStride, Dv), y.AsSpan(row * Dv, Dv));
        });
        Values.Store(y, call.Y);
        if (call.LogSumExp is not null)
            Values.Store(lse, call.LogSumExp);
    }

    private delegate ReadOnlySpan<float> ValueRow(int j);

    private float Row(float[] x, ValueRow value, Span<float> y)
    {
        int n = x.Length;
        if (n == 0)
        {
            y.Clear();
            return float.NegativeInfinity;
        }

        var parts = new (float M, float S, float[] O)[Splits];
        for (int i = 0; i < Splits; i++)
            parts[i] = Part(x, Math.Max(0, n * i / Splits - (i == 0 ? 0 : Overlap)), n * (i + 1) / Splits, value, y.Length);
        if (Splits == 1)
        {
            for (int c = 0; c < y.Length; c++)
                y[c] = parts[0].O[c] / parts[0].S;
            return Lse(parts[0].M, parts[0].S);
        }

        float m = parts.Max(p => p.M), s = 0f;
        float[] factors = [.. parts.Select(p => RescalesSplits && p.S != 0 ? Exp(p.M - m) : p.S != 0 ? 1f : 0f)];
        for (int i = 0; i < Splits; i++)
            s += parts[i].S * factors[i];
        for (int c = 0; c < y.Length; c++)
        {
            float o = 0f;
            for (int i = 0; i < Splits; i++)
            {
                if (parts[i].S != 0)
                    o += Partial(parts[i].O[c] / parts[i].S) * (parts[i].S * factors[i] / s);
            }

            y[c] = o;
        }

        return Lse(m, s);
    }

    private (float M, float S, float[] O) Part(float[] x, int begin, int end, ValueRow value, int width)
    {
        float m = float.NegativeInfinity, s = 0f;
        float[] o = new float[width];
        int step = Block == 0 ? Math.Max(1, end - begin) : Block;
        for (int b = begin; b < end; b += step)
        {
            int stop = Math.Min(b + step, end);
            float larger = m;
            for (int j = b; j < stop; j++)
                larger = MathF.Max(larger, x[j]);
            if (!SubtractsMaximum)
                larger = 0f;
            if (Rescales && b > begin && larger != m)
            {
                float factor = Exp(m - larger);
                s *= factor;
                foreach (ref float v in o.AsSpan())
                    v *= factor;
            }

            m = larger;
            for (int j = b; j < stop; j++)
            {
                float e = Exp(x[j] - m);
                s += SummedAs(e);
                float p = Weight(e);
                ReadOnlySpan<float> v = value(j);
                for (int c = 0; c < width; c++)
                    o[c] = MathF.FusedMultiplyAdd(p, v[c], o[c]);
            }
        }

        return (m, s, o);
    }
}
