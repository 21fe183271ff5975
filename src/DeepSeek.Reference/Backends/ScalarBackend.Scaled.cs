using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class ScalarBackend
{
    /// <inheritdoc/>
    public void ScaledLinear(Tensor x, Tensor xScale, Tensor weight, Tensor weightScale, ScaledProduct product, Tensor? c, Tensor y)
    {
        (ScaledRows[] rows, ScaledShape shape) = ScaledChecks.Whole(x, xScale, weight, weightScale, product, c, y);
        Scaled(x, xScale, rows, [weight], [weightScale], shape, product, c, y);
    }

    /// <inheritdoc/>
    public void GroupedScaledLinear(
        Tensor x, Tensor xScale, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y)
    {
        (ScaledRows[] rows, ScaledShape shape) = ScaledChecks.Grouped(x, xScale, offsets, weights, weightScales, product, y);
        Scaled(x, xScale, rows, weights, weightScales, shape, product, null, y);
    }

    /// <inheritdoc/>
    public void IndexedScaledLinear(
        Tensor x, Tensor xScale, Tensor groups, int alignment, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y)
    {
        (ScaledRows[] rows, ScaledShape shape) = ScaledChecks.Indexed(x, xScale, groups, alignment, weights, weightScales, product, y);
        Scaled(x, xScale, rows, weights, weightScales, shape, product, null, y);
    }

    /// <inheritdoc/>
    public void MaskedScaledLinear(
        Tensor x, Tensor xScale, Tensor counts, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, ScaledProduct product, Tensor y)
    {
        (ScaledRows[] rows, ScaledShape shape) = ScaledChecks.Masked(ref x, ref xScale, counts, weights, weightScales, product, ref y);
        Scaled(x, xScale, rows, weights, weightScales, shape, product, null, y);
    }

    /// <summary>The definition on one row of x and one of the weight at a time, so that a mapped weight is never copied whole.</summary>
    private static void Scaled(
        Tensor x, Tensor xScale, ScaledRows[] rows, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales,
        ScaledShape shape, ScaledProduct product, Tensor? c, Tensor y)
    {
        (_, int N, int K, int r) = shape;
        int B = product.ScalesOf(K);
        ScaledShape element = shape with { T = 1, N = 1 };
        float[] one = new float[1];
        foreach ((int g, int first, int count) in rows)
        {
            for (int n = 0; n < N; n++)
            {
                for (int t = first; t < first + count; t++)
                {
                    ReadOnlySpan<float> from = c is null ? default : Row<float>(c, (long)t * N + n, 1);
                    Ops.ScaledLinear.Define(
                        Row<Float8E4M3>(x, (long)t * K, K), Row<float>(xScale, (long)t * B, B),
                        Row<Float8E4M3>(weights[g], (long)n * K, K), Row<float>(weightScales[g], (long)(n / r) * B, B), element, product, from, one);
                    Operands.Store(one, y, (long)t * N + n);
                }
            }
        }
    }

    private static ReadOnlySpan<T> Row<T>(Tensor t, long start, int count) where T : unmanaged =>
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref t.First<T>(), (nint)start), count);
}
