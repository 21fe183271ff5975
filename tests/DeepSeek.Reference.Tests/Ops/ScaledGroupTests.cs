using System.Runtime.InteropServices;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>Rule N21: grouped layouts, the three products of a linear layer, and what does not fit.</summary>
public class ScaledGroupTests
{
    private const int N = 45, K = 200, B = 2;
    private static readonly ScaledProduct Product = ScaledProduct.DeepGemmSm90;
    private static readonly IBackend[] Backends = [new ScalarBackend(), new SimdBackend(1), new SimdBackend(7)];

    private readonly Fp8Samples samples = new(11);
    private readonly Tensor[] weights;
    private readonly Tensor[] scales;

    public ScaledGroupTests()
    {
        weights = [.. Enumerable.Range(0, 4).Select(_ => samples.Codes(false, N, K))];
        scales = [.. Enumerable.Range(0, 4).Select(_ => samples.Scales(false, 1, B))];
    }

    [Fact]
    public void Rule_N21_groups_equal_their_products_one_by_one()
    {
        int[] offsets = [0, 0, 70, 70, 77];
        Tensor x = samples.Codes(false, 77, K), sx = samples.Scales(false, 77, B);
        foreach (IBackend backend in Backends)
        {
            var y = new Tensor(DType.BF16, 77, N);
            backend.GroupedScaledLinear(x, sx, offsets, weights, scales, Product, y);
            for (int g = 0; g < 4; g++)
            {
                int rows = offsets[g + 1] - offsets[g];
                LinearTests.AssertSameBits(Alone(x.Rows(offsets[g], rows), sx.Rows(offsets[g], rows), g), y.Rows(offsets[g], rows), $"group {g} on {backend.Name}");
            }
        }
    }

    [Fact]
    public void Rule_N21_rows_with_a_group_index_meet_its_weight_and_padding_stays_as_it_is()
    {
        int[] groups = [2, 2, -1, -1, 0, 0, 0, -1, -1, -1, -1, -1, 2, -1, -1, 2];
        Tensor x = samples.Codes(false, 16, K), sx = samples.Scales(false, 16, B);
        foreach (IBackend backend in Backends)
        {
            var y = new Tensor(DType.BF16, 16, N);
            y.AsSpan<ushort>().Fill(0xA5A5);
            backend.IndexedScaledLinear(x, sx, Tensor.From(groups, 16), 4, weights, scales, Product, y);
            for (int t = 0; t < 16; t++)
            {
                if (groups[t] < 0)
                    Assert.True(y.Rows(t, 1).AsReadOnlySpan<ushort>().IndexOfAnyExcept((ushort)0xA5A5) < 0, $"row {t} was written");
                else
                    LinearTests.AssertSameBits(Alone(x.Rows(t, 1), sx.Rows(t, 1), groups[t]), y.Rows(t, 1), $"row {t} on {backend.Name}");
            }
        }
    }

    [Fact]
    public void Rule_N21_masked_groups_compute_their_first_rows_and_leave_the_others()
    {
        int[] counts = [3, 0, 5, 1];
        Tensor x = samples.Codes(false, 4, 5, K), sx = samples.Scales(false, 4, 5, B);
        foreach (IBackend backend in Backends)
        {
            var y = new Tensor(DType.BF16, 4, 5, N);
            y.AsSpan<ushort>().Fill(0xA5A5);
            backend.MaskedScaledLinear(x, sx, Tensor.From(counts, 4), weights, scales, Product, y);
            for (int g = 0; g < 4; g++)
            {
                Tensor rows = x.Rows(g, 1).Reshape(5, K).Rows(0, counts[g]), rowScales = sx.Rows(g, 1).Reshape(5, B).Rows(0, counts[g]);
                Tensor result = y.Rows(g, 1).Reshape(5, N);
                LinearTests.AssertSameBits(Alone(rows, rowScales, g), result.Rows(0, counts[g]), $"group {g} on {backend.Name}");
                Assert.True(result.Rows(counts[g], 5 - counts[g]).AsReadOnlySpan<ushort>().IndexOfAnyExcept((ushort)0xA5A5) < 0, $"group {g} was written beyond its count");
            }
        }
    }

