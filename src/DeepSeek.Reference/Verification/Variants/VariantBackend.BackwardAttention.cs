using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>The backward of attention and of the gate, and the balance loss.</content>
internal sealed partial class VariantBackend
{
    private void AttentionBackward(AttentionBackwardCall c)
    {
        int S = Operands.Dim(c.Q, 0), H = Operands.Dim(c.Q, 1), T = Operands.Dim(c.Keys, 0), D = Operands.Dim(c.Q, 2), Dv = Operands.Dim(c.Values, 2);
        Accumulation sum = c.Attributes.Accumulation;
        var shape = new AttentionShape(S, H, T, H, D, Dv, SharesKeys: false);
        for (int h = 0; h < H; h++)
        {
            float[][] p = new float[S][], t = new float[S][];
            for (int i = 0; i < S; i++)
            {
                float[] q = Row(c.Q, i * H + h, D), dy = Row(c.Dy, i * H + h, Dv);
                float lse = c.LogSumExp.AsReadOnlySpan<float>()[i * H + h], away = sums.Dot(dy, Row(c.Y, i * H + h, Dv), sum, DType.F32);
                int n = shape.Visible(c.Attributes, i);
                (p[i], t[i]) = (new float[n], new float[n]);
                for (int j = 0; j < n && !float.IsNegativeInfinity(lse); j++)
                {
                    p[i][j] = functions.Exp(sums.Dot(q, Row(c.Keys, j * H + h, D), sum, DType.F32) * c.Attributes.Scale - lse);
                    float dp = sums.Dot(dy, Row(c.Values, j * H + h, Dv), sum, DType.F32) - away;
                    t[i][j] = random.Next(2) == 0 ? p[i][j] * dp * c.Attributes.Scale : p[i][j] * (dp * c.Attributes.Scale);
                }

                for (int d = 0; d < D; d++)
                    Operands.Store([sums.Dot(t[i], Down(c.Keys, 0, n, H, h, d), sum, DType.F32)], c.Dq, (i * H + h) * (long)D + d);
            }

            for (int j = 0; j < T; j++)
            {
                int first = Enumerable.Range(0, S).FirstOrDefault(i => p[i].Length > j, S);
                float[] pj = [.. p.Skip(first).Select(row => row[j])], tj = [.. t.Skip(first).Select(row => row[j])];
                for (int d = 0; d < D; d++)
                    Operands.Store([sums.Dot(tj, Down(c.Q, first, S, H, h, d), sum, DType.F32)], c.DKeys, (j * H + h) * (long)D + d);
                for (int d = 0; d < Dv; d++)
                    Operands.Store([sums.Dot(pj, Down(c.Dy, first, S, H, h, d), sum, DType.F32)], c.DValues, (j * H + h) * (long)Dv + d);
            }
        }
    }

    /// <summary>One channel of a head at consecutive places.</summary>
    private static float[] Down(Tensor t, int from, int to, int H, int head, int channel) =>
        [.. Enumerable.Range(from, to - from).Select(i => (float)ElementReader.Value(t, ((long)i * H + head) * t.Shape[2] + channel))];

    private void GateBackward(GateBackwardCall c)
    {
        int E = Operands.Dim(c.Logits, 1), K = Operands.Dim(c.Indices, 1);
        for (int t = 0; t < c.Logits.Shape[0]; t++)
        {
            float[] l = Row(c.Logits, t, E), s = Row(c.Scores, t, E), dw = Row(c.DWeights, t, K), ds = new float[E];
            int[] chosen = c.Indices.AsReadOnlySpan<int>().Slice(t * K, K).ToArray();
            float total = sums.Add([.. chosen.Select(e => s[e])]) + c.Attributes.Epsilon;
            float mean = sums.Dot(dw, [.. chosen.Select(e => functions.Quotient(s[e], total))], Accumulation.Lanes16, DType.F32);
            for (int k = 0; k < K; k++)
                ds[chosen[k]] = c.Attributes.Normalize ? functions.Quotient((dw[k] - mean) * c.Attributes.Scale, total) : dw[k] * c.Attributes.Scale;
            for (int e = 0; c.DScores is not null && e < E; e++)
                ds[e] += c.DScores.AsReadOnlySpan<float>()[t * E + e];
            float away = c.Attributes.Scoring == ScoringFunction.Softmax ? sums.Dot(s, ds, Accumulation.Lanes16, DType.F32) : 0f;
            for (int e = 0; e < E; e++)
            {
                float dl = c.Attributes.Scoring == ScoringFunction.Softmax ? s[e] * (ds[e] - away) : ds[e] * (s[e] * (random.Next(2) == 0 ? 1f - s[e] : functions.Sigmoid(-l[e])));
                Operands.Store([dl], c.DLogits, (long)t * E + e);
            }
        }
    }

    private void BalanceLoss(BalanceLossCall c)
    {
        int T = Operands.Dim(c.Scores, 0), E = Operands.Dim(c.Scores, 1), K = Operands.Dim(c.Indices, 1);
        float[] counts = new float[E];
        foreach (int e in c.Indices.AsReadOnlySpan<int>())
            counts[e]++;
        float[] f = [.. counts.Select(n => functions.Quotient(E * n, (float)K * T))];
        float[][] shares = new float[T][];
        for (int t = 0; t < T; t++)
        {
            float[] s = Row(c.Scores, t, E);
            float z = sums.Add(s);
            shares[t] = [.. s.Select(v => functions.Quotient(v, z))];
            float[] g = [.. f.Select(share => random.Next(2) == 0 ? c.Alpha * share / T : share * (c.Alpha / T))];
            float mean = sums.Dot(g, shares[t], Accumulation.Lanes16, DType.F32);
            for (int e = 0; e < E; e++)
                Operands.Store([functions.Quotient(g[e] - mean, z)], c.DScores, (long)t * E + e);
        }

        float[] P = [.. Enumerable.Range(0, E).Select(e => T == 0 ? 0f : sums.Add([.. shares.Select(row => row[e])]) / T)];
        Operands.Store([T == 0 ? 0f : c.Alpha * sums.Dot(f, P, Accumulation.Lanes16, DType.F32)], c.Loss, 0);
    }
}
