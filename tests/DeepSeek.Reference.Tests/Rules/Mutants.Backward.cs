using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tests.Rules;

internal static partial class Mutants
{
    /// <summary>A backward operation whose call is changed, or its results after it.</summary>
    private static WrongBackend Gradient<T>(int rule, string key, string what, Func<T, OperationCall> change, Action<T>? after = null) where T : BackwardCall =>
        new WrongBackend(rule, key, what, c => c.Case.Operation >= Operation.LinearDgrad, () => new ChangedCall(
            call => call is T its ? change(its) : call,
            call =>
            {
                if (call is T its)
                    after?.Invoke(its);
            }));

    /// <summary>Rules of gradients: what they are added to, and the formulas.</summary>
    private static IEnumerable<Mutant> Gradients() =>
    [
        Gradient<LinearWgradCall>(16, "stored", "A weight's gradient is stored, not added to what stands.", c => c with { C = new Tensor(DType.F32, c.C.Shape) }),
        Gradient<GroupedLinearWgradCall>(16, "no-tokens", "An expert without tokens gets a gradient of zeros, not what stood.", c => c, c =>
        {
            for (int g = 0; g < c.DWeights.Count; g++)
            {
                if (c.Offsets[g] == c.Offsets[g + 1])
                    c.DWeights[g].AsSpan<float>().Clear();
            }
        }),
        Gradient<GroupedLinearWgradCall>(16, "position", "An expert's tokens are taken from the last to the first.", c => c with { Dy = GroupsReversed(c.Dy, c.Offsets), X = GroupsReversed(c.X, c.Offsets) }),
        Gradient<LinearDgradCall>(24, "dgrad-chain", "Dgrad's sum is one chain where lanes are named.", c => c with { Accumulation = Chained(c.Accumulation) }),
        Gradient<LinearWgradCall>(24, "wgrad-chain", "Wgrad's sum is one chain where lanes are named.", c => c with { Accumulation = Chained(c.Accumulation) }),
        Gradient<EmbeddingBackwardCall>(16, "no-id", "Rows of no id become zero, not what stood.", c => c, c =>
        {
            for (int v = 0; v < c.C.Shape[0]; v++)
            {
                if (!c.Ids.AsReadOnlySpan<int>().Contains(v))
                    c.DWeight.Rows(v, 1).AsSpan<float>().Clear();
            }
        }),
        Gradient<EmbeddingBackwardCall>(24, "embedding-place", "The lane of a row is its place among those of its id, not its position.", c => c, ByPlace),
        Gradient<RmsNormBackwardCall>(24, "norm-mean", "The term of the mean is left out.", c => c, c => Overwrite(c.Dx, i => Reciprocal(c, i) * (c.Dy.AsReadOnlySpan<float>()[i] * Operands.Widen(c.Weight)[i % (int)c.Weight.ElementCount]))),
        Gradient<SwiGluBackwardCall>(24, "swiglu-slope", "The slope of SiLU is σ (1 + a (1 - σ)) with a rounded difference.", c => c, c => Overwrite(c.DGate, i =>
        {
            float a = c.Gate.AsReadOnlySpan<float>()[i], s = Correct.Sigmoid(a);
            return c.Dy.AsReadOnlySpan<float>()[i] * c.Up.AsReadOnlySpan<float>()[i] * (s * MathF.FusedMultiplyAdd(a, 1f - s, 1f));
        })),
        Gradient<RopeBackwardCall>(24, "rope-angle", "The rotation is the forward's.", c => c with { Positions = Negated(c.Positions) }),
        Gradient<DispatchBackwardCall>(24, "dispatch-order", "A token's rows are added in descending expert id.", c => c, c => Overwrite(c.Dx, i => Descending(c, i))),
        Gradient<CrossEntropyCall>(24, "loss-together", "The loss is (m + log s) - x.", c => c, c => Overwrite(c.Losses, t =>
        {
            float m = c.Statistics.AsReadOnlySpan<float>()[2 * t], s = c.Statistics.AsReadOnlySpan<float>()[2 * t + 1];
            int target = c.Targets.AsReadOnlySpan<int>()[t];
            return target < 0 ? 0f : m + Correct.Log(s) - c.Logits.AsReadOnlySpan<float>()[t * (int)c.Logits.Shape[1] + target];
        })),
        Gradient<CrossEntropyBackwardCall>(24, "target", "1 is not taken from the target's probability.", c => c with { First = 1 << 20 }),
        Gradient<AttentionBackwardCall>(24, "delta", "Δ is not subtracted.", c => c with { Y = new Tensor(DType.F32, c.Y.Shape) }),
        Gradient<AttentionBackwardCall>(24, "visible", "A query also sees the key after its own.", c => c with { Attributes = c.Attributes with { FirstPosition = c.Attributes.FirstPosition + 1 } }),
        Gradient<AttentionBackwardCall>(24, "attention-chain", "Attention's sums are one chain where lanes are named.", c => c with { Attributes = c.Attributes with { Accumulation = Chained(c.Attributes.Accumulation) } }),
        Gradient<GateBackwardCall>(24, "gate-scale", "The gate's factor is left out.", c => c with { Attributes = c.Attributes with { Scale = 1f } }),
        Gradient<GateBackwardCall>(24, "other-loss", "The other loss's gradient of the scores is not added.", c => c with { DScores = null }),
        Gradient<BalanceLossCall>(24, "alpha", "The balance loss is not multiplied with α.", c => c with { Alpha = 1f }),
    ];