    [Fact]
    public void Rule_N21_the_sum_is_added_to_C_with_one_rounding()
    {
        Tensor x = samples.Codes(false, 3, K), sx = samples.Scales(false, 3, B), c = samples.Values(3, N);
        Tensor alone = new(DType.F32, 3, N);
        Backends[0].ScaledLinear(x, sx, weights[0], scales[0], ScaledProduct.DeepGemmSm90Wgrad, null, alone);
        foreach (IBackend backend in Backends)
        {
            Tensor y = c.Clone();
            backend.ScaledLinear(x, sx, weights[0], scales[0], ScaledProduct.DeepGemmSm90Wgrad, y, y);
            for (int i = 0; i < 3 * N; i++)
                Assert.Equal(c.AsReadOnlySpan<float>()[i] + alone.AsReadOnlySpan<float>()[i], y.AsReadOnlySpan<float>()[i]);
        }
    }

    [Fact]
    public void Rule_N21_a_group_without_elements_of_k_leaves_D_equal_to_C()
    {
        Tensor c = Tensor.From([-0f, 1f, float.NegativeInfinity, 3e-45f], 2, 2);
        Tensor x = new(DType.F8_E4M3, 2, 0), s = new(DType.F32, 2, 0);
        foreach (IBackend backend in Backends)
        {
            var y = new Tensor(DType.F32, 2, 2);
            backend.ScaledLinear(x, s, x, s, ScaledProduct.DeepGemmSm90Wgrad, c, y);
            Assert.Equal(c.AsBytes(), y.AsBytes());
            y.AsSpan<float>().Fill(7f);
            backend.ScaledLinear(x, s, x, s, ScaledProduct.DeepGemmSm90Wgrad, null, y);
            Assert.Equal(new byte[16], y.AsBytes());
        }
    }

    [Fact]
    public void Rule_N21_Dgrad_is_the_product_with_the_transposed_weight_and_the_same_blocks()
    {
        // dX = dY W: dY [3, 140], W [140, 200] in two by two blocks.
        Tensor dy = samples.Codes(false, 3, 140), sdy = samples.Scales(false, 3, 2), w = samples.Codes(false, 140, 200), sw = samples.Scales(false, 2, 2);
        ScaledProduct exact = ScaledProduct.TorchReexpression;
        foreach (IBackend backend in Backends)
        {
            var dx = new Tensor(DType.F32, 3, 200);
            backend.ScaledLinear(dy, sdy, Transposition.Of(w), Transposition.Of(sw), exact, null, dx);
            for (int t = 0; t < 3; t++)
            {
                for (int k = 0; k < 200; k++)
                {
                    float sum = 0f;
                    for (int block = 0; block < 2; block++)
                    {
                        double d = 0;
                        for (int n = 128 * block; n < Math.Min(140, 128 * (block + 1)); n++)
                            d += (double)dy.AsReadOnlySpan<Float8E4M3>()[t * 140 + n].ToSingle() * w.AsReadOnlySpan<Float8E4M3>()[n * 200 + k].ToSingle();
                        sum += (float)d * sdy.AsReadOnlySpan<float>()[t * 2 + block] * sw.AsReadOnlySpan<float>()[block * 2 + k / 128];
                    }

                    Assert.Equal(sum, dx.AsReadOnlySpan<float>()[t * 200 + k]);
                }
            }
        }
    }

    [Fact]
    public void Rule_N21_Wgrad_takes_both_operands_transposed_with_a_scale_for_each_row()
    {
        // dW = dYᵀ X over 130 tokens: dY [130, 5], X [130, 7], each with 128x1 tiles.
        Tensor dy = samples.Codes(false, 130, 5), sdy = samples.Scales(false, 2, 5), x = samples.Codes(false, 130, 7), sx = samples.Scales(false, 2, 7);
        foreach (IBackend backend in Backends)
        {
            var dw = new Tensor(DType.F32, 5, 7);
            backend.ScaledLinear(
                Transposition.Of(dy), Transposition.Of(sdy), Transposition.Of(x), Transposition.Of(sx), ScaledProduct.TorchReexpression, null, dw);
            for (int n = 0; n < 5; n++)
            {
                for (int k = 0; k < 7; k++)
                {
                    float sum = 0f;
                    for (int block = 0; block < 2; block++)
                    {
                        double d = 0;
                        for (int t = 128 * block; t < Math.Min(130, 128 * (block + 1)); t++)
                            d += (double)dy.AsReadOnlySpan<Float8E4M3>()[t * 5 + n].ToSingle() * x.AsReadOnlySpan<Float8E4M3>()[t * 7 + k].ToSingle();
                        sum += (float)d * sdy.AsReadOnlySpan<float>()[block * 5 + n] * sx.AsReadOnlySpan<float>()[block * 7 + k];
                    }

                    Assert.Equal(sum, dw.AsReadOnlySpan<float>()[n * 7 + k]);
                }
            }
        }
    }

