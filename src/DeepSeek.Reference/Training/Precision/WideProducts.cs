using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Training;

/// <summary>The three products of a linear on values, not codes: of projections under fp32 and bf16, of head, gate and eh_proj under every recipe.</summary>
/// <remarks>
/// <code>
/// Fprop    y  = x Wᵀ
/// Dgrad    dx = dy W
/// Wgrad    dW = dW + dyᵀ x
/// </code>
/// Sums are those of a named accumulation (rule N7), the same for all three. A matrix unit (rule N20) multiplies rows by rows: Dgrad's is given W transposed, so that its chain
/// runs over n, and Wgrad's both operands transposed, so that it runs over the positions of one sequence from +0; then one addition, as rule N16 has it.
/// Its operands are bfloat16: a recipe has rounded them before, under a name; what it has not is refused here. docs/spec/training-precision.md 4.
/// </remarks>
internal sealed class WideProducts(IBackwardBackend backend, Casts casts, Accumulation sums, long blockValues = WideProducts.BlockValues)
{
    /// <summary>Values of a Wgrad by a unit that are held before they are added: 64 MiB.</summary>
    public const long BlockValues = 1L << 24;

    private bool OfUnit => sums.Unit is not null;

    /// <summary>y [T, N].</summary>
    public void Fprop(Tensor x, Tensor weight, Tensor y) => backend.Linear(Operand(x), weight, sums, y);

    /// <summary>Rows offsets[e]..offsets[e+1] of x times expert e's weight.</summary>
    public void GroupedFprop(Tensor x, ReadOnlySpan<int> offsets, Tensor[] weights, Tensor y) => backend.GroupedLinear(Operand(x), offsets, weights, sums, y);

    /// <summary>dx [T, K].</summary>
    public void Dgrad(Tensor dy, Tensor weight, Tensor dx)
    {
        if (OfUnit)
            backend.Linear(Operand(dy), casts.Turned(weight), sums, dx);
        else
            backend.LinearDgrad(dy, weight, sums, dx);
    }

    /// <summary>Rows offsets[e]..offsets[e+1] of dy times expert e's weight, transposed.</summary>
    public void GroupedDgrad(Tensor dy, ReadOnlySpan<int> offsets, Tensor[] weights, Tensor dx)
    {
        if (OfUnit)
            backend.GroupedLinear(Operand(dy), offsets, Array.ConvertAll(weights, casts.Turned), sums, dx);
        else
            backend.GroupedLinearDgrad(dy, offsets, weights, sums, dx);
    }

    /// <summary>dW [N, K] is added to.</summary>
    public void Wgrad(Tensor dy, Tensor x, Tensor dWeight)
    {
        if (!OfUnit)
        {
            backend.LinearWgrad(dy, x, sums, dWeight);
            return;
        }

        Tensor a = Transposition.Of(Operand(dy)), b = Transposition.Of(Operand(x));
        (long N, long K) = (dWeight.Shape[0], dWeight.Shape[1]);
        long block = Math.Clamp(blockValues / Math.Max(1, K), 1, Math.Max(1, N));
        for (long n = 0; n < N; n += block)
        {
            long rows = Math.Min(block, N - n);
            var product = new Tensor(DType.F32, rows, K);
            backend.Linear(a.Rows(n, rows), b, sums, product);
            backend.Add(dWeight.Rows(n, rows), product, dWeight.Rows(n, rows));
        }
    }

    /// <summary>As <see cref="Wgrad"/>, for each expert's rows; one without rows is left as it is.</summary>
    public void GroupedWgrad(Tensor dy, Tensor x, ReadOnlySpan<int> offsets, Tensor[] dWeights)
    {
        if (!OfUnit)
        {
            backend.GroupedLinearWgrad(dy, x, offsets, sums, dWeights);
            return;
        }

        for (int e = 0; e < dWeights.Length; e++)
        {
            (int first, int count) = (offsets[e], offsets[e + 1] - offsets[e]);
            if (count > 0)
                Wgrad(dy.Rows(first, count), x.Rows(first, count), dWeights[e]);
        }
    }

    /// <summary>x as the accumulation takes it.</summary>
    /// <exception cref="ContractException">A unit would round x: the recipe has not.</exception>
    private Tensor Operand(Tensor x)
    {
        if (!OfUnit)
            return x;
        uint bits = 0;
        foreach (float value in x.AsReadOnlySpan<float>())
            bits |= BitConverter.SingleToUInt32Bits(value);
        if ((bits & 0xFFFF) != 0)
            throw new ContractException($"{sums.Unit} multiplies bfloat16, and {x} holds other values; let the recipe round it to BF16, or take another accumulation");
        var narrow = new Tensor(DType.BF16, x.Shape);
        backend.Cast(x, narrow);
        return narrow;
    }
}
