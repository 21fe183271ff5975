using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tests.Rules;

internal sealed partial class MutableDefinition
{
    private void Gate(GateCall c)
    {
        GateAttributes g = c.Attributes;
        bool everyStep = g.Rounding == GateRounding.EveryStep;
        Func<float, float> last = everyStep ? a.Narrow : v => v;
        Func<float, float> rounded = everyStep && g.Scoring == ScoringFunction.Sigmoid ? a.Narrow : v => v;
        (int T, int E, int K) = ((int)c.Logits.Shape[0], (int)c.Logits.Shape[1], (int)c.Indices.Shape[1]);
        float[] logits = Operands.Widen(c.Logits).ToArray();
        float[] bias = c.Bias is null ? new float[E] : Operands.Widen(c.Bias).ToArray();
        float[] scores = new float[T * E];
        float[] weights = new float[T * K];
        for (int t = 0; t < T; t++)
        {
            Memory<float> s = scores.AsMemory(t * E, E);
            if (g.Scoring == ScoringFunction.Softmax)
                Softmax(logits.AsMemory(t * E, E), s);
            float[] biased = new float[E];
            for (int i = 0; i < E; i++)
            {
                s.Span[i] = rounded(g.Scoring == ScoringFunction.Sigmoid ? a.Sigmoid(logits[(t * E) + i]) : s.Span[i]);
                biased[i] = c.Bias is null ? s.Span[i] : a.Add(s.Span[i], bias[i]);
            }

            int[] slots = Best(biased, Candidates(biased, g), K);
            float[] chosen = [.. slots.Select(i => scores[(t * E) + i])];
            float sum = rounded(a.Add(rounded(a.SumOfChosen(chosen, slots)), g.Epsilon));
            for (int k = 0; k < K; k++)
            {
                weights[(t * K) + k] = a.Weight(chosen[k], sum, g, rounded, last);
                c.Indices.AsSpan<int>()[(t * K) + k] = slots[k];
            }
        }

        Put(c.Scores, scores);
        Put(c.Weights, weights);
    }

    /// <summary>The experts that may be chosen; with <see cref="GroupMask.Zero"/> all, the scores of others set to +0.</summary>
    private IEnumerable<int> Candidates(float[] biased, GateAttributes g)
    {
        int E = biased.Length;
        if (g.KeptGroups >= g.Groups)
            return Enumerable.Range(0, E);
        int size = E / g.Groups;
        float[] groups = new float[g.Groups];
        for (int j = 0; j < g.Groups; j++)
        {
            int[] two = Best(biased, Enumerable.Range(j * size, size), Math.Min(2, size));
            groups[j] = g.GroupScore == GroupScore.TopTwoSum && size > 1 ? a.Add(biased[two[0]], biased[two[1]]) : biased[two[0]];
        }

        int[] kept = Best(groups, Enumerable.Range(0, g.Groups), g.KeptGroups);
        if (g.Mask != GroupMask.Zero)
            return Enumerable.Range(0, E).Where(i => kept.Contains(i / size));
        for (int i = 0; i < E; i++)
            biased[i] = kept.Contains(i / size) ? biased[i] : 0f;
        return Enumerable.Range(0, E);
    }

    private int[] Best(float[] values, IEnumerable<int> candidates, int count)
    {
        var order = candidates.ToList();
        order.Sort((i, j) => i == j ? 0 : a.Before(values[i], i, values[j], j) ? -1 : 1);
        return [.. order.Take(count)];
    }

    private void Combine(CombineCall c)
    {
        (int T, int K, int d) = (c.Plan.TokenCount, c.Plan.Slots, (int)c.Y.Shape[1]);
        ReadOnlySpan<float> outputs = Operands.Widen(c.ExpertOutputs);
        ReadOnlySpan<float> weights = Operands.Widen(c.Weights);
        ReadOnlySpan<float> shared = c.Shared is null ? [] : Operands.Widen(c.Shared);
        float[] y = new float[T * d];
        for (int t = 0; t < T; t++)
        {
            int[] ascending = [.. Enumerable.Range(t * K, K).Where(i => c.Plan.RowOf[i] >= 0).OrderBy(i => c.Plan.RowOf[i])];
            int[] order = [.. a.ExpertOrder(ascending.Length).Select(place => ascending[place])];
            for (int k = 0; k < d; k++)
            {
                float sum = 0f;
                foreach (int i in order)
                    sum = Step(c.Rounding, weights[i], outputs[(c.Plan.RowOf[i] * d) + k], sum);
                if (c.Rounding == CombineRounding.SeparateThenRound)
                    sum = a.Narrow(sum);
                y[(t * d) + k] = shared.IsEmpty ? sum : a.WithShared(sum, shared[(t * d) + k]);
            }
        }

        Put(c.Y, y);
    }

    private float Step(CombineRounding rounding, float w, float o, float y) => rounding switch
    {
        CombineRounding.Fused => a.Fma(w, o, y),
        CombineRounding.EveryStep => a.Narrow(a.Add(y, a.Narrow(a.Multiply(w, o)))),
        _ => a.Add(y, a.Multiply(w, o)),
    };

    private void Quantize(QuantizeCall c)
    {
        (int T, int K) = ((int)c.X.Shape[0], (int)c.X.Shape[1]);
        bool wide = c.Codes.DType == DType.U16;
        var grid = new TileGrid(c.Attributes.Tile, T, K);
        ReadOnlySpan<float> x = Operands.Widen(c.X);
        for (int tile = 0; tile < grid.Count; tile++)
        {
            (int top, int bottom) = grid.Rows(tile / grid.Across);
            (int left, int right) = grid.Columns(tile % grid.Across);
            float amax = 0f;
            for (int i = top; i < bottom; i++)
            {
                for (int k = left; k < right; k++)
                    amax = a.LargerMagnitude(amax, x[(i * K) + k], c.Attributes.Arithmetic);
            }

            (float scale, Func<float, float> quotient) = a.ScaleOfTile(amax, wide ? DeepSeek.Reference.Ops.Quantize.LargestE5M6 : DeepSeek.Reference.Ops.Quantize.LargestE4M3, c.Attributes);
            c.Scales.AsSpan<float>()[tile] = scale;
            for (int i = top; i < bottom; i++)
            {
                for (int k = left; k < right; k++)
                {
                    float y = quotient(x[(i * K) + k]);
                    if (wide)
                        c.Codes.AsSpan<ushort>()[(i * K) + k] = a.EncodeE5M6(y).Bits;
                    else
                        c.Codes.AsSpan<Float8E4M3>()[(i * K) + k] = a.EncodeE4M3(y);
                }
            }
        }
    }

    private void Dequantize(DequantizeCall c)
    {
        (int T, int K) = ((int)c.Codes.Shape[0], (int)c.Codes.Shape[1]);
        var grid = new TileGrid(c.Tile, T, K);
        ReadOnlySpan<float> scales = c.Scales.AsReadOnlySpan<float>();
        float[] y = new float[T * K];
        for (int i = 0; i < y.Length; i++)
        {
            float code = c.Codes.DType == DType.U16 ? FloatE5M6.FromBits(c.Codes.AsReadOnlySpan<ushort>()[i]) : c.Codes.AsReadOnlySpan<Float8E4M3>()[i];
            y[i] = a.Dequantized(code, scales[grid.ScaleOf(i / K, i % K)]);
        }

        Put(c.Y, y);
    }
}