    [Fact]
    public void Rule_N21_what_does_not_fit_is_refused_in_words()
    {
        Tensor x = samples.Codes(false, 4, K), sx = samples.Scales(false, 4, B);
        var y = new Tensor(DType.BF16, 4, N);
        foreach (IBackend backend in Backends)
        {
            void Refused(string message, Action run) => Assert.Equal(message, Assert.Throws<ShapeException>(run).Message);
            Refused("xScale is F32 [4, 2], expected shape [4, 1]", () => backend.ScaledLinear(x, sx, weights[0], scales[0], Product with { Promotion = 0 }, null, y));
            Refused("x is F32 [4, 200], expected dtype F8_E4M3", () => backend.ScaledLinear(new Tensor(DType.F32, 4, K), sx, weights[0], scales[0], Product, null, y));
            Refused("weightScale is F32 [2, 2], expected shape [1, 2]", () => backend.ScaledLinear(x, sx, weights[0], samples.Scales(false, 2, B), Product, null, y));
            Refused("c is BF16 [4, 45], expected dtype F32", () => backend.ScaledLinear(x, sx, weights[0], scales[0], Product, y, y));
            Refused("4 groups need 5 offsets, not 2", () => backend.GroupedScaledLinear(x, sx, [0, 4], weights, scales, Product, y));
            Refused("the offsets fall at group 1: 3, 2", () => backend.GroupedScaledLinear(x, sx, [0, 3, 2, 4, 4], weights, scales, Product, y));
            Refused("row 3 belongs to group 4; there are groups 0 to 3, and -1 for padding",
                () => backend.IndexedScaledLinear(x, sx, Tensor.From([0, 1, 2, 4], 4), 1, weights, scales, Product, y));
            Refused("row 3 belongs to group 1, but its tile of 2 rows to group 0; pad each group to a multiple of 2 rows",
                () => backend.IndexedScaledLinear(x, sx, Tensor.From([-1, 0, 0, 1], 4), 2, weights, scales, Product, y));
            Refused("groups cannot be aligned to 0 rows; take 128 as DeepGEMM on Hopper, or 1 for no alignment",
                () => backend.IndexedScaledLinear(x, sx, Tensor.From([0, 0, 0, 0], 4), 0, weights, scales, Product, y));
            Refused("group 0 counts 2 rows; it has 0 to 1", () => backend.MaskedScaledLinear(
                x.Reshape(4, 1, K), sx.Reshape(4, 1, B), Tensor.From([2, 0, 0, 0], 4), weights, scales, Product, y.Reshape(4, 1, N)));
        }
    }

    [Fact]
    public void A_transpose_exchanges_rows_and_columns_of_any_dtype()
    {
        Assert.Equal([1f, 4f, 2f, 5f, 3f, 6f], Transposition.Of(Tensor.From([1f, 2f, 3f, 4f, 5f, 6f], 2, 3)).AsReadOnlySpan<float>());
        Tensor codes = samples.Codes(true, 5, 7);
        Assert.Equal(codes.AsBytes(), Transposition.Of(Transposition.Of(codes)).AsBytes());
        Assert.Throws<ShapeException>(() => Transposition.Of(codes.Reshape(35)));
        foreach (DType dtype in new[] { DType.U8, DType.BF16, DType.F32, DType.F64 })
        {
            const int Rows = 37, Columns = 50;
            int bytes = dtype.Bits() / 8;
            var x = new Tensor(dtype, Rows, Columns);
            Span<byte> there = MemoryMarshal.CreateSpan(ref x.ByteOrigin, Rows * Columns * bytes);
            for (int i = 0; i < there.Length; i++)
                there[i] = (byte)(i * 7 + i / 256);
            ReadOnlySpan<byte> turned = Transposition.Of(x).AsBytes();
            for (int i = 0; i < Rows * Columns; i++)
                Assert.True(there.Slice(i * bytes, bytes).SequenceEqual(turned.Slice((i % Columns * Rows + i / Columns) * bytes, bytes)), $"{dtype} element {i}");
        }
    }

    private Tensor Alone(Tensor x, Tensor sx, int g)
    {
        var y = new Tensor(DType.BF16, x.Shape[0], N);
        Backends[0].ScaledLinear(x, sx, weights[g], scales[g], Product, null, y);
        return y;
    }
}
