using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <content>The products of the backward. Gradients and what a forward saved are F32; what is added to is the input c (rules N16, N24).</content>
internal static partial class CaseOperations
{
    /// <summary><c>linear_dgrad[t=,n=,k=]</c> with sum: over n.</summary>
    private static OperationCase LinearDgrad(CaseFields f)
    {
        int t = f.Size("t");
        int n = f.Size("n");
        int k = f.Size("k");
        f.Single("dy", t, n);
        f.Factor("weight", null, n, k);
        f.FixedOutput("dx", DType.F32, t, k);
        Accumulation sum = f.Sum();
        return f.Build(Operation.LinearDgrad, (long)t * n * k, (b, c) => new LinearDgradCall(c["dy"], c["weight"], sum, c["dx"]).Run(b));
    }

    /// <summary><c>linear_wgrad[t=,n=,k=]</c> with sum: over t, added to c.</summary>
    private static OperationCase LinearWgrad(CaseFields f)
    {
        int t = f.Size("t");
        int n = f.Size("n");
        int k = f.Size("k");
        f.Single("dy", t, n);
        f.SingleFactor("x", t, k);
        f.Single("c", n, k);
        f.FixedOutput("d_weight", DType.F32, n, k);
        Accumulation sum = f.Sum();
        return f.Build(Operation.LinearWgrad, (long)t * n * k, (b, c) => new LinearWgradCall(c["dy"], c["x"], c["c"], sum, c["d_weight"]).Run(b));
    }

    /// <summary><c>grouped_linear_dgrad[r=,g=,n=,k=]</c> with sum; groups as grouped_linear's.</summary>
    private static OperationCase GroupedLinearDgrad(CaseFields f)
    {
        int r = f.Size("r");
        int g = f.Size("g");
        int n = f.Size("n");
        int k = f.Size("k");
        Tensor ends = GroupsOf(f, r, g);
        f.Single("dy", r, n);
        f.Factor("weight", null, g, n, k);
        f.FixedOutput("dx", DType.F32, r, k);
        Accumulation sum = f.Sum();
        return f.Build(Operation.GroupedLinearDgrad, (long)r * n * k, (b, c) =>
            new GroupedLinearDgradCall(c["dy"], Whole(c.Or("offsets", ends)), Parts(c["weight"], g), sum, c["dx"]).Run(b));
    }

    // Results with a name each: their names and shapes take memory however short the case's text is.
    private const int MostResults = 1 << 14;

    /// <summary><c>grouped_linear_wgrad[r=,g=,n=,k=]</c> with sum: over the rows of each group, added to its part of c; each group's result is an output of its own.</summary>
    private static OperationCase GroupedLinearWgrad(CaseFields f)
    {
        int r = f.Size("r");
        int g = f.Size("g");
        int n = f.Size("n");
        int k = f.Size("k");
        if (g == 0)
            throw f.Bad("g", "without a group there is no output; give g=1 or more");
        if (g > MostResults)
            throw f.Bad("g", $"each group has a result of its own, and {MostResults} is the most; take fewer groups");
        Tensor ends = GroupsOf(f, r, g);
        f.Single("dy", r, n);
        f.SingleFactor("x", r, k);
        f.Single("c", g, n, k);
        for (int i = 0; i < g; i++)
            f.FixedOutput($"d_weight.{i}", DType.F32, n, k);
        Accumulation sum = f.Sum();
        return f.Build(Operation.GroupedLinearWgrad, (long)r * n * k, (b, c) =>
        {
            Tensor[] results = [.. Enumerable.Range(0, g).Select(i => c[$"d_weight.{i}"])];
            new GroupedLinearWgradCall(c["dy"], c["x"], Whole(c.Or("offsets", ends)), Parts(c["c"], g), sum, results).Run(b);
        });
    }

    /// <summary>Offsets by which group i ends at row floor(r (i+1)² / g²).</summary>
    private static Tensor GroupsOf(CaseFields f, int r, int g)
    {
        if (g == 0 && r > 0)
            throw f.Bad("g", $"{r} rows need a group; give g=1 or more");
        f.RequireList("g", g);
        int[] offsets = new int[g + 1];
        for (int i = 0; i <= g; i++)
            offsets[i] = g == 0 ? 0 : (int)((Int128)r * i * i / ((long)g * g));
        return f.Given("offsets", offsets);
    }

    private static int[] Whole(Tensor numbers) => numbers.AsReadOnlySpan<int>().ToArray();

    /// <summary>The matrices that lie one after the other.</summary>
    private static Tensor[] Parts(Tensor whole, int count) => [.. Enumerable.Range(0, count).Select(i => whole.Rows(i, 1).Reshape(whole.Shape[1], whole.Shape[2]))];
}