    private static void Overwrite(Tensor y, Func<int, float> value)
    {
        float[] values = [.. Enumerable.Range(0, (int)y.ElementCount).Select(value)];
        values.CopyTo(y.AsSpan<float>());
    }

    /// <summary>The rows of each id, gathered and summed anew.</summary>
    private static void ByPlace(EmbeddingBackwardCall c)
    {
        int d = (int)c.C.Shape[1];
        Overwrite(c.DWeight, i =>
        {
            float start = c.C.AsReadOnlySpan<float>()[i];
            int[] positions = [.. Enumerable.Range(0, (int)c.Ids.ElementCount).Where(t => c.Ids.AsReadOnlySpan<int>()[t] == i / d)];
            var sum = new Lanes16();
            for (int p = 0; p < positions.Length; p++)
                sum.Add(p, c.Dy.AsReadOnlySpan<float>()[positions[p] * d + i % d]);
            return positions.Length == 0 ? start : start + sum.Fold();
        });
    }

    private static float Reciprocal(RmsNormBackwardCall c, int i)
    {
        int n = (int)c.Weight.ElementCount;
        ReadOnlySpan<float> x = c.X.AsReadOnlySpan<float>().Slice(i / n * n, n);
        return Correct.ReciprocalSqrt(DotProduct.Define(x, x, Accumulation.Lanes16, DType.F32) / n + c.Epsilon);
    }

    private static float Descending(DispatchBackwardCall c, int i)
    {
        int d = (int)c.Dx.Shape[1], K = c.Plan.Slots;
        float sum = 0f;
        foreach (int row in c.Plan.RowOf.Skip(i / d * K).Take(K).Where(r => r >= 0).OrderDescending())
            sum += c.Dy.AsReadOnlySpan<float>()[row * d + i % d];
        return sum;
    }

    private static Tensor Negated(Tensor numbers)
    {
        Tensor negated = numbers.Clone();
        foreach (ref int n in negated.AsSpan<int>())
            n = -n;
        return negated;
    }

    private static Accumulation Chained(Accumulation sum) => sum == Accumulation.Lanes16 ? Accumulation.Sequential : sum;

    private static Tensor GroupsReversed(Tensor t, IReadOnlyList<int> offsets)
    {
        Tensor reversed = t.Clone();
        for (int g = 0; g + 1 < offsets.Count; g++)
        {
            for (int i = offsets[g]; i < offsets[g + 1]; i++)
                t.Rows(i, 1).CopyTo(reversed.Rows(offsets[g] + offsets[g + 1] - 1 - i, 1));
        }

        return reversed;
    }
}
