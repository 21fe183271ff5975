using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>Products of E4M3 weights decoded where they are multiplied have the bits of Dequantize and Linear, GroupedLinear, AbsorbQuery or AbsorbOutput after it.</summary>
public class DequantizedLinearTests
{
    private static readonly ScalarBackend Scalar = new();

    private static Tensor Values(int seed, long T, long K)
    {
        var random = new Random(seed);
        var x = new Tensor(DType.F32, T, K);
        foreach (ref float v in x.AsSpan<float>())
        {
            v = random.Next(24) switch
            {
                0 => 0f,
                1 => -0f,
                2 => BitConverter.UInt32BitsToSingle((uint)random.Next(1 << 23)),
                3 => (float)((random.NextDouble() - 0.5) * 1e30),
                _ => (float)(random.NextDouble() - 0.5),
            };
        }

        return x;
    }

    private static void Compare(Tensor x, Tensor codes, Tensor scales, int threads, string what)
    {
        var w = new Tensor(DType.F32, codes.Shape);
        var expected = new Tensor(DType.F32, x.Shape[0], codes.Shape[0]);
        var actual = new Tensor(DType.F32, expected.Shape);
        actual.AsSpan<float>().Fill(float.NaN);
        Scalar.Dequantize(codes, scales, QuantizationTile.Block128x128, w);
        Scalar.Linear(x, w, Accumulation.Lanes16, expected);
        Assert.Equal(Isa.Any, ((IDequantizedProducts)new SimdBackend(threads)).TryDequantizedLinear(x, codes, scales, Accumulation.Lanes16, actual));
        if (Isa.Any)
            LinearTests.AssertSameBits(expected, actual, what);
    }

    private static void Compare(int T, int N, int K, bool special, int threads, int seed)
    {
        var samples = new Fp8Samples(seed);
        Compare(Values(seed, T, K), samples.Codes(special, N, K), samples.Scales(special, (N + 127) / 128, (K + 127) / 128), threads, $"t={T},n={N},k={K},special={special},threads={threads},seed={seed}");
    }

    [Theory]
    [InlineData(0, 3, 5)]
    [InlineData(2, 0, 5)]
    [InlineData(2, 3, 0)]
    [InlineData(1, 1, 1)]
    [InlineData(1, 4, 128)]
    [InlineData(1, 13, 127)]
    [InlineData(3, 131, 129)]
    [InlineData(1, 520, 300)]
    [InlineData(2, 257, 1537)]
    [InlineData(4, 9, 2100)]
    [InlineData(16, 140, 200)]
    [InlineData(5, 3, 70000)]
    public void Rule_N22_decoding_in_registers_has_the_bits_of_dequantising_first(int T, int N, int K)
    {
        for (int seed = 0; seed < 8; seed++)
            Compare(T, N, K, special: seed % 2 == 1, threads: 1 + seed % 3, seed);
    }

    [Property(MaxTest = 150)]
    public void Rule_N22_for_any_shape(byte t, ushort n, ushort k, bool special, int seed) => Compare(t % 17, n % 300, k % 700, special, 1 + t % 3, seed);

    /// <summary>The groups' rows, equal where one token's experts are meant, beside Dequantize and GroupedLinear after it.</summary>
    private static void CompareGroups(int[] rows, int N, int K, bool equal, bool special, int threads, int seed)
    {
        var samples = new Fp8Samples(seed);
        int[] offsets = new int[rows.Length + 1];
        for (int g = 0; g < rows.Length; g++)
            offsets[g + 1] = offsets[g] + rows[g];
        Tensor x = Values(seed, offsets[^1], K);
        for (int t = 1; equal && t < offsets[^1]; t++)
            x.AsReadOnlySpan<float>()[..K].CopyTo(x.AsSpan<float>()[(t * K)..]);
        Tensor[] codes = [.. rows.Select(_ => samples.Codes(special, N, K))];
        Tensor[] scales = [.. rows.Select(_ => samples.Scales(special, (N + 127) / 128, (K + 127) / 128))];
        Tensor[] w = [.. codes.Select(c => new Tensor(DType.F32, c.Shape))];
        for (int g = 0; g < rows.Length; g++)
            Scalar.Dequantize(codes[g], scales[g], QuantizationTile.Block128x128, w[g]);
        var expected = new Tensor(DType.F32, offsets[^1], N);
        var actual = new Tensor(DType.F32, expected.Shape);
        actual.AsSpan<float>().Fill(float.NaN);
        Scalar.GroupedLinear(x, offsets, w, Accumulation.Lanes16, expected);
        bool done = Isa.Any && offsets[^1] > 0;
        Assert.Equal(done, ((IDequantizedProducts)new SimdBackend(threads)).TryDequantizedGroupedLinear(x, offsets, codes, scales, Accumulation.Lanes16, actual));
        if (done)
            LinearTests.AssertSameBits(expected, actual, $"rows={string.Join('+', rows)},n={N},k={K},equal={equal},special={special},threads={threads},seed={seed}");
    }

