using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>Backward operations on rows, elements and experts, and the cross-entropy.</content>
internal sealed partial class VariantBackend
{
    private static float[] Row(Tensor t, long row, int n) => Operands.Widen(t, row * n, n).ToArray();

    private void EmbeddingBackward(EmbeddingBackwardCall c)
    {
        int d = Operands.Dim(c.C, 1);
        ReadOnlySpan<int> ids = c.Ids.AsReadOnlySpan<int>();
        for (int v = 0; v < c.C.Shape[0]; v++)
        {
            for (int k = 0; k < d; k++)
            {
                var terms = new List<float>();
                for (int t = 0; t < ids.Length; t++)
                {
                    if (ids[t] == v)
                        terms.Add(c.Dy.AsReadOnlySpan<float>()[t * d + k]);
                }

                Operands.Store([Onto(c.C.AsReadOnlySpan<float>()[v * d + k], [.. terms])], c.DWeight, (long)v * d + k);
            }
        }
    }

    /// <summary>Terms added to something: one sum more, or one term more.</summary>
    private float Onto(float start, float[] terms) => terms.Length == 0 ? start : random.Next(2) == 0 ? start + sums.Add(terms) : sums.Add([start, .. terms]);

    private void RmsNormBackward(RmsNormBackwardCall c)
    {
        int n = Operands.Dim(c.Weight, 0), T = Operands.Dim(c.X, 0);
        float[] w = Operands.Widen(c.Weight).ToArray();
        float[][] normalised = new float[T][];
        for (int t = 0; t < T; t++)
        {
            float[] x = Row(c.X, t, n), dy = Row(c.Dy, t, n);
            float mean = sums.Dot(x, x, Accumulation.Lanes16, DType.F32);
            float r = functions.ReciprocalRoot((random.Next(2) == 0 ? mean / n : mean * (1f / n)) + c.Epsilon);
            normalised[t] = [.. x.Select(v => v * r)];
            float[] g = [.. dy.Select((v, k) => v * w[k])];
            float away = sums.Dot(g, normalised[t], Accumulation.Lanes16, DType.F32) / n;
            bool late = random.Next(2) == 0;
            for (int k = 0; k < n; k++)
                Operands.Store([late ? r * g[k] - r * (normalised[t][k] * away) : r * (g[k] - normalised[t][k] * away)], c.Dx, (long)t * n + k);
        }

        for (int k = 0; k < n; k++)
        {
            float[] products = [.. Enumerable.Range(0, T).Select(t => c.Dy.AsReadOnlySpan<float>()[t * n + k] * normalised[t][k])];
            Operands.Store([Onto(c.C.AsReadOnlySpan<float>()[k], products)], c.DWeight, k);
        }
    }

    private void SwiGluBackward(SwiGluBackwardCall c)
    {
        for (int i = 0; i < c.Dy.ElementCount; i++)
        {
            float dy = c.Dy.AsReadOnlySpan<float>()[i], a = c.Gate.AsReadOnlySpan<float>()[i], b = c.Up.AsReadOnlySpan<float>()[i];
            float s = functions.Sigmoid(a), rest = random.Next(2) == 0 ? 1f - s : functions.Sigmoid(-a);
            float slope = random.Next(2) == 0 ? s * (1f + a * rest) : s + s * (a * rest);
            Operands.Store([dy * functions.SiLU(a)], c.DUp, i);
            Operands.Store([random.Next(2) == 0 ? dy * b * slope : dy * (b * slope)], c.DGate, i);
        }
    }

