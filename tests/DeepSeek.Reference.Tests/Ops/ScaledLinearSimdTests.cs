using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>The twin of the block-scaled product has the definition's bits.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public unsafe class ScaledLinearSimdTests
{
    private static readonly ScalarBackend Scalar = new();

    /// <summary>The presets, and what no preset has: other runs, sums and units.</summary>
    private static readonly ScaledProduct[] Products =
    [
        .. ScaledProduct.Presets,
        ScaledProduct.DeepGemmSm90 with { Name = "promoted after 32", Promotion = 32 },
        ScaledProduct.TritonFp8Gemm with { Name = "promoted after 64", Promotion = 64, Fused = false },
        ScaledProduct.TorchReexpression with { Name = "lanes", Block = Accumulation.Lanes16, Fused = true },
        ScaledProduct.TorchReexpression with { Name = "lanes of 32", Block = Accumulation.Lanes16, Promotion = 32, Order = ScaleOrder.ScalesFirst },
        ScaledProduct.TorchReexpression with { Name = "all lanes", Block = Accumulation.Lanes16, Promotion = 0 },
        ScaledProduct.TorchReexpression with { Name = "chain", Block = Accumulation.Sequential },
        ScaledProduct.TorchReexpression with { Name = "long chain", Block = Accumulation.Sequential, Promotion = 0 },
        ScaledProduct.TorchReexpression with { Name = "binary64", Block = Accumulation.Float64, Promotion = 64 },
        ScaledProduct.TorchReexpression with { Name = "exact", Promotion = 0, Fused = true },
        ScaledProduct.DeepGemmSm90 with { Name = "ada", Block = Accumulation.TensorCore(TensorCore.AdaMmaE4M3F32) },
        ScaledProduct.DeepGemmSm90 with { Name = "tcgen05", Block = Accumulation.TensorCore(TensorCore.BlackwellTcgen05E4M3F32), Promotion = 0 },
    ];

    public static TheoryData<int, int, int> Shapes => new()
    {
        { 0, 3, 128 }, { 3, 0, 128 }, { 2, 3, 0 }, { 1, 1, 1 }, { 1, 33, 31 }, { 4, 32, 32 }, { 5, 31, 33 }, { 6, 65, 127 }, { 7, 129, 129 },
        { 3, 140, 384 }, { 1, 257, 160 }, { 65, 5, 200 }, { 9, 40, 576 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Rule_N21_scalar_and_simd_agree_in_every_bit(int T, int N, int K)
    {
        for (int p = 0; p < Products.Length; p++)
            Compare(T, N, K, Products[p], p % 2 == 0, p % 3 == 0, p % 2 == 1 ? DType.F32 : DType.BF16, p % 4 < 2, false, 1, 100 * p + N);
    }

    [Property(MaxTest = 150)]
    public void Rule_N21_scalar_and_simd_agree_for_any_shape_codes_and_scales(
        byte t, byte n, ushort k, byte product, bool narrow, bool rows, bool add, bool withNaN, bool extreme, int seed) =>
        Compare(t % 11, n % 70, k % 300, Products[product % Products.Length], withNaN, extreme, narrow ? DType.BF16 : DType.F32, rows, add, 1 + seed & 1, seed);

    [Property(MaxTest = 100)]
    public bool Rule_N1_the_twin_at_every_width(byte t, byte n, ushort k, byte product, int seed)
    {
        ScaledProduct p = Products[product % Products.Length];
        if (!ScaledLinear.HasTwin(p))
            return true;
        var samples = new Fp8Samples(seed);
        int T = 1 + t % 9, N = 1 + n % 40, K = k % 300, B = p.ScalesOf(K);
        Tensor x = samples.Codes(true, T, K), w = samples.Codes(true, N, K), sx = samples.ScalesFor(p, true, T, B), sw = samples.ScalesFor(p, true, N, B);
        float[] expected = new float[T * N];
        ScaledLinear.Define(
            x.AsReadOnlySpan<Float8E4M3>(), sx.AsReadOnlySpan<float>(), w.AsReadOnlySpan<Float8E4M3>(), sw.AsReadOnlySpan<float>(),
            new ScaledShape(T, N, K, 1), p, default, expected);

        bool Same<V>() where V : struct, IColumnLanes<V>
        {
            int padded = (T + 3) & ~3;
            float[] sums = new float[padded * 64], y = new float[T * N];
            fixed (byte* xp = &x.ByteOrigin, wp = &w.ByteOrigin, sxp = &sx.ByteOrigin, swp = &sw.ByteOrigin)
            fixed (float* to = sums)
                ScaledLinear.Lanes<V>(xp, (float*)sxp, T, wp, (float*)swp, 0, N, K, 1, p, to);
            for (int i = 0; i < T; i++)
                for (int j = 0; j < N; j++)
                    y[i * N + j] = sums[(j / 32 * padded + i) * 32 + j % 32];
            return Backends.Samples.Same(expected, y);
        }

        return Same<Column4>() && (!Isa.Has256 || Same<Column8>()) && (!Isa.Has512 || Same<Column16>());
    }

    [Fact]
    public void Rule_N20_the_twin_of_Hoppers_sum_agrees_on_every_pair_of_codes()
    {
        // Product of codes a and b beside the largest, beside one, and alone: 65,536 pairs in each place of the alignment.
        foreach (byte beside in new byte[] { 0x00, 0x38, 0x7E, 0x01 })
        {
            var x = new Tensor(DType.F8_E4M3, 256, 3);
            var w = new Tensor(DType.F8_E4M3, 256, 3);
            for (int code = 0; code < 256; code++)
            {
                byte[] row = [beside, (byte)code, 0x83];
                row.CopyTo(x.AsSpan<byte>().Slice(3 * code, 3));
                row.CopyTo(w.AsSpan<byte>().Slice(3 * code, 3));
            }

            Check(x, w, Ones(256), Ones(256), ScaledProduct.DeepGemmSm90, null, DType.F32, 2, $"beside {beside:x2}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Rule_N8_threads_change_nothing(int threads)
    {
        foreach (ScaledProduct product in new[] { ScaledProduct.DeepGemmSm90, ScaledProduct.TorchReexpression, ScaledProduct.DeepGemmSm100 })
            Compare(70, 150, 300, product, true, true, DType.F32, false, true, threads, 5);
    }

    [Fact]
    public void Rule_N1_a_row_alone_equals_the_row_in_a_batch()
    {
        var samples = new Fp8Samples(3);
        Tensor x = samples.Codes(true, 70, 300), w = samples.Codes(false, 45, 300), sx, sw;
        var simd = new SimdBackend(2);
        foreach (ScaledProduct product in new[] { ScaledProduct.DeepGemmSm90, ScaledProduct.TorchReexpression, ScaledProduct.TritonFp8Gemm, ScaledProduct.DeepGemmSm100 })
        {
            sx = samples.ScalesFor(product, true, 70, 3);
            sw = samples.ScalesFor(product, false, 1, 3);
            var all = new Tensor(DType.F32, 70, 45);
            simd.ScaledLinear(x, sx, w, sw, product, null, all);
            for (int t = 0; t < 70; t++)
            {
                var one = new Tensor(DType.F32, 1, 45);
                simd.ScaledLinear(x.Rows(t, 1), sx.Rows(t, 1), w, sw, product, null, one);
                LinearTests.AssertSameBits(all.Rows(t, 1), one, $"row {t}, {product}");
            }
        }
    }

    [Fact]
    public void Rule_N3_a_NaN_code_makes_its_row_or_column_NaN()
    {
        var samples = new Fp8Samples(4);
        Tensor x = samples.Codes(false, 5, 200), w = samples.Codes(false, 40, 200), sx = samples.Scales(false, 5, 2), sw = samples.Scales(false, 1, 2);
        x.AsSpan<byte>()[2 * 200 + 199] = 0xFF;
        w.AsSpan<byte>()[33 * 200] = 0x7F;
        foreach (IBackend backend in new IBackend[] { Scalar, new SimdBackend(1) })
        {
            var y = new Tensor(DType.BF16, 5, 40);
            backend.ScaledLinear(x, sx, w, sw, ScaledProduct.DeepGemmSm90, null, y);
            for (int i = 0; i < 200; i++)
                Assert.Equal(i / 40 == 2 || i % 40 == 33, BFloat16.IsNaN(y.AsReadOnlySpan<BFloat16>()[i]));
        }
    }

    private static Tensor Ones(int rows)
    {
        var tensor = new Tensor(DType.F32, rows, 1);
        tensor.AsSpan<float>().Fill(1f);
        return tensor;
    }

    private static void Compare(int T, int N, int K, ScaledProduct product, bool withNaN, bool extreme, DType output, bool rows, bool add, int threads, int seed)
    {
        var samples = new Fp8Samples(seed);
        int B = product.ScalesOf(K);
        Tensor x = samples.Codes(withNaN, T, K), w = samples.Codes(withNaN, N, K);
        Tensor sx = samples.ScalesFor(product, extreme, T, B), sw = samples.ScalesFor(product, extreme, rows ? N : (N + 127) / 128, B);
        Check(x, w, sx, sw, product, add ? samples.Values(T, N) : null, output, threads,
            $"scaled_linear[t={T},n={N},k={K},product={product},nan={withNaN},extreme={extreme},y={output},rows={rows},c={add},threads={threads},seed={seed}]");
    }

    private static void Check(Tensor x, Tensor w, Tensor sx, Tensor sw, ScaledProduct product, Tensor? c, DType output, int threads, string what)
    {
        var expected = new Tensor(output, x.Shape[0], w.Shape[0]);
        var actual = new Tensor(output, x.Shape[0], w.Shape[0]);
        Scalar.ScaledLinear(x, sx, w, sw, product, c, expected);
        new SimdBackend(threads).ScaledLinear(x, sx, w, sw, product, c, actual);
        LinearTests.AssertSameBits(expected, actual, what);
    }
}
