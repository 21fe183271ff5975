using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>Norms, activations, rotations, softmax.</content>
internal sealed partial class VariantBackend
{
    private void RmsNorm(RmsNormCall c)
    {
        int n = Operands.Dim(c.Weight, 0);
        float[] w = Operands.Widen(c.Weight).ToArray();
        for (long t = 0; n > 0 && t < c.X.ElementCount / n; t++)
        {
            float[] x = Operands.Widen(c.X, t * n, n).ToArray();
            float sum = sums.Dot(x, x, Accumulation.Lanes16, DType.F32);
            float mean = random.Next(2) == 0 ? sum / n : sum * (1f / n);
            float r = functions.ReciprocalRoot(mean + c.Epsilon);
            for (int k = 0; k < n; k++)
            {
                float normalised = x[k] * r;
                if (c.Rounding == RmsNormRounding.BeforeWeight)
                    normalised = BFloat16.RoundToFloat(normalised);
                Operands.Store([normalised * w[k]], c.Y, t * n + k);
            }
        }
    }

    private void SwiGlu(SwiGluCall c)
    {
        for (long i = 0; i < c.Y.ElementCount; i++)
        {
            float s = functions.SiLU((float)ElementReader.Value(c.Gate, i));
            if (c.Rounding == SwiGluRounding.AfterSilu)
                s = BFloat16.RoundToFloat(s);
            Operands.Store([s * (float)ElementReader.Value(c.Up, i)], c.Y, i);
        }
    }

    private void Rope(RopeCall c)
    {
        int T = Operands.Dim(c.X, 0), H = Operands.Dim(c.X, 1), D = Operands.Dim(c.X, 2), dr = 2 * Operands.Dim(c.Frequencies, 0);
        for (int row = 0; row < T * H; row++)
        {
            float[] x = Operands.Widen(c.X, (long)row * D, D).ToArray(), y = [.. x];
            int start = D - dr;
            for (int i = 0; i < dr / 2; i++)
            {
                float phi = c.Positions.AsReadOnlySpan<int>()[row / H] * c.Frequencies.AsReadOnlySpan<float>()[i];
                float cos = functions.Cos(phi), sin = functions.Sin(phi);
                if (c.Attributes.Magnitude != 1f)
                    (cos, sin) = (cos * c.Attributes.Magnitude, sin * c.Attributes.Magnitude);
                bool half = c.Attributes.Layout == RopeLayout.Half, stays = c.Attributes.Layout == RopeLayout.Interleaved;
                float x0 = x[start + (half ? i : 2 * i)], x1 = x[start + (half ? i + dr / 2 : 2 * i + 1)];
                (float y0, float y1) = Rotate(c.Attributes.Rotation, x0, x1, cos, sin);
                (y[start + (stays ? 2 * i : i)], y[start + (stays ? 2 * i + 1 : i + dr / 2)]) = (y0, y1);
            }

            Operands.Store(y, c.Y, (long)row * D);
        }
    }

    private (float, float) Rotate(RopeRotation rotation, float x0, float x1, float c, float s)
    {
        if (rotation == RopeRotation.EveryStep)
        {
            (c, s) = (BFloat16.RoundToFloat(c), BFloat16.RoundToFloat(s));
            return (
                BFloat16.RoundToFloat(BFloat16.RoundToFloat(x0 * c) - BFloat16.RoundToFloat(x1 * s)),
                BFloat16.RoundToFloat(BFloat16.RoundToFloat(x0 * s) + BFloat16.RoundToFloat(x1 * c)));
        }

        return random.Next(3) switch
        {
            0 => (x0 * c - x1 * s, x0 * s + x1 * c),
            1 => (MathF.FusedMultiplyAdd(x0, c, -(x1 * s)), MathF.FusedMultiplyAdd(x0, s, x1 * c)),
            _ => (MathF.FusedMultiplyAdd(-x1, s, x0 * c), MathF.FusedMultiplyAdd(x1, c, x0 * s)),
        };
    }

    private void Softmax(Tensor x, Tensor y, bool logarithm)
    {
        int n = Operands.Dim(x, 1);
        for (long t = 0; n > 0 && t < x.ElementCount / n; t++)
        {
            float[] row = Operands.Widen(x, t * n, n).ToArray();
            (float m, float s) = MaximumAndSum(row);
            for (int k = 0; k < n; k++)
            {
                float value = float.IsNaN(m) || float.IsPositiveInfinity(m) ? float.NaN
                    : float.IsNegativeInfinity(m) ? (logarithm ? m : 0f)
                    : !logarithm ? functions.Quotient(functions.Exp(row[k] - m), s)
                    : random.Next(2) == 0 ? row[k] - m - functions.Log(s) : row[k] - (m + functions.Log(s));
                Operands.Store([value], y, t * n + k);
            }
        }
    }

    /// <summary>m and Σ exp(x - m): of all at once, or block by block as an online softmax has them.</summary>
    private (float Max, float Sum) MaximumAndSum(float[] x)
    {
        int block = random.Next(4) switch { 0 => 32, 1 => 64, 2 => 128, _ => Math.Max(1, x.Length) };
        float m = float.NegativeInfinity, s = 0f;
        for (int from = 0; from < x.Length; from += block)
        {
            float[] part = x[from..Math.Min(x.Length, from + block)];
            float most = part.Aggregate(m, MathF.Max);
            if (float.IsNaN(most) || float.IsPositiveInfinity(most))
                return (most, float.NaN);
            if (float.IsNegativeInfinity(most))
                continue;
            float before = s == 0f ? 0f : s * functions.Exp(m - most);
            m = most;
            s = before + sums.Sum([.. part.Select(v => functions.Exp(v - m))], Accumulation.Lanes16);
        }

        return (m, s);
    }
}
