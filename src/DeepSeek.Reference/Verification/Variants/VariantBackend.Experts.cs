using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>Gates, combinations and quantisers.</content>
internal sealed partial class VariantBackend
{
    /// <summary>Scores by element functions of its own; the choice by the definition on those; weights by another order.</summary>
    private void Gate(GateCall c)
    {
        int E = Operands.Dim(c.Logits, 1), K = Operands.Dim(c.Indices, 1);
        GateAttributes a = c.Attributes;
        float Rounded(float x) => a.RoundsScores ? BFloat16.RoundToFloat(x) : x;
        for (int t = 0; t < c.Logits.ElementCount / E; t++)
        {
            float[] logits = Operands.Widen(c.Logits, (long)t * E, E).ToArray(), s = new float[E];
            if (a.Scoring == ScoringFunction.Softmax)
            {
                (float m, float sum) = MaximumAndSum(logits);
                for (int e = 0; e < E; e++)
                    s[e] = float.IsFinite(m) ? functions.Quotient(functions.Exp(logits[e] - m), sum) : float.IsNegativeInfinity(m) ? 0f : float.NaN;
            }

            for (int e = 0; e < E; e++)
                s[e] = Rounded(a.Scoring == ScoringFunction.Sigmoid ? functions.Sigmoid(logits[e]) : s[e]);
            int[] indices = Choice(s, c, K);
            indices.CopyTo(c.Indices.AsSpan<int>()[(t * K)..]);
            Operands.Store(s, c.Scores, (long)t * E);
            float total = Rounded(Rounded(sums.Add([.. indices.Select(i => s[i])])) + a.Epsilon);
            for (int k = 0; k < K; k++)
            {
                float share = a.Normalize ? Rounded(functions.Quotient(s[indices[k]], total)) : s[indices[k]];
                Operands.Store([a.Rounding == GateRounding.EveryStep ? BFloat16.RoundToFloat(share * a.Scale) : share * a.Scale], c.Weights, t * K + k);
            }
        }
    }

    /// <summary>The choice that these scores call for, by sorting.</summary>
    private static int[] Choice(float[] s, GateCall c, int K)
    {
        float[] biased = [.. s.Select((x, e) => c.Bias is null ? x : x + c.Bias.AsReadOnlySpan<float>()[e])];
        int size = biased.Length / c.Attributes.Groups;
        int[] groups = [.. Enumerable.Range(0, c.Attributes.Groups).OrderByDescending(j => GroupScoreOf(biased.AsSpan(j * size, size).ToArray(), c.Attributes.GroupScore)).ThenBy(j => j)];
        if (biased.Any(float.IsNaN) || c.Attributes.KeptGroups < c.Attributes.Groups && groups.Any(j => float.IsNaN(GroupScoreOf(biased.AsSpan(j * size, size).ToArray(), c.Attributes.GroupScore))))
            throw Ops.Gate.NotANumber(0);
        int[] kept = [.. groups.Take(c.Attributes.KeptGroups)];
        return
        [
            .. Enumerable.Range(0, biased.Length)
                .Where(e => c.Attributes.Mask == GroupMask.Zero || kept.Contains(e / size))
                .OrderByDescending(e => kept.Contains(e / size) ? biased[e] : 0f).ThenBy(e => e).Take(K),
        ];
    }

    private static float GroupScoreOf(float[] c, GroupScore rule)
    {
        float[] sorted = [.. c.OrderDescending()];
        return rule == GroupScore.TopTwoSum && c.Length > 1 ? sorted[0] + sorted[1] : sorted[0];
    }

    private void Combine(CombineCall c)
    {
        int K = c.Plan.Slots, d = Operands.Dim(c.Y, 1);
        for (int t = 0; t < c.Plan.TokenCount; t++)
        {
            (int Row, float Weight)[] terms = [.. Enumerable.Range(0, K).Select(s => (c.Plan.RowOf[t * K + s], (float)ElementReader.Value(c.Weights, t * K + s))).Where(x => x.Item1 >= 0).OrderBy(x => x.Item1)];
            float[] w = [.. terms.Select(x => x.Weight)];
            for (int k = 0; k < d; k++)
            {
                float[] o = [.. terms.Select(x => (float)ElementReader.Value(c.ExpertOutputs, (long)x.Row * d + k))];
                float y = 0f;
                if (c.Rounding == CombineRounding.EveryStep)
                {
                    for (int i = 0; i < w.Length; i++)
                        y = BFloat16.RoundToFloat(y + BFloat16.RoundToFloat(w[i] * o[i]));
                }
                else
                {
                    y = sums.Dot(w, o, Accumulation.Lanes16, DType.F32);
                    if (c.Rounding == CombineRounding.SeparateThenRound)
                        y = BFloat16.RoundToFloat(y);
                }

                if (c.Shared is not null)
                    y += (float)ElementReader.Value(c.Shared, (long)t * d + k);
                Operands.Store([y], c.Y, (long)t * d + k);
            }
        }
    }

    /// <summary>Scales and codes with quotients that are a GPU's.</summary>
    private void Quantize(QuantizeCall c)
    {
        new ScalarBackend().Quantize(c.X, c.Attributes, c.Codes, c.Scales);
        if (c.Attributes.ScaleFormat == ScaleFormat.UE8M0)
            return;
        int K = Operands.Dim(c.X, 1);
        var grid = new TileGrid(c.Attributes.Tile, Operands.Dim(c.X, 0), K);
        bool fromAmax = c.Attributes.Arithmetic is QuantizerArithmetic.DeepGemm2025 or QuantizerArithmetic.DeepEpLowLatency;
        for (long i = 0; !fromAmax && i < c.X.ElementCount; i++)
        {
            float s = c.Scales.AsReadOnlySpan<float>()[grid.ScaleOf((int)(i / K), (int)(i % K))], x = (float)ElementReader.Value(c.X, i);
            if (!float.IsNormal(s) || !float.IsFinite(x))
                continue;
            float y = c.Attributes.Arithmetic is QuantizerArithmetic.TritonActQuant or QuantizerArithmetic.TileLang ? functions.Quotient(x, s) : x * functions.Quotient(1f, s);
            c.Codes.AsSpan<Float8E4M3>()[(int)i] = Float8E4M3.FromSingle(y, Fp8Overflow.Saturate);
        }
    }
}