    private void RopeBackward(RopeBackwardCall c)
    {
        int T = Operands.Dim(c.Dy, 0), H = Operands.Dim(c.Dy, 1), D = Operands.Dim(c.Dy, 2), dr = 2 * Operands.Dim(c.Frequencies, 0);
        for (int row = 0; row < T * H; row++)
        {
            float[] y = Row(c.Dy, row, D), x = [.. y];
            int start = D - dr;
            for (int i = 0; i < dr / 2; i++)
            {
                float phi = c.Positions.AsReadOnlySpan<int>()[row / H] * c.Frequencies.AsReadOnlySpan<float>()[i];
                float cos = functions.Cos(phi), sin = functions.Sin(phi);
                if (c.Attributes.Magnitude != 1f)
                    (cos, sin) = (cos * c.Attributes.Magnitude, sin * c.Attributes.Magnitude);
                bool half = c.Attributes.Layout == RopeLayout.Half, stays = c.Attributes.Layout == RopeLayout.Interleaved;
                (float x0, float x1) = Rotate(c.Attributes.Rotation, y[start + (stays ? 2 * i : i)], y[start + (stays ? 2 * i + 1 : i + dr / 2)], cos, -sin);
                (x[start + (half ? i : 2 * i)], x[start + (half ? i + dr / 2 : 2 * i + 1)]) = (x0, x1);
            }

            Operands.Store(x, c.Dx, (long)row * D);
        }
    }

    private void ExpandKeysBackward(ExpandKeysBackwardCall c)
    {
        c.Run(new ScalarBackend());
        (int T, int H, int dn, int dr, _) = LatentShape.OfExpansion(c.DKv, c.DKPe, c.DKeys, c.DValues);
        for (int i = 0; i < T * dr; i++)
        {
            float[] heads = [.. Enumerable.Range(0, H).Select(h => c.DKeys.AsReadOnlySpan<float>()[(i / dr * H + h) * (dn + dr) + dn + i % dr])];
            Operands.Store([sums.Add(heads)], c.DKPe, i);
        }
    }

    private void DispatchBackward(DispatchBackwardCall c)
    {
        int d = Operands.Dim(c.Dy, 1), K = c.Plan.Slots;
        for (int i = 0; i < c.Dx.ElementCount; i++)
        {
            float[] terms = [.. Enumerable.Range(0, K).Select(s => c.Plan.RowOf[i / d * K + s]).Where(r => r >= 0).Select(r => c.Dy.AsReadOnlySpan<float>()[r * d + i % d])];
            Operands.Store([sums.Add(terms)], c.Dx, i);
        }
    }

    private void CombineBackward(CombineBackwardCall c)
    {
        c.Run(new ScalarBackend());
        int d = Operands.Dim(c.Dy, 1);
        for (int i = 0; i < c.Weights.ElementCount; i++)
        {
            if (c.Plan.RowOf[i] >= 0)
                Operands.Store([sums.Dot(Row(c.Dy, i / c.Plan.Slots, d), Row(c.ExpertOutputs, c.Plan.RowOf[i], d), Accumulation.Lanes16, DType.F32)], c.DWeights, i);
        }
    }

    private void CrossEntropy(CrossEntropyCall c)
    {
        int V = Operands.Dim(c.Logits, 1);
        for (int t = 0; t < c.Logits.Shape[0]; t++)
        {
            float[] row = Row(c.Logits, t, V);
            (float m, float s) = MaximumAndSum(row);
            int target = c.Targets.AsReadOnlySpan<int>()[t];
            float loss = target < 0 ? 0f : !float.IsFinite(m) ? float.NaN
                : random.Next(2) == 0 ? functions.Log(s) - (row[target] - m) : m + functions.Log(s) - row[target];
            Operands.Store([loss], c.Losses, t);
            Operands.Store([m, float.IsFinite(m) ? s : float.NaN], c.Statistics, 2L * t);
        }
    }

    private void CrossEntropyBackward(CrossEntropyBackwardCall c)
    {
        int n = Operands.Dim(c.Logits, 1);
        for (int i = 0; i < c.Logits.ElementCount; i++)
        {
            int t = i / n, target = c.Targets.AsReadOnlySpan<int>()[t];
            float m = c.Statistics.AsReadOnlySpan<float>()[2 * t], s = c.Statistics.AsReadOnlySpan<float>()[2 * t + 1], x = c.Logits.AsReadOnlySpan<float>()[i];
            float p = random.Next(2) == 0 ? functions.Quotient(functions.Exp(x - m), s) : functions.Exp(x - (m + functions.Log(s)));
            Operands.Store([target < 0 ? 0f : (c.First + i % n == target ? p - 1f : p) * c.Scale], c.DLogits, i);
        }
    }
}
