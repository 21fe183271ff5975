using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>Attention, in two passes or online.</content>
internal sealed partial class VariantBackend
{
    private void Attention(AttentionCall c)
    {
        c = c with { Attributes = c.Attributes.Resolved() };
        if (c.Attributes.Contract is not null)
        {
            UnderContract(c);
            return;
        }

        AttentionShape shape = AttentionShape.Of(c.Q, c.Keys, c.Values, c.Attributes, c.Y, c.LogSumExp);
        for (long row = 0; row < (long)shape.S * shape.H; row++)
        {
            int n = shape.Visible(c.Attributes, (int)(row / shape.H)), head = shape.KeyHead((int)(row % shape.H));
            float[] q = Operands.Widen(c.Q, row * shape.D, shape.D).ToArray();
            float[] x = [.. Enumerable.Range(0, n).Select(j => Score(q, Operands.Widen(c.Keys, ((long)j * shape.Hk + head) * shape.D, shape.D), c.Attributes))];
            bool online = c.Attributes.Rounding == AttentionRounding.None && c.Attributes.Accumulation.Kind is not (AccumulationKind.Exact or AccumulationKind.Float64) && random.Next(2) == 0;
            float lse = online ? Online(c, shape, row, head, x) : TwoPass(c, shape, row, head, x);
            if (c.LogSumExp is not null)
                Operands.Store([lse], c.LogSumExp, row);
        }
    }

    private float Score(ReadOnlySpan<float> q, ReadOnlySpan<float> k, AttentionAttributes a)
    {
        if (a.Rounding != AttentionRounding.EveryStep)
            return sums.Dot(q, k, a.Accumulation, DType.F32) * a.Scale;
        int c = a.ScoreSplit;
        float dot = BFloat16.RoundToFloat(sums.Dot(q[c..], k[c..], a.Accumulation, DType.BF16));
        if (c > 0)
            dot = BFloat16.RoundToFloat(BFloat16.RoundToFloat(sums.Dot(q[..c], k[..c], a.Accumulation, DType.BF16)) + dot);
        return BFloat16.RoundToFloat(dot * a.Scale);
    }

    private float TwoPass(AttentionCall c, AttentionShape shape, long row, int head, float[] x)
    {
        float m = x.Aggregate(float.NegativeInfinity, MathF.Max);
        if (!float.IsFinite(m))
        {
            float nothing = float.IsNegativeInfinity(m) ? 0f : float.NaN;
            Operands.Store([.. Enumerable.Repeat(nothing, shape.Dv)], c.Y, row * shape.Dv);
            return float.IsNegativeInfinity(m) ? m : float.NaN;
        }

        Accumulation declared = c.Attributes.Accumulation;
        float[] e = [.. x.Select(v => functions.Exp(v - m))];
        float s = sums.Sum(e, declared);
        bool late = c.Attributes.Rounding == AttentionRounding.None && declared.Kind is AccumulationKind.Lanes16 or AccumulationKind.Sequential;
        late &= c.Attributes.Rounding == AttentionRounding.None && random.Next(2) == 0;
        float[] p = late ? e : [.. e.Select(v => functions.Quotient(v, s))];
        if (c.Attributes.Rounding != AttentionRounding.None)
            p = [.. p.Select(BFloat16.RoundToFloat)];
        for (int channel = 0; channel < shape.Dv; channel++)
        {
            float y = sums.Dot(p, Column(c, shape, head, channel, x.Length), declared, late ? DType.F32 : c.Y.DType);
            Operands.Store([late ? functions.Quotient(y, s) : y], c.Y, row * shape.Dv + channel);
        }

        return m + functions.Log(s);
    }

    private float Online(AttentionCall c, AttentionShape shape, long row, int head, float[] x)
    {
        int block = random.Next(2) == 0 ? 64 : 32;
        float m = float.NegativeInfinity, s = 0f;
        float[] y = new float[shape.Dv];
        for (int from = 0; from < x.Length; from += block)
        {
            float[] part = x[from..Math.Min(x.Length, from + block)];
            float most = part.Aggregate(m, MathF.Max);
            if (float.IsNaN(most) || float.IsPositiveInfinity(most))
            {
                Operands.Store([.. Enumerable.Repeat(float.NaN, shape.Dv)], c.Y, row * shape.Dv);
                return float.NaN;
            }

            if (float.IsNegativeInfinity(most))
                continue;
            float factor = float.IsNegativeInfinity(m) ? 0f : functions.Exp(m - most);
            float[] e = [.. part.Select(v => functions.Exp(v - most))];
            s = s * factor + sums.Sum(e, Accumulation.Lanes16);
            for (int channel = 0; channel < shape.Dv; channel++)
            {
                float[] v = Column(c, shape, head, channel, x.Length)[from..(from + part.Length)];
                y[channel] = (m == float.NegativeInfinity ? 0f : y[channel] * factor) + sums.Dot(e, v, Accumulation.Lanes16, DType.F32);
            }

            m = most;
        }

        Operands.Store([.. y.Select(v => float.IsNegativeInfinity(m) ? 0f : functions.Quotient(v, s))], c.Y, row * shape.Dv);
        return float.IsNegativeInfinity(m) ? m : m + functions.Log(s);
    }

    private static float[] Column(AttentionCall c, AttentionShape shape, int head, int channel, int n) =>
        [.. Enumerable.Range(0, n).Select(j => (float)ElementReader.Value(c.Values ?? c.Keys, ((long)j * shape.Hk + head) * shape.ValueStride + channel))];
}
