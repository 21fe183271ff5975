using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tests.Rules;

internal sealed partial class MutableDefinition
{
    private void Linear(Tensor x, int from, int to, Tensor weight, Accumulation sum, Tensor y)
    {
        (int N, int K) = ((int)weight.Shape[0], (int)weight.Shape[1]);
        ReadOnlySpan<float> rows = Operands.Widen(x);
        ReadOnlySpan<float> columns = Operands.Widen(weight);
        float[] results = new float[(to - from) * N];
        for (int t = from; t < to; t++)
        {
            for (int n = 0; n < N; n++)
                results[((t - from) * N) + n] = a.Dot(rows.Slice(t * K, K), columns.Slice(n * K, K), sum, y.DType);
        }

        Put(y.Rows(from, to - from), results);
    }

    private void GroupedLinear(GroupedLinearCall c)
    {
        for (int g = 0; g < c.Weights.Count; g++)
            Linear(c.X, c.Offsets[g], c.Offsets[g + 1], c.Weights[g], c.Accumulation, c.Y);
    }

    private void AbsorbQuery(AbsorbQueryCall c)
    {
        (int H, int width, int latent) = ((int)c.Q.Shape[1], (int)c.Q.Shape[2], (int)c.KvB.Shape[2]);
        int dr = (int)c.Y.Shape[2] - latent;
        int dn = width - dr;
        int rowsOfHead = (int)c.KvB.Shape[1];
        ReadOnlySpan<float> q = Operands.Widen(c.Q);
        ReadOnlySpan<float> w = Operands.Widen(c.KvB);
        var y = new List<float>();
        float[] column = new float[dn];
        for (int row = 0; row < c.Q.Shape[0] * H; row++)
        {
            ReadOnlySpan<float> qh = q.Slice(row * width, width);
            for (int i = 0; i < latent; i++)
            {
                for (int d = 0; d < dn; d++)
                    column[d] = w[((((row % H) * rowsOfHead) + d) * latent) + i];
                y.Add(a.Dot(qh[..dn], column, c.Accumulation, c.Y.DType));
            }

            y.AddRange(qh[dn..]);
        }

        Put(c.Y, [.. y]);
    }

    private void AbsorbOutput(AbsorbOutputCall c)
    {
        (int H, int latent, int rowsOfHead, int dv) = ((int)c.Z.Shape[1], (int)c.Z.Shape[2], (int)c.KvB.Shape[1], (int)c.Y.Shape[2]);
        ReadOnlySpan<float> z = Operands.Widen(c.Z);
        ReadOnlySpan<float> w = Operands.Widen(c.KvB);
        var y = new List<float>();
        for (int row = 0; row < c.Z.Shape[0] * H; row++)
        {
            for (int j = 0; j < dv; j++)
                y.Add(a.Dot(w.Slice((((row % H) * rowsOfHead) + rowsOfHead - dv + j) * latent, latent), z.Slice(row * latent, latent), c.Accumulation, c.Y.DType));
        }

        Put(c.Y, [.. y]);
    }

    private void Attention(AttentionCall c)
    {
        AttentionShape shape = AttentionShape.Of(c.Q, c.Keys, c.Values, c.Attributes, c.Y, c.LogSumExp);
        (int S, int H, int T, int Hk, int D, int Dv, _) = shape;
        ReadOnlySpan<float> q = Operands.Widen(c.Q);
        ReadOnlySpan<float> keys = Operands.Widen(c.Keys);
        ReadOnlySpan<float> values = c.Values is null ? keys : Operands.Widen(c.Values);
        float[] y = new float[S * H * Dv];
        float[] lse = new float[S * H];
        for (int row = 0; row < S * H; row++)
        {
            int n = a.Visible(shape.Visible(c.Attributes, row / H), T);
            int kv = shape.KeyHead(row % H);
            float[] x = new float[n];
            float m = float.NegativeInfinity;
            for (int j = 0; j < n; j++)
            {
                x[j] = Score(q.Slice(row * D, D), keys.Slice(((j * Hk) + kv) * D, D), c.Attributes);
                m = a.Larger(m, x[j]);
            }

            lse[row] = m;
            if (m == float.NegativeInfinity)
                continue;
            float[] p = [.. x.Select(v => a.Exponential(v, m))];
            float s = Ended(p, c.Attributes.Accumulation);
            for (int j = 0; j < n; j++)
                p[j] = c.Attributes.Rounding == AttentionRounding.None ? a.Share(p[j], s) : a.Narrow(a.Share(p[j], s));
            float[] column = new float[n];
            for (int channel = 0; channel < Dv; channel++)
            {
                for (int j = 0; j < n; j++)
                    column[j] = values[(((j * Hk) + kv) * shape.ValueStride) + channel];
                y[(row * Dv) + channel] = a.Dot(p, column, c.Attributes.Accumulation, c.Y.DType);
            }

            lse[row] = a.LogSumExp(m, a.Log(s));
        }

        Put(c.Y, y);
        if (c.LogSumExp is not null)
            Put(c.LogSumExp, lse);
    }

    private float Ended(float[] e, Accumulation sum) =>
        sum.Kind == AccumulationKind.Lanes16 ? a.Total(e) : a.Dot(e, [.. Enumerable.Repeat(1f, e.Length)], sum, DType.F32);

    private float Score(ReadOnlySpan<float> q, ReadOnlySpan<float> k, AttentionAttributes attributes)
    {
        if (attributes.Rounding != AttentionRounding.EveryStep)
            return a.Scored(q, k, attributes.Scale, attributes.Accumulation);
        int split = attributes.ScoreSplit;
        float dot = a.Narrow(a.Dot(q[split..], k[split..], attributes.Accumulation, DType.BF16));
        if (split > 0)
            dot = a.Narrow(a.Add(a.Narrow(a.Dot(q[..split], k[..split], attributes.Accumulation, DType.BF16)), dot));
        return a.Narrow(a.Multiply(dot, attributes.Scale));
    }
}
