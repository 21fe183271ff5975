using DeepSeek.Reference.Backends;
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
    ];

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
