using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Ops;

/// <summary>The product of block-scaled FP8 matrices: y = x Wᵀ, where a code stands for its value times its block's scale.</summary>
/// <remarks>
/// <code>
/// acc_{t,n} = +0
/// for each run q of k (product.Promotion elements, ascending), in block b = first k / 128:
///     d         = Σ_{k in q} x_{t,k} W_{n,k}                                     product.Block, from +0
///     acc_{t,n} = acc_{t,n} + (d · sx_{t,b}) · sw_{n / r,b}                       or d · (sx · sw): product.Order, product.Fused
/// y_{t,n}   = acc_{t,n}, or C_{t,n} + acc_{t,n}                                  one rounding to y's dtype at the end
/// </code>
/// x [T, K] and W [N, K] E4M3 codes; sx [T, ⌈K/128⌉], sw [⌈N/r⌉, ⌈K/128⌉] F32, r = 128 (blocks) or 1 (rows); C F32 [T, N] or none; y F32 or BF16 [T, N].
/// A last block of fewer than 128 elements is padded with +0, which changes nothing. K = 0 gives +0, or C as it is.
/// One definition serves the three products of a linear layer: Fprop as it stands; Dgrad with <see cref="Transposition"/> of the weight's codes and scales;
/// Wgrad with both operands transposed, r = 1 and C. Rule N21; DeepSeek-V3 report 3.3; docs/spec/block-scaled-products.md.
/// </remarks>
public static partial class ScaledLinear
{
    /// <summary>The definition: what every backend must equal, bit for bit; y before its rounding to BF16.</summary>
    /// <param name="x">T rows of K codes.</param>
    /// <param name="xScale">T rows of scales.</param>
    /// <param name="weight">N rows of K codes.</param>
    /// <param name="weightScale">Rows of scales, one for each <see cref="ScaledShape.RowsPerWeightScale"/> rows of the weight.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="product">The arithmetic.</param>
    /// <param name="c">T rows of N values to add to, or none.</param>
    /// <param name="y">T rows of N values; may be c.</param>
    /// <exception cref="ShapeException">The lengths do not fit.</exception>
    /// <exception cref="ContractException">The product's parts do not fit together.</exception>
    /// <exception cref="DataException">A scale that enters the sum is not a power of two.</exception>
    public static void Define(
        ReadOnlySpan<Float8E4M3> x, ReadOnlySpan<float> xScale, ReadOnlySpan<Float8E4M3> weight, ReadOnlySpan<float> weightScale,
        ScaledShape shape, ScaledProduct product, ReadOnlySpan<float> c, Span<float> y)
    {
        ArgumentNullException.ThrowIfNull(product);
        product.Require();
        (int T, int N, int K, int r) = shape;
        int B = product.ScalesOf(K);
        shape.Require(x.Length, xScale.Length, weight.Length, weightScale.Length, c.Length, y.Length, B);
        for (int t = 0; t < T; t++)
        {
            for (int n = 0; n < N; n++)
            {
                float acc = Element(x.Slice(t * K, K), xScale.Slice(t * B, B), weight.Slice(n * K, K), weightScale.Slice(n / r * B, B), product);
                if (c.IsEmpty)
                    y[t * N + n] = acc;
                else
                    y[t * N + n] = K == 0 ? c[t * N + n] : c[t * N + n] + acc;
            }
        }
    }

    /// <summary>acc of one row of x and one row of the weight.</summary>
    internal static float Element(
        ReadOnlySpan<Float8E4M3> x, ReadOnlySpan<float> xScale, ReadOnlySpan<Float8E4M3> weight, ReadOnlySpan<float> weightScale, ScaledProduct product)
    {
        if (product.Order == ScaleOrder.InTheSum)
            return InTheSum(x, xScale, weight, weightScale, product.Block.Unit!);

        int K = x.Length;
        int run = product.Promotion == 0 ? Math.Max(1, K) : product.Promotion;
        float acc = 0f;
        for (int k = 0; k < K; k += run)
        {
            int count = Math.Min(run, K - k);
            float d = Sum(x.Slice(k, count), weight.Slice(k, count), product.Block);
            int b = product.Promotion == 0 ? 0 : k / ScaledProduct.ScaleBlock;
            acc = product.Promote(acc, d, xScale[b], weightScale[b]);
        }

        return acc;
    }

    /// <summary>d: the sum of products of one run, in binary32.</summary>
    private static float Sum(ReadOnlySpan<Float8E4M3> a, ReadOnlySpan<Float8E4M3> b, Accumulation block)
    {
        if (block.Unit is TensorCore unit)
        {
            uint d = unit.Define(Codes(a, unit.K), Codes(b, unit.K), 0);
            return BitConverter.UInt32BitsToSingle(d);
        }

        float[] x = new float[a.Length];
        float[] y = new float[a.Length];
        for (int k = 0; k < a.Length; k++)
            (x[k], y[k]) = (a[k].ToSingle(), b[k].ToSingle());
        return DotProduct.Define(x, y, block, DType.F32);
    }

    /// <summary>One chain over all of K in a unit that adds the scales' exponents to those of the products.</summary>
    private static float InTheSum(
        ReadOnlySpan<Float8E4M3> x, ReadOnlySpan<float> xScale, ReadOnlySpan<Float8E4M3> weight, ReadOnlySpan<float> weightScale, TensorCore unit)
    {
        uint[] a = Codes(x, unit.K);
        uint[] b = Codes(weight, unit.K);
        byte[] scalesOfA = new byte[a.Length / unit.ScaleBlock];
        byte[] scalesOfB = new byte[a.Length / unit.ScaleBlock];
        for (int i = 0; i < scalesOfA.Length; i++)
        {
            int block = i * unit.ScaleBlock / ScaledProduct.ScaleBlock;
            scalesOfA[i] = Exponent(xScale[block], "xScale");
            scalesOfB[i] = Exponent(weightScale[block], "weightScale");
        }

        return BitConverter.UInt32BitsToSingle(unit.Define(a, b, scalesOfA, scalesOfB, 0));
    }

    /// <summary>The codes, padded with +0 to whole instructions.</summary>
    private static uint[] Codes(ReadOnlySpan<Float8E4M3> values, int instruction)
    {
        uint[] codes = new uint[(values.Length + instruction - 1) / instruction * instruction];
        for (int k = 0; k < values.Length; k++)
            codes[k] = values[k].Bits;
        return codes;
    }

    /// <summary>The UE8M0 code of a scale that is a power of two of 2^-127 to 2^127, or NaN.</summary>
    private static byte Exponent(float scale, string name)
    {
        if (float.IsNaN(scale))
            return 0xFF;
        for (int code = 0; code < 0xFF; code++)
        {
            if (Float8E8M0.FromBits((byte)code).ToSingle() == scale)
                return (byte)code;
        }

        throw new DataException($"{name} holds {scale:R}, which is not a power of two of 2^-127 to 2^127; quantise with UE8M0 scales");
    }
}
