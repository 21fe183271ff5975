using System.Runtime.InteropServices;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.TensorCores;

/// <summary>Linear and GroupedLinear by a matrix unit: definition, twin, widths, threads, rows, and results that others computed.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public sealed class UnitLinearTests
{
    public static TheoryData<string> Units => [.. TensorCore.All.Where(BFloat16Product.Fits).Select(unit => unit.Name)];

    private static Accumulation Hopper => Accumulation.TensorCore(TensorCore.HopperWgmmaBF16F32);

    [Property(MaxTest = 200)]
    public void Rule_N1_N20_definition_and_twin_agree_in_every_bit(byte t, byte n, ushort k, byte kind, int seed)
    {
        (int T, int N, int K) = (t % 5, n % 40, k % 300);
        Tensor x = Codes(seed, kind, T, K);
        Tensor w = Codes(seed + 1, kind, N, K);
        foreach (TensorCore unit in new[] { TensorCore.HopperWgmmaBF16F32, TensorCore.AmpereMmaBF16F32 })
        {
            foreach (DType output in new[] { DType.F32, DType.BF16 })
            {
                Tensor expected = Product(new ScalarBackend(), x, w, unit, output);
                Assert.Equal(Hex(expected), Hex(Product(new SimdBackend(1 + seed % 3 * (seed % 3)), x, w, unit, output)));
            }
        }
    }

    [Property(MaxTest = 100)]
    public unsafe void Rule_N1_N20_every_width_gives_the_definitions_bits(byte n, ushort k, byte kind, int seed)
    {
        (int T, int N, int K) = (2, n % 40, 1 + k % 600);
        Tensor x = Codes(seed, kind, T, K);
        Tensor w = Codes(seed + 1, kind, N, K);
        TensorCore unit = TensorCore.HopperWgmmaBF16F32;
        string expected = Hex(Product(new ScalarBackend(), x, w, unit, DType.F32));
        ReadOnlySpan<float> wide = Operands.Widen(x);

        string At<V>(ReadOnlySpan<float> wide) where V : struct, IColumnLanes<V>
        {
            var y = new Tensor(DType.F32, T, N);
            fixed (float* xp = wide, yp = y.AsSpan<float>())
            fixed (BFloat16* wp = w.AsReadOnlySpan<BFloat16>())
                BFloat16Product.Lanes<V>(unit, xp, T, (ushort*)wp, 0, N, K, yp, N);
            return Hex(y);
        }

        Assert.Equal(expected, At<Column4>(wide));
        if (Isa.Has256)
            Assert.Equal(expected, At<Column8>(wide));
        if (Isa.Has512)
            Assert.Equal(expected, At<Column16>(wide));
    }

    [Theory]
    [MemberData(nameof(Units))]
    public void Rule_N20_every_bfloat16_unit_has_its_twin(string name)
    {
        TensorCore unit = TensorCore.Parse(name);
        Tensor x = Codes(5, 0, 3, 100);
        Tensor w = Codes(6, 0, 33, 100);
        Assert.Equal(Hex(Product(new ScalarBackend(), x, w, unit, DType.F32)), Hex(Product(new SimdBackend(2), x, w, unit, DType.F32)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Rule_N8_N20_every_bfloat16_product_that_another_implementation_computed(int threads)
    {
        IBackend backend = threads == 0 ? new ScalarBackend() : new SimdBackend(threads);
        foreach (VectorLine line in VectorLines.ReadJson(Golden.Path("vectors", "dev", "bf16_gemm_wgmma.jsonl.gz")).Where(line => (threads == 1 && Isa.Any) || line.Number % 10 == 0))
        {
            Tensor x = Row(line.Codes("a", 4));
            Tensor w = Row(line.Codes("b", 4));
            Assert.Equal(line.Text("d_f32"), Hex(Product(backend, x, w, TensorCore.HopperWgmmaBF16F32, DType.F32)));
            Assert.Equal(line.Text("d_bf16"), Hex(Product(backend, x, w, TensorCore.HopperWgmmaBF16F32, DType.BF16)));
        }
    }

    [Fact]
    public void Rule_N1_N20_a_row_and_a_column_alone_are_those_of_the_product()
    {
        Tensor x = Codes(1, 0, 9, 300);
        Tensor w = Codes(2, 0, 70, 300);
        var backend = new SimdBackend(1);
        Tensor all = Product(backend, x, w, TensorCore.HopperWgmmaBF16F32, DType.F32);
        for (int t = 0; t < 9; t++)
            Assert.Equal(Hex(all.Rows(t, 1)), Hex(Product(backend, x.Rows(t, 1), w, TensorCore.HopperWgmmaBF16F32, DType.F32)));
        for (int n = 0; n < 70; n += 23)
        {
            Tensor one = Product(backend, x, w.Rows(n, 1), TensorCore.HopperWgmmaBF16F32, DType.F32);
            for (int t = 0; t < 9; t++)
                Assert.Equal(all.AsReadOnlySpan<float>()[t * 70 + n], one.AsReadOnlySpan<float>()[t]);
        }
    }

    [Fact]
    public void Rule_N20_groups_equal_their_products_one_by_one()
    {
        int[] offsets = [0, 0, 3, 7];
        Tensor x = Codes(1, 0, 7, 90);
        Tensor[] weights = [Codes(2, 0, 9, 90), Codes(3, 0, 9, 90), Codes(4, 0, 9, 90)];
        foreach (IBackend backend in new IBackend[] { new ScalarBackend(), new SimdBackend(1), new SimdBackend(2) })
        {
            var y = new Tensor(DType.F32, 7, 9);
            backend.GroupedLinear(x, offsets, weights, Hopper, y);
            for (int g = 1; g < 3; g++)
            {
                int rows = offsets[g + 1] - offsets[g];
                Assert.Equal(Hex(Product(new ScalarBackend(), x.Rows(offsets[g], rows), weights[g], TensorCore.HopperWgmmaBF16F32, DType.F32)), Hex(y.Rows(offsets[g], rows)));
            }
        }
    }

    [Fact]
    public void Rule_N7_what_no_unit_does_is_refused()
    {
        Tensor x = Codes(1, 0, 2, 32), w = Codes(2, 0, 3, 32), wide = new(DType.F32, 2, 32), y = new(DType.F32, 2, 3), heads = new(DType.BF16, 2, 1, 4);
        foreach (IBackend backend in new IBackend[] { new ScalarBackend(), new SimdBackend(1) })
        {
            Assert.Throws<ContractException>(() => backend.Linear(wide, w, Hopper, y));
            Assert.Throws<ContractException>(() => backend.Linear(x, w, Accumulation.TensorCore(TensorCore.HopperWgmmaE4M3F32), y));
            Assert.Throws<ContractException>(() => backend.Linear(x, w, new Accumulation(AccumulationKind.TensorCore), y));
            Assert.Throws<ContractException>(() => backend.Linear(x, w, new Accumulation(AccumulationKind.Lanes16, TensorCore.HopperWgmmaBF16F32), y));
            Assert.Throws<ContractException>(() => backend.GroupedLinear(wide, [0, 2], [w], Hopper, y));
            Assert.Throws<ContractException>(() => backend.Attention(heads, heads, heads, new AttentionAttributes(1f, 0, AttentionRounding.None, 0, Hopper), new Tensor(DType.BF16, 2, 1, 4)));
            Assert.Throws<ContractException>(() => backend.AbsorbOutput(heads, new Tensor(DType.BF16, 1, 3, 4), Hopper, new Tensor(DType.BF16, 2, 1, 2)));
            Assert.Throws<ContractException>(() => backend.AbsorbQuery(heads, new Tensor(DType.BF16, 1, 3, 2), Hopper, new Tensor(DType.BF16, 2, 1, 3)));
            Assert.True(backend.Supports(Operation.Linear, Hopper));
            Assert.True(backend.Supports(Operation.GroupedLinear, Hopper));
            Assert.False(backend.Supports(Operation.Attention, Hopper));
            Assert.False(backend.Supports(Operation.Linear, Accumulation.TensorCore(TensorCore.HopperWgmmaE4M3F32)));
            Assert.False(backend.Supports(Operation.Linear, new Accumulation(AccumulationKind.TensorCore)));
        }
    }

    [Fact]
    public void Rule_N20_a_value_that_the_format_lacks_is_refused_by_the_definition()
    {
        Assert.Equal(0x3F80u, ElementFormat.BF16.Encode(1f));
        Assert.Equal(0x8001u, ElementFormat.BF16.Encode(BitConverter.UInt32BitsToSingle(0x80010000)));
        Assert.Equal(0x7Eu, ElementFormat.E4M3.Encode(448f));
        Assert.Equal(0x83u, ElementFormat.E4M3.Encode(-3f / 512));
        Assert.Equal(0x7Fu, ElementFormat.E4M3.Encode(float.NaN) & 0x7F);
        Assert.Equal(0xFCu, ElementFormat.E5M2.Encode(float.NegativeInfinity));
        foreach (float x in new[] { 449f, 464f, 480f, 1.0625f, float.PositiveInfinity, 1f / 1024 })
            Assert.Throws<ContractException>(() => ElementFormat.E4M3.Encode(x));
        foreach (ElementFormat format in new[] { ElementFormat.E4M3, ElementFormat.E5M2, ElementFormat.E3M2, ElementFormat.E2M3, ElementFormat.E2M1, ElementFormat.BF16, ElementFormat.FP16 })
        {
            for (uint code = 0; code < 1u << format.StorageBits; code++)
            {
                if (format.Decode(code).Kind != ElementKind.NaN)
                    Assert.Equal(code, format.Encode((float)format.ToDouble(code)));
            }
        }
    }

    private static Tensor Product(IBackend backend, Tensor x, Tensor w, TensorCore unit, DType output)
    {
        var y = new Tensor(output, x.Shape[0], w.Shape[0]);
        backend.Linear(x, w, Accumulation.TensorCore(unit), y);
        return y;
    }

    /// <summary>BF16 codes: near 1; over all exponents that stay finite; any bits, with infinities and NaNs; sparse; tiny and subnormal.</summary>
    private static Tensor Codes(int seed, int kind, params ReadOnlySpan<long> shape)
    {
        var random = new Random(seed);
        var tensor = new Tensor(DType.BF16, shape);
        Span<ushort> codes = MemoryMarshal.Cast<BFloat16, ushort>(tensor.AsSpan<BFloat16>());
        for (int i = 0; i < codes.Length; i++)
        {
            int bits = random.Next(1 << 16);
            int exponent = (kind % 6) switch
            {
                0 => 124 + (bits >> 7) % 6,
                1 => 60 + (bits >> 7) % 120,
                2 => (bits >> 7) & 0xFF,
                3 => random.Next(4) == 0 ? 127 : 0,
                4 => random.Next(100) == 0 ? 255 : 80 + (bits >> 7) % 90,
                _ => (bits >> 7) % 90,
            };
            codes[i] = (ushort)(kind % 6 == 3 && exponent == 0 ? bits & 0x8000 : (bits & 0x807F) | exponent << 7);
        }

        return tensor;
    }

    private static Tensor Row(uint[] codes)
    {
        var tensor = new Tensor(DType.BF16, 1, codes.Length);
        Span<ushort> to = MemoryMarshal.Cast<BFloat16, ushort>(tensor.AsSpan<BFloat16>());
        for (int i = 0; i < codes.Length; i++)
            to[i] = (ushort)codes[i];
        return tensor;
    }

    /// <summary>Bits of every element, a NaN of bfloat16 as one NaN (its rounding makes its own).</summary>
    private static string Hex(Tensor t) => t.DType == DType.F32
        ? string.Join(' ', t.AsReadOnlySpan<float>().ToArray().Select(x => $"{BitConverter.SingleToUInt32Bits(x):x8}"))
        : string.Join(' ', t.AsReadOnlySpan<BFloat16>().ToArray().Select(x => float.IsNaN(x.ToSingle()) ? "nan" : $"{x.Bits:x4}"));
}
