using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Ops;

/// <summary>The SIMD twin of <see cref="ScaledLinear"/>: vectors run over 32 rows of the weight, decoded and turned once for up to 64 rows of x.</summary>
public static unsafe partial class ScaledLinear
{
    /// <summary>Rows of x that share a decoded panel.</summary>
    internal const int TileRows = 64;

    // Beyond this many products of E4M3 (multiples of 2^-18 of at most 2^17.7) binary64 no longer holds every sum.
    private const int ExactTerms = 1 << 17;

    /// <summary>Whether the twin computes this product; else the definition does.</summary>
    internal static bool HasTwin(ScaledProduct product)
    {
        if (!Isa.Any)
            return false;
        return product.Block.Kind switch
        {
            AccumulationKind.TensorCore => UnitSum.Fits(product.Block.Unit!),
            AccumulationKind.Sequential => true,
            _ => product.Promotion is > 0 and <= ExactTerms,
        };
    }

    /// <summary>
    /// Sums, before C, of at most <see cref="TileRows"/> rows of x with rows n0..n1 of the weight, bit-equal to <see cref="Define"/>.
    /// x, xScale are the first row's; w, wScale the weight's row 0. sums holds ⌈(n1 - n0)/32⌉ panels of [rows rounded up to 4, 32]; n0 is a multiple of 32.
    /// </summary>
    internal static void Simd(byte* x, float* xScale, int rows, byte* w, float* wScale, int n0, int n1, int K, int r, ScaledProduct product, float* sums)
    {
        if (Isa.Has512)
            Lanes<Column16>(x, xScale, rows, w, wScale, n0, n1, K, r, product, sums);
        else if (Isa.Has256)
            Lanes<Column8>(x, xScale, rows, w, wScale, n0, n1, K, r, product, sums);
        else
            Lanes<Column4>(x, xScale, rows, w, wScale, n0, n1, K, r, product, sums);
    }

    /// <summary>As <see cref="Simd"/>, at a given width.</summary>
    internal static void Lanes<V>(byte* x, float* xScale, int rows, byte* w, float* wScale, int n0, int n1, int K, int r, ScaledProduct product, float* sums)
        where V : struct, IColumnLanes<V>
    {
        const int Depth = ScaledPanel.Depth, Columns = ScaledPanel.Columns;
        int padded = (rows + 3) & ~3;
        int B = product.ScalesOf(K);
        TensorCore? unit = product.Block.Unit;
        bool inTheSum = product.Order == ScaleOrder.InTheSum;
        UnitSum? unitSum = unit is not null && !HopperSum.Fits(unit) ? new UnitSum(unit) : null;
        bool exact = product.Block.Kind is AccumulationKind.Exact or AccumulationKind.Float64;
        bool chained = product.Promotion == 0;
        int run = chained ? Depth : product.Promotion;
        using var values = new AlignedFloats(padded * Depth);
        using var wide = new AlignedFloats(exact ? 2 * padded * Depth : 0);
        using var exponents = new AlignedFloats(padded * Depth / sizeof(float));
        using var panel = new AlignedFloats(Columns * Depth);
        using var panelExponents = new AlignedFloats(Columns * Depth / sizeof(float));
        using var partial = new AlignedFloats(padded * Columns);
        float* scales = stackalloc float[Columns];
        int* rowScales = stackalloc int[TileRows], columnScales = stackalloc int[Columns];
        new Span<int>(rowScales, TileRows).Clear();
        new Span<int>(columnScales, Columns).Clear();
        var operands = new BlockOperands(
            values.Pointer, (double*)wide.Pointer, (sbyte*)exponents.Pointer, panel.Pointer, (sbyte*)panelExponents.Pointer, rowScales, columnScales);

        new Span<float>(sums, (n1 - n0 + Columns - 1) / Columns * padded * Columns).Clear();
        for (int k0 = 0; k0 < K; k0 += Depth)
        {
            int count = Math.Min(Depth, K - k0);
            for (int t = 0; t < rows; t++)
                ScaledPanel.DecodeRow<V>(x + (nint)t * K + k0, count, unit, exact, operands.A + t * Depth, operands.Wide + t * Depth, operands.ExponentsOfA + t * Depth);
            for (int t = 0; inTheSum && t < rows; t++)
                rowScales[t] = ScaleExponent(xScale[(nint)t * B + k0 / Depth], "xScale");
            float* acc = sums;
            for (int n = n0; n < n1; n += Columns, acc += padded * Columns)
            {
                int columns = Math.Min(Columns, n1 - n);
                ScaledPanel.Decode<V>(w + (nint)n * K + k0, K, columns, count, unit, operands.B, operands.ExponentsOfB);
                for (int j = 0; inTheSum && j < columns; j++)
                    columnScales[j] = ScaleExponent(wScale[(nint)((n + j) / r) * B + k0 / Depth], "weightScale");
                if (chained)
                {
                    BlockSums.Add<V>(product.Block.Kind, unitSum, operands, 0, count, rows, acc);
                    continue;
                }

                LoadScales(wScale, n, columns, r, B, k0 / Depth, scales);
                for (int k = 0; k < count; k += run)
                {
                    new Span<float>(partial.Pointer, padded * Columns).Clear();
                    BlockSums.Add<V>(product.Block.Kind, unitSum, operands, k, Math.Min(run, count - k), rows, partial.Pointer);
                    for (int t = 0; t < rows; t++)
                        Promote<V>(product, partial.Pointer + t * Columns, xScale[(nint)t * B + k0 / Depth], scales, acc + t * Columns);
                }
            }
        }

        float* sum = sums;
        for (int n = n0; n < n1; n += Columns, sum += padded * Columns)
        {
            int columns = Math.Min(Columns, n1 - n);
            if (chained && !inTheSum && K > 0)
            {
                LoadScales(wScale, n, columns, r, 1, 0, scales);
                new Span<float>(sum, padded * Columns).CopyTo(new Span<float>(partial.Pointer, padded * Columns));
                new Span<float>(sum, padded * Columns).Clear();
                for (int t = 0; t < rows; t++)
                    Promote<V>(product, partial.Pointer + t * Columns, xScale[t], scales, sum + t * Columns);
            }

            for (int j = 0; j < columns; j++)
            {
                if (ScaledPanel.HasNaN(w + (nint)(n + j) * K, K) || (inTheSum && HasNaN(wScale + (nint)((n + j) / r) * B, B)))
                {
                    for (int t = 0; t < rows; t++)
                        sum[t * Columns + j] = float.NaN;
                }
            }
        }

        for (int t = 0; t < rows; t++)
        {
            if (!ScaledPanel.HasNaN(x + (nint)t * K, K) && !(inTheSum && HasNaN(xScale + (nint)t * B, B)))
                continue;
            sum = sums;
            for (int n = n0; n < n1; n += Columns, sum += padded * Columns)
                new Span<float>(sum + t * Columns, Columns).Fill(float.NaN);
        }
    }