    [Theory]
    [InlineData(new[] { 1, 1, 1, 1 }, 256, 1024)]
    [InlineData(new[] { 0, 1, 0, 1, 1, 0, 1, 0 }, 133, 384)]
    [InlineData(new[] { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, 130, 200)]
    [InlineData(new[] { 1, 1, 1, 2 }, 20, 129)]
    [InlineData(new[] { 2, 1, 1, 1, 1 }, 7, 128)]
    [InlineData(new[] { 1, 1, 1, 1 }, 3, 130)]
    [InlineData(new[] { 16, 3, 0, 5 }, 140, 64)]
    [InlineData(new[] { 1, 1, 1, 1 }, 5, 0)]
    [InlineData(new[] { 1, 1, 1, 1 }, 0, 5)]
    [InlineData(new[] { 0, 0 }, 4, 5)]
    [InlineData(new[] { 1, 1, 1, 1, 0, 1, 1, 1, 1 }, 1024, 256)]
    public void Rule_N22_each_group_has_its_own_codes_and_scales(int[] rows, int N, int K)
    {
        for (int seed = 0; seed < 12; seed++)
            CompareGroups(rows, N, K, equal: seed % 2 == 0, special: seed % 4 > 1, threads: 1 + seed % 3, seed);
    }

    [Theory]
    [MemberData(nameof(AttentionLatentTests.FewTokens), MemberType = typeof(AttentionLatentTests))]
    public void Rule_N22_absorbed_products_of_few_tokens_have_the_bits_of_dequantising_first(int S, int H, int dn, int dr, int dv, int c)
    {
        for (int seed = 0; seed < 8; seed++)
        {
            // Without NaN codes and large scales, then with: AbsorbQuery may leave those to the two operations, AbsorbOutput computes them.
            bool special = seed % 4 == 3;
            var samples = new Fp8Samples(seed);
            int rows = H * (dn + dv);
            Tensor codes = samples.Codes(special, rows, c), scales = samples.Scales(special, (rows + 127) / 128, (c + 127) / 128);
            Tensor q = Values(seed, S, (long)H * (dn + dr)).Reshape(S, H, dn + dr), z = Values(seed + 1, S, (long)H * c).Reshape(S, H, c);
            Tensor w = new(DType.F32, rows, c), absorbed = new(DType.F32, S, H, c + dr), output = new(DType.F32, S, H, dv);
            Scalar.Dequantize(codes, scales, QuantizationTile.Block128x128, w);
            Scalar.AbsorbQuery(q, w.Reshape(H, dn + dv, c), Accumulation.Lanes16, absorbed);
            Scalar.AbsorbOutput(z, w.Reshape(H, dn + dv, c), Accumulation.Lanes16, output);
            IDequantizedProducts simd = new SimdBackend(1 + seed % 3);
            Tensor y = new(DType.F32, S, H, c + dr), o = new(DType.F32, S, H, dv);
            string what = $"s={S},h={H},dn={dn},dr={dr},dv={dv},c={c},seed={seed}";
            bool done = simd.TryDequantizedAbsorbQuery(q, codes, scales, Accumulation.Lanes16, y);
            if (!special)
                Assert.Equal(Isa.Has512 && c % 64 == 0, done);
            if (done)
                LinearTests.AssertSameBits(absorbed, y, what);
            Assert.Equal(Isa.Has512, simd.TryDequantizedAbsorbOutput(z, codes, scales, Accumulation.Lanes16, o));
            if (Isa.Has512)
                LinearTests.AssertSameBits(output, o, what);
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 63)]
    [InlineData(2, 64)]
    [InlineData(3, 127)]
    public void Rule_N22_one_NaN_code_or_large_scale_is_dequantised_first(int head, int row)
    {
        const int H = 4, dn = 64, dv = 64, c = 128;
        foreach (bool scale in new[] { false, true })
        {
            var samples = new Fp8Samples(row);
            Tensor codes = samples.Codes(false, H * (dn + dv), c), scales = samples.Scales(false, H, 1);
            int poisoned = head * (dn + dv) + row;
            if (scale)
                scales.AsSpan<float>()[poisoned / 128] = 256f;
            else
                codes.AsSpan<Float8E4M3>()[(poisoned * c) + 77] = Float8E4M3.FromBits(0xFF);
            Tensor q = Values(1, 1, H * dn).Reshape(1, H, dn), z = Values(2, 1, H * c).Reshape(1, H, c), w = new(DType.F32, H * (dn + dv), c);
            Tensor absorbed = new(DType.F32, 1, H, c), output = new(DType.F32, 1, H, dv), y = new(DType.F32, 1, H, c), o = new(DType.F32, 1, H, dv);
            Scalar.Dequantize(codes, scales, QuantizationTile.Block128x128, w);
            Scalar.AbsorbQuery(q, w.Reshape(H, dn + dv, c), Accumulation.Lanes16, absorbed);
            Scalar.AbsorbOutput(z, w.Reshape(H, dn + dv, c), Accumulation.Lanes16, output);
            IDequantizedProducts simd = new SimdBackend(1);

            // A head's block of scales covers W_UK and W_UV alike; a code is of one of them.
            bool left = !Isa.Has512 || scale || row < dn;
            Assert.Equal(!left, simd.TryDequantizedAbsorbQuery(q, codes, scales, Accumulation.Lanes16, y));
            if (!left)
                LinearTests.AssertSameBits(absorbed, y, $"query, head {head}, row {row}");
            Assert.Equal(Isa.Has512, simd.TryDequantizedAbsorbOutput(z, codes, scales, Accumulation.Lanes16, o));
            if (Isa.Has512)
                LinearTests.AssertSameBits(output, o, $"output, head {head}, row {row}, scale {scale}");
        }
    }

    [Fact]
    public unsafe void Long_rows_that_differ_are_not_taken_for_one()
    {
        // 2^30 values have 2^32 bytes. Nothing beyond the first difference is read.
        float* x = stackalloc float[256];
        for (int i = 0; i < 256; i++)
            x[i] = i;
        foreach (int K in new[] { 1 << 29, 1 << 30, (1 << 30) + 4, int.MaxValue })
        {
            nint stride = 64;
            Assert.False(FourWeights512.SuitCodes(x, K, ref stride));
            Assert.Equal(64, stride);
        }
    }

    [Fact]
    public void Absorbed_products_that_do_not_fit_are_left_to_the_two_operations()
    {
        var samples = new Fp8Samples(3);
        IDequantizedProducts simd = new SimdBackend(1);
        Tensor codes = samples.Codes(false, 256, 64), scales = samples.Scales(false, 2, 1), q = new(DType.F32, 1, 2, 72), z = new(DType.F32, 1, 2, 64);
        Tensor Absorbed(long tokens = 1, long heads = 2, long width = 72) => new(DType.F32, tokens, heads, width);
        Assert.Equal(Isa.Has512, simd.TryDequantizedAbsorbQuery(q, codes, scales, Accumulation.Lanes16, Absorbed()));
        Assert.False(simd.TryDequantizedAbsorbQuery(q, codes, scales, Accumulation.Exact, Absorbed()));
        Assert.False(simd.TryDequantizedAbsorbQuery(q, codes, scales, Accumulation.Lanes16, Absorbed(tokens: 2)));
        Assert.False(simd.TryDequantizedAbsorbQuery(q, codes, scales, Accumulation.Lanes16, Absorbed(heads: 1)));
        Assert.False(simd.TryDequantizedAbsorbQuery(q, codes, scales, Accumulation.Lanes16, Absorbed(width: 63)));
        Assert.False(simd.TryDequantizedAbsorbQuery(q, codes, scales, Accumulation.Lanes16, Absorbed(width: 200)));
        Assert.False(simd.TryDequantizedAbsorbQuery(q, codes, samples.Scales(false, 1, 1), Accumulation.Lanes16, Absorbed()));
        Assert.False(simd.TryDequantizedAbsorbQuery(new Tensor(DType.F32, 4, 2, 72), codes, scales, Accumulation.Lanes16, Absorbed(tokens: 4)));
        Assert.False(simd.TryDequantizedAbsorbOutput(z, codes, scales, Accumulation.Lanes16, new Tensor(DType.F32, 1, 2, 129)));
        Assert.False(simd.TryDequantizedAbsorbOutput(new Tensor(DType.F32, 1, 2, 65), codes, scales, Accumulation.Lanes16, new Tensor(DType.F32, 1, 2, 64)));
        Assert.False(simd.TryDequantizedAbsorbOutput(z, codes, scales, Accumulation.Sequential, new Tensor(DType.F32, 1, 2, 64)));
        Assert.False(simd.TryDequantizedAbsorbOutput(z, codes, scales, Accumulation.Lanes16, new Tensor(DType.BF16, 1, 2, 64)));
    }

    [Fact]
    public void Rule_N22_scales_of_a_stream_change_within_it()
    {
        // A quarter of 300 rows begins and ends inside blocks of 128; T of 2 and 3 take the rows in pieces.
        for (int T = 1; T <= 3; T++)
        {
            foreach (int N in new[] { 300, 1028, 512 })
                Compare(T, N, 256, special: false, threads: T, seed: N + T);
        }
    }

    [Fact]
    public void Rule_N22_every_code_meets_every_kind_of_scale()
    {
        float[] kinds = [1f, 0.1f, -0.3f, 0f, -0f, float.Epsilon, 1e-40f, 1.17549435e-38f, 255.99998f, 256f, 3e38f, float.PositiveInfinity, float.NaN];
        foreach (float kind in kinds)
        {
            foreach (bool withNaN in new[] { false, true })
            {
                var codes = new Tensor(DType.F8_E4M3, 8, 256);
                Span<Float8E4M3> c = codes.AsSpan<Float8E4M3>();
                for (int i = 0; i < c.Length; i++)
                    c[i] = Float8E4M3.FromBits((byte)(!withNaN && (i & 0x7F) == 0x7F ? i ^ 1 : i));
                var scales = new Tensor(DType.F32, 1, 2);
                scales.AsSpan<float>()[0] = kind;
                scales.AsSpan<float>()[1] = 1f;

                // Each column alone reaches the output: x is 1 there and 0 elsewhere.
                for (int k = 0; k < 256; k += 5)
                {
                    var x = new Tensor(DType.F32, 1, 256);
                    x.AsSpan<float>()[k] = 1f;
                    Compare(x, codes, scales, 1, $"scale {kind}, NaN codes {withNaN}, column {k}");
                }
            }
        }
    }

    [Fact]
    public void What_it_does_not_compute_is_left_to_the_two_operations()
    {
        var samples = new Fp8Samples(1);
        Tensor codes = samples.Codes(false, 4, 128), scales = samples.Scales(false, 1, 1), y = new(DType.F32, 1, 4);
        IDequantizedProducts simd = new SimdBackend(1);
        Assert.False(simd.TryDequantizedLinear(Values(1, 1, 128), codes, scales, Accumulation.Sequential, y));
        Assert.False(simd.TryDequantizedLinear(new Tensor(DType.BF16, 1, 128), codes, scales, Accumulation.Lanes16, y));
        Assert.False(simd.TryDequantizedLinear(Values(1, 17, 128), codes, scales, Accumulation.Lanes16, new Tensor(DType.F32, 17, 4)));
        Assert.False(simd.TryDequantizedGroupedLinear(Values(1, 1, 128), [0, 1], [codes], [scales], Accumulation.Sequential, y));
        Assert.False(simd.TryDequantizedGroupedLinear(Values(1, 17, 128), [0, 17], [codes], [scales], Accumulation.Lanes16, new Tensor(DType.F32, 17, 4)));
        Assert.All(y.AsReadOnlySpan<float>().ToArray(), v => Assert.Equal(0, v));
    }

    [Fact]
    public void Operands_that_do_not_belong_together_are_refused()
    {
        if (!Isa.Any)
            return;
        var samples = new Fp8Samples(2);
        Tensor codes = samples.Codes(false, 4, 128), scales = samples.Scales(false, 1, 1);
        IDequantizedProducts simd = new SimdBackend(1);
        Assert.Throws<ShapeException>(() => simd.TryDequantizedLinear(Values(1, 1, 127), codes, scales, Accumulation.Lanes16, new Tensor(DType.F32, 1, 4)));
        Assert.Throws<ShapeException>(() => simd.TryDequantizedLinear(Values(1, 1, 128), codes, samples.Scales(false, 1, 2), Accumulation.Lanes16, new Tensor(DType.F32, 1, 4)));
        Assert.Throws<ShapeException>(() => simd.TryDequantizedLinear(Values(1, 1, 128), codes, scales, Accumulation.Lanes16, new Tensor(DType.F32, 1, 5)));
        Assert.Throws<ShapeException>(() => simd.TryDequantizedGroupedLinear(Values(1, 1, 128), [0, 2], [codes], [scales], Accumulation.Lanes16, new Tensor(DType.F32, 1, 4)));
        Assert.Throws<ShapeException>(() => simd.TryDequantizedGroupedLinear(Values(1, 1, 127), [0, 1], [codes], [scales], Accumulation.Lanes16, new Tensor(DType.F32, 1, 4)));
        Assert.Throws<ShapeException>(() => simd.TryDequantizedGroupedLinear(Values(1, 2, 128), [0, 1, 2], [codes, codes], [scales], Accumulation.Lanes16, new Tensor(DType.F32, 2, 4)));
    }
}
