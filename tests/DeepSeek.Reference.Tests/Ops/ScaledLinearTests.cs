using System.Globalization;
using System.Text.Json;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>Rule N21 against what was computed elsewhere.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class ScaledLinearTests
{
    private static readonly IBackend[] Backends = [new ScalarBackend(), new SimdBackend(1)];

    private static readonly ScaledProduct TritonWithoutFma = ScaledProduct.TritonFp8Gemm with { Name = "triton-without-fma", Fused = false };

    /// <summary>Every output of golden/vectors/dev/fp8_gemm_e4m3_block128: column, product, output.</summary>
    public static TheoryData<string, string, DType> Columns => new()
    {
        { "deepgemm_f32", "deepgemm-sm90", DType.F32 },
        { "deepgemm_bf16", "deepgemm-sm90", DType.BF16 },
        { "deepgemm_f32", "deepgemm-sm90-wgrad", DType.F32 },
        { "deepgemm_f32", "tilelang", DType.F32 },
        { "triton_f32", "triton-fp8-gemm", DType.F32 },
        { "triton_bf16", "triton-fp8-gemm", DType.BF16 },
        { "triton_nofma_f32", "triton-without-fma", DType.F32 },
        { "unscaled_nopromote_f32", "hopper-without-promotion", DType.F32 },
    };

    [Theory]
    [MemberData(nameof(Columns))]
    public void Rule_N21_every_vector_of_block_scaled_products_is_equal(string column, string name, DType output)
    {
        ScaledProduct product = name == TritonWithoutFma.Name ? TritonWithoutFma : ScaledProduct.Parse(name);
        int lines = 0;
        foreach (JsonElement line in Vectors())
        {
            int K = line.GetProperty("k").GetInt32();
            int B = product.ScalesOf(K);
            bool unscaled = product.Promotion == 0;
            Tensor a = Codes(line.GetProperty("a").GetString()!), b = Codes(line.GetProperty("b").GetString()!);
            Tensor sa = unscaled ? Tensor.From([1f], 1, 1) : Scales(line.GetProperty("sa").GetString()!, B);
            Tensor sb = unscaled ? Tensor.From([1f], 1, 1) : Scales(line.GetProperty("sb").GetString()!, B);
            string expected = line.GetProperty(column).GetString()!;
            foreach (IBackend backend in Backends)
            {
                var y = new Tensor(output, 1, 1);
                backend.ScaledLinear(a, sa, b, sb, product, null, y);
                string bits = output == DType.F32
                    ? BitConverter.SingleToUInt32Bits(y.AsReadOnlySpan<float>()[0]).ToString("x8", CultureInfo.InvariantCulture)
                    : y.AsReadOnlySpan<BFloat16>()[0].Bits.ToString("x4", CultureInfo.InvariantCulture);
                Assert.True(bits == expected, $"line {line.GetProperty("id").GetInt32()}, {column} on {backend.Name}: {bits}, expected {expected}");
            }

            lines++;
        }

        Assert.Equal(1734, lines);
    }

    [Fact]
    public void Rule_N21_the_units_partial_sum_of_the_first_block_is_the_vectors()
    {
        foreach (JsonElement line in Vectors())
        {
            Tensor a = Codes(line.GetProperty("a").GetString()!), b = Codes(line.GetProperty("b").GetString()!);
            var first = new Tensor(DType.F8_E4M3, 2, 128);
            a.AsReadOnlySpan<Float8E4M3>()[..128].CopyTo(first.AsSpan<Float8E4M3>());
            b.AsReadOnlySpan<Float8E4M3>()[..128].CopyTo(first.AsSpan<Float8E4M3>()[128..]);
            Tensor one = Tensor.From([1f], 1, 1);
            var y = new Tensor(DType.F32, 1, 1);
            new SimdBackend(1).ScaledLinear(first.Rows(0, 1), one, first.Rows(1, 1), one, ScaledProduct.DeepGemmSm90, null, y);
            Assert.Equal(line.GetProperty("tc").GetString()![..8], BitConverter.SingleToUInt32Bits(y.AsReadOnlySpan<float>()[0]).ToString("x8", CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public void Rule_N21_the_oracle_fp8_units_is_equal_in_every_element()
    {
        using SafetensorsFile oracle = SafetensorsFile.Open(Golden.Path("oracles", "fp8_units", "oracle.safetensors"));
        Tensor scales = oracle.Get("gemm.b_s");
        Tensor b = Tensor.From(Operands.Widen(scales), scales.Shape.Dimensions);
        foreach (IBackend backend in Backends)
        {
            foreach ((string name, ScaledProduct product) in new[] { ("gemm.c_f32", ScaledProduct.TorchReexpression), ("gemm.c_bf16", ScaledProduct.TorchReexpressionBF16) })
            {
                Tensor expected = oracle.Get(name);
                var y = new Tensor(expected.DType, expected.Shape);
                backend.ScaledLinear(oracle.Get("gemm.a"), oracle.Get("gemm.a_s"), oracle.Get("gemm.b"), b, product, null, y);
                LinearTests.AssertSameBits(expected, y, $"{name} on {backend.Name}");
            }
        }
    }

    // A_k = decode((37k + 11) mod 120) (-1)^k, B_k = decode((53k + 29) mod 120) (-1)^⌊k/3⌋, K = 256.
    private static (Tensor A, Tensor B) Worked()
    {
        var a = new Tensor(DType.F8_E4M3, 1, 256);
        var b = new Tensor(DType.F8_E4M3, 1, 256);
        for (int k = 0; k < 256; k++)
        {
            a.AsSpan<Float8E4M3>()[k] = Float8E4M3.FromBits((byte)((37 * k + 11) % 120 + 128 * (k % 2)));
            b.AsSpan<Float8E4M3>()[k] = Float8E4M3.FromBits((byte)((53 * k + 29) % 120 + 128 * (k / 3 % 2)));
        }

        return (a, b);
    }

    [Theory]
    [InlineData("triton-fp8-gemm", 0x40AEF456u, 0x40AF)]
    [InlineData("deepgemm-sm90", 0x40AEF456u, 0x40AF)]
    [InlineData("tilelang", 0x40AEF456u, 0x40AF)]
    [InlineData("torch-reexpression", 0x40AF0B0Cu, 0x40AF)]
    public void Rule_N21_a_worked_example_with_two_blocks(string name, uint single, int narrow)
    {
        (Tensor a, Tensor b) = Worked();
        Tensor sa = Tensor.From([0.0123f, 0.0456f], 1, 2), sb = Tensor.From([0.00789f, 0.00321f], 1, 2);
        foreach (IBackend backend in Backends)
        {
            var y = new Tensor(DType.F32, 1, 1);
            var z = new Tensor(DType.BF16, 1, 1);
            backend.ScaledLinear(a, sa, b, sb, ScaledProduct.Parse(name), null, y);
            backend.ScaledLinear(a, sa, b, sb, ScaledProduct.Parse(name), null, z);
            Assert.Equal(single, BitConverter.SingleToUInt32Bits(y.AsReadOnlySpan<float>()[0]));
            Assert.Equal(narrow, z.AsReadOnlySpan<BFloat16>()[0].Bits);
        }
    }

    [Theory]
    [InlineData(0, 47268f)]
    [InlineData(128, 47280f)]
    public void Rule_N21_the_example_with_unit_scales_with_and_without_promotion(int promotion, float expected)
    {
        (Tensor a, Tensor b) = Worked();
        ScaledProduct product = ScaledProduct.DeepGemmSm90 with { Name = "worked", Promotion = promotion };
        Tensor ones = promotion == 0 ? Tensor.From([1f], 1, 1) : Tensor.From([1f, 1f], 1, 2);
        foreach (IBackend backend in Backends)
        {
            var y = new Tensor(DType.F32, 1, 1);
            backend.ScaledLinear(a, ones, b, ones, product, null, y);
            Assert.Equal(expected, y.AsReadOnlySpan<float>()[0]);
        }
    }

    // d = 3, sa = sb = 1 + 2^-23: rn(3 sa) = 0x40400002, and rn(sa sb) = 0x3F800002; the product of three differs in the last place.
    [Theory]
    [InlineData(ScaleOrder.ActivationFirst, 0x40400004u)]
    [InlineData(ScaleOrder.ScalesFirst, 0x40400003u)]
    public void Rule_N21_the_order_of_the_scales_is_seen_in_the_last_bit(ScaleOrder order, uint expected)
    {
        float s = BitConverter.UInt32BitsToSingle(0x3F800001);
        ScaledProduct product = ScaledProduct.TorchReexpression with { Name = "order", Order = order };
        Assert.Equal(expected, BitConverter.SingleToUInt32Bits(product.Promote(0f, 3f, s, s)));
    }

    // acc = -1, d = sa = 1 + 2^-12, sb = 1: the exact sum is 2^-11 + 2^-24; a rounded product loses 2^-24.
    [Theory]
    [InlineData(true, ScaleOrder.ScalesFirst, 0x3A000400u)]
    [InlineData(false, ScaleOrder.ScalesFirst, 0x3A000000u)]
    [InlineData(true, ScaleOrder.ActivationFirst, 0x3A000000u)]
    public void Rule_N21_fused_is_one_rounding_of_the_last_product_and_the_sum(bool fused, ScaleOrder order, uint expected)
    {
        float x = BitConverter.UInt32BitsToSingle(0x3F800800);
        ScaledProduct product = ScaledProduct.TorchReexpression with { Name = "fused", Order = order, Fused = fused };
        Assert.Equal(expected, BitConverter.SingleToUInt32Bits(product.Promote(-1f, x, x, 1f)));
    }

    [Fact]
    public void Rule_N21_without_promotion_32_more_products_of_one_are_lost_beside_2_to_the_14()
    {
        // 2^14 in C, then 32 products of 1, each below what 13 fraction bits of 2^14 keep.
        var a = new Tensor(DType.F8_E4M3, 1, 64);
        Span<Float8E4M3> codes = a.AsSpan<Float8E4M3>();
        codes[0] = Float8E4M3.FromSingle(128f, Fp8Overflow.NaN);
        codes[32..].Fill(Float8E4M3.One);
        Tensor one = Tensor.From([1f], 1, 1);
        foreach (IBackend backend in Backends)
        {
            var y = new Tensor(DType.F32, 1, 1);
            backend.ScaledLinear(a, one, a, one, ScaledProduct.HopperWithoutPromotion, null, y);
            Assert.Equal(16384f, y.AsReadOnlySpan<float>()[0]);
            backend.ScaledLinear(a, one, a, one, ScaledProduct.DeepGemmSm90 with { Name = "promoted", Promotion = 32 }, null, y);
            Assert.Equal(16416f, y.AsReadOnlySpan<float>()[0]);
        }
    }

    [Fact]
    public void Rule_N21_Tritons_tiles_of_16_and_32_rows_as_the_page_writes_them()
    {
        // E4M3 widened to binary16, of every four k the first two in one sum of sixteen and the others in the next, C in each.
        ScaledProduct product = ScaledProduct.TritonFp8Gemm with
        {
            Name = "small tiles",
            Block = Accumulation.TensorCore(TensorCore.HopperMmaE4M3F32 with { Entry = AccumulatorEntry.InTheSum }),
        };
        TensorCore half = TensorCore.Parse("hopper-mma-fp16-f32");
        (Tensor a, Tensor b) = Worked();
        float acc = 0f;
        for (int block = 0; block < 2; block++)
        {
            uint d = 0;
            for (int k = 128 * block; k < 128 * (block + 1); k += 32)
            {
                foreach (int first in new[] { 0, 2 })
                {
                    uint[] x = [.. Sixteen(a, k, first)], y = [.. Sixteen(b, k, first)];
                    d = half.Define(x, y, d);
                }
            }

            acc += BitConverter.UInt32BitsToSingle(d);
        }

        Tensor ones = Tensor.From([1f, 1f], 1, 2);
        foreach (IBackend backend in Backends)
        {
            var y = new Tensor(DType.F32, 1, 1);
            backend.ScaledLinear(a, ones, b, ones, product, null, y);
            Assert.Equal(acc, y.AsReadOnlySpan<float>()[0]);
        }

        static IEnumerable<uint> Sixteen(Tensor t, int k, int first) =>
            Enumerable.Range(k, 32).Where(i => i % 4 / 2 * 2 == first).Select(i => (uint)BitConverter.HalfToUInt16Bits(t.AsReadOnlySpan<Float8E4M3>()[i].ToHalf()));
    }

    [Fact]
    public void Rule_N21_power_of_two_scales_may_enter_the_sum()
    {
        // 2^-9 · 2^-9 · 2^100 · 2^-82 = 1; the unit never sees the small product.
        var a = new Tensor(DType.F8_E4M3, 1, 1);
        a.AsSpan<Float8E4M3>()[0] = Float8E4M3.Epsilon;
        foreach (IBackend backend in Backends)
        {
            var y = new Tensor(DType.F32, 1, 1);
            backend.ScaledLinear(a, Tensor.From([MathF.ScaleB(1f, 100)], 1, 1), a, Tensor.From([MathF.ScaleB(1f, -82)], 1, 1), ScaledProduct.DeepGemmSm100, null, y);
            Assert.Equal(1f, y.AsReadOnlySpan<float>()[0]);
            DataException e = Assert.Throws<DataException>(() => backend.ScaledLinear(a, Tensor.From([3f], 1, 1), a, Tensor.From([1f], 1, 1), ScaledProduct.DeepGemmSm100, null, y));
            Assert.Equal("xScale holds 3, which is not a power of two of 2^-127 to 2^127; quantise with UE8M0 scales", e.Message);
        }
    }

    [Fact]
    public void Rule_N21_products_that_no_kernel_could_mean_are_refused()
    {
        ScaledProduct hopper = ScaledProduct.DeepGemmSm90;
        foreach (ScaledProduct product in new[]
        {
            hopper with { Promotion = 96 },
            hopper with { Promotion = -1 },
            hopper with { Order = (ScaleOrder)9 },
            hopper with { Order = ScaleOrder.InTheSum },
            hopper with { Block = Accumulation.TensorCore(TensorCore.HopperWgmmaBF16F32) },
            hopper with { Block = Accumulation.TensorCore(TensorCore.HopperWgmmaE4M3F16) },
            hopper with { Block = Accumulation.TensorCore(TensorCore.BlackwellMxE4M3F32) },
            ScaledProduct.DeepGemmSm100 with { Promotion = 128 },
        })
        {
            foreach (IBackend backend in Backends)
            {
                Tensor x = new(DType.F8_E4M3, 1, 128), s = new(DType.F32, 1, 1);
                Assert.Throws<ContractException>(() => backend.ScaledLinear(x, s, x, s, product, null, new Tensor(DType.F32, 1, 1)));
            }
        }

        Assert.Throws<ContractException>(() => ScaledProduct.Parse("cutlass"));
        foreach (ScaledProduct product in ScaledProduct.Presets)
            Assert.Same(product, ScaledProduct.Parse(product.Name));
    }

    private static IEnumerable<JsonElement> Vectors() =>
        VectorLines.ReadJson(Golden.Path("vectors", "dev", "fp8_gemm_e4m3_block128.jsonl.gz")).Select(line => line.Json);

    private static Tensor Codes(string hex)
    {
        var tensor = new Tensor(DType.F8_E4M3, 1, hex.Length / 2);
        Convert.FromHexString(hex).CopyTo(tensor.AsSpan<byte>());
        return tensor;
    }

    private static Tensor Scales(string hex, int count)
    {
        float[] values = [.. Enumerable.Range(0, count).Select(i => BitConverter.UInt32BitsToSingle(uint.Parse(hex.AsSpan(8 * i, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture)))];
        return Tensor.From(values, 1, count);
    }
}