    /// <summary>The exponent of a scale that enters the sum; 0 for a NaN, which <see cref="HasNaN"/> finds.</summary>
    /// <exception cref="DataException">The scale is not a power of two.</exception>
    private static int ScaleExponent(float scale, string name)
    {
        uint bits = BitConverter.SingleToUInt32Bits(scale);
        if (bits is >= 1u << 23 and < 0xFFu << 23 && (bits & ((1u << 23) - 1)) == 0)
            return (int)(bits >> 23) - 127;
        return float.IsNaN(scale) ? 0 : Exponent(scale, name) - 127;
    }

    private static bool HasNaN(float* scales, int count)
    {
        for (int b = 0; b < count; b++)
        {
            if (float.IsNaN(scales[b]))
                return true;
        }

        return false;
    }

    /// <summary>The scales of a panel's columns in block b; +0 behind them.</summary>
    private static void LoadScales(float* wScale, int n, int columns, int r, int B, int b, float* scales)
    {
        for (int j = 0; j < ScaledPanel.Columns; j++)
            scales[j] = j < columns ? wScale[(nint)((n + j) / r) * B + b] : 0f;
    }

    /// <summary><see cref="ScaledProduct.Promote"/> for a panel's columns.</summary>
    private static void Promote<V>(ScaledProduct product, float* d, float sa, float* sb, float* acc) where V : struct, IColumnLanes<V>
    {
        V activation = V.Of(sa);
        for (int j = 0; j < ScaledPanel.Columns; j += V.Count)
        {
            V sum = V.Load(acc + j);
            (V left, V right) = product.Order == ScaleOrder.ActivationFirst
                ? (V.Load(d + j) * activation, V.Load(sb + j))
                : (activation * V.Load(sb + j), V.Load(d + j));
            V.Store(product.Fused ? V.Fma(left, right, sum) : sum + left * right, acc + j);
        }

        if (product.Accumulator == DType.BF16)
            BFloat16Spans.RoundInPlace(new Span<float>(acc, ScaledPanel.Columns));
    }
}
