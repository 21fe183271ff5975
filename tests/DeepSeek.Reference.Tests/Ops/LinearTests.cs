using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

public class LinearTests
{
    private static readonly ScalarBackend Scalar = new();

    public static TheoryData<int, int, int> Shapes => new()
    {
        { 0, 3, 5 }, { 3, 0, 5 }, { 2, 3, 0 }, { 1, 1, 1 }, { 1, 5, 16 }, { 3, 4, 17 }, { 4, 4, 16 }, { 5, 7, 31 }, { 8, 8, 64 },
        { 9, 13, 100 }, { 1, 9, 1500 }, { 6, 6, 1537 }, { 5, 9, 2100 }, { 100, 5, 1600 }, { 7, 70, 3000 }, { 400, 8, 300 },
        { 1, 21, 3073 }, { 3, 14, 3105 }, { 6, 8, 4096 }, { 2, 7, 3200 }, { 1, 40, 1041 },
    };

    /// <summary>Values of every kind: unit, wide, subnormal, zeros of both signs, and now and then an infinity or NaN.</summary>
    private static Tensor Values(DType dtype, int seed, bool special, params long[] shape)
    {
        var random = new Random(seed);
        var wide = new Tensor(DType.F32, shape);
        foreach (ref float v in wide.AsSpan<float>())
        {
            int kind = random.Next(special ? 24 : 20);
            v = kind switch
            {
                < 16 => (float)(random.NextDouble() - 0.5),
                16 => (float)((random.NextDouble() - 0.5) * 1e30),
                17 => BitConverter.UInt32BitsToSingle((uint)random.Next(1 << 23)),
                18 => 0f,
                19 => -0f,
                20 => BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32)),
                21 => float.PositiveInfinity,
                22 => float.NaN,
                _ => float.MaxValue,
            };
        }

        if (dtype == DType.F32)
            return wide;
        var narrow = new Tensor(dtype, shape);
        BFloat16Spans.Round(wide.AsReadOnlySpan<float>(), narrow.AsSpan<BFloat16>());
        return narrow;
    }

    internal static void AssertSameBits(Tensor expected, Tensor actual, string what)
    {
        ReadOnlySpan<float> e = Operands.Widen(expected);
        ReadOnlySpan<float> a = Operands.Widen(actual);
        for (int i = 0; i < e.Length; i++)
        {
            if (float.IsNaN(e[i]) && float.IsNaN(a[i]))
                continue;
            if (BitConverter.SingleToUInt32Bits(e[i]) != BitConverter.SingleToUInt32Bits(a[i]))
                Assert.Fail($"{what}: element {i} is {BitConverter.SingleToUInt32Bits(a[i]):x8}, expected {BitConverter.SingleToUInt32Bits(e[i]):x8}");
        }
    }

    private static void Compare(int T, int N, int K, DType xType, DType wType, DType yType, Accumulation accumulation, int threads, bool special, int seed)
    {
        Tensor x = Values(xType, seed, special, T, K);
        Tensor w = Values(wType, seed + 1, special, N, K);
        var expected = new Tensor(yType, T, N);
        var actual = new Tensor(yType, T, N);
        Scalar.Linear(x, w, accumulation, expected);
        new SimdBackend(threads).Linear(x, w, accumulation, actual);
        AssertSameBits(expected, actual, $"linear[t={T},n={N},k={K},x={xType},w={wType},y={yType},accumulation={accumulation},threads={threads},seed={seed}]");
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Rule_N1_scalar_and_simd_agree_in_every_bit(int T, int N, int K)
    {
        foreach (bool special in new[] { false, true })
        {
            foreach (DType x in new[] { DType.F32, DType.BF16 })
            {
                foreach (DType w in new[] { DType.F32, DType.BF16 })
                    Compare(T, N, K, x, w, DType.F32, Accumulation.Lanes16, 1, special, 7);
            }

            Compare(T, N, K, DType.F32, DType.BF16, DType.BF16, Accumulation.Lanes16, 2, special, 8);
        }
    }

    [Property(MaxTest = 150)]
    public void Rule_N1_scalar_and_simd_agree_for_any_shape(byte t, byte n, ushort k, bool xNarrow, bool wNarrow, bool special, int seed) =>
        Compare(t % 21, n % 23, k % 400, xNarrow ? DType.BF16 : DType.F32, wNarrow ? DType.BF16 : DType.F32, DType.F32, Accumulation.Lanes16, 1 + t % 3, special, seed);

    // Which order of reading a processor takes depends on its kind; here each of them runs, whatever this processor is, as far as it has the registers.
    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(48)]
    [InlineData(400)]
    [InlineData(1041)]
    [InlineData(3105)]
    public unsafe void Rule_N1_every_order_of_reading_a_weight_gives_the_bits_of_the_definition(int K)
    {
        const int Rows = 8;
        foreach (DType dtype in new[] { DType.F32, DType.BF16 })
        {
            Tensor x = Values(DType.F32, K, false, 1, K), w = Values(dtype, K + 1, false, Rows, K);
            var expected = new Tensor(DType.F32, 1, Rows);
            Scalar.Linear(x, w, Accumulation.Lanes16, expected);
            if (dtype == DType.F32)
                Orders<Float32Codes>(x, w, K, expected);
            else
                Orders<BFloat16Codes>(x, w, K, expected);
        }
    }

    private static unsafe void Orders<TCodes>(Tensor x, Tensor w, int K, Tensor expected) where TCodes : struct, IWeightCodes
    {
        var y = new Tensor(DType.F32, 1, expected.Shape[1]);
        nint stride = (nint)K * TCodes.Bytes;
        fixed (byte* codes = &w.ByteOrigin)
        fixed (float* a = x.AsSpan<float>(), b = y.AsSpan<float>())
        {
            foreach ((bool everyLine, int regions) in new[] { (true, 4), (false, 4), (false, 8) })
            {
                if (!Isa.Has512)
                    break;
                y.AsSpan<float>().Clear();
                for (int j = 0; j < 8; j += regions)
                    LinearRows512.Row<TCodes>(a, codes + j * stride, stride, K, regions, everyLine, b + j, 1);
                AssertSameBits(expected, y, $"512 bits, every line {everyLine}, {regions} regions, {typeof(TCodes).Name}, k={K}");
            }

            Narrow<Lanes512, TCodes>(a, codes, stride, K, b, y, expected);
            Narrow<Lanes256, TCodes>(a, codes, stride, K, b, y, expected);
            Narrow<Lanes128, TCodes>(a, codes, stride, K, b, y, expected);
        }
    }

    private static unsafe void Narrow<L, TCodes>(float* x, byte* codes, nint stride, int K, float* to, Tensor y, Tensor expected)
        where L : struct, ILanes<L>
        where TCodes : struct, IWeightCodes
    {
        y.AsSpan<float>().Clear();
        for (int j = 0; j < 8; j += 4)
            LinearRowsNarrow<L>.Four<TCodes>(x, codes + j * stride, stride, K, to + j, 1);
        AssertSameBits(expected, y, $"{typeof(L).Name}, four rows, {typeof(TCodes).Name}, k={K}");
        foreach (bool everyLine in new[] { false, true })
        {
            y.AsSpan<float>().Clear();
            for (int j = 0; j < 8; j += 2)
                LinearRowsNarrow<L>.Two<TCodes>(x, codes + j * stride, stride, K, everyLine, to + j, 1);
            AssertSameBits(expected, y, $"{typeof(L).Name}, two rows, every line {everyLine}, {typeof(TCodes).Name}, k={K}");
        }
    }

    // The same of how a product of many rows is cut.
    [Theory]
    [InlineData(5, 13, 48)]
    [InlineData(7, 9, 1)]
    [InlineData(9, 70, 129)]
    [InlineData(31, 21, 700)]
    [InlineData(25, 70, 1041)]
    [InlineData(110, 12, 1536)]
    [InlineData(135, 37, 1700)]
    public void Rule_N1_every_cut_of_a_product_gives_the_bits_of_the_definition(int T, int N, int K)
    {
        Tensor x = Values(DType.F32, K, false, T, K), w = Values(DType.F32, K + 1, false, N, K), narrow = Values(DType.BF16, K + 2, false, N, K);
        LinearBlocking[] cuts =
        [
            LinearBlocking.Choose(T, K, 4, wide: true), LinearBlocking.Choose(T, K, 4, wide: false), new(true, 64 << 10, 8, K), new(true, 1, 4, Math.Min(K, 512)),
            new(false, 1 << 10, 16, K), new(false, 16 << 10, 32, 16), new(true, 32 << 10, 12, 48),
        ];
        foreach (LinearBlocking cut in cuts)
        {
            Cut<Float32Codes, float>(x, w, cut);
            Cut<BFloat16Codes, BFloat16>(x, narrow, cut);
        }
    }

    /// <summary>All columns but the first, of a weight whose rows lie three values further apart than they are long.</summary>
    private static unsafe void Cut<TCodes, E>(Tensor x, Tensor weight, LinearBlocking cut) where TCodes : struct, IWeightCodes where E : unmanaged
    {
        (int T, int N, int K) = ((int)x.Shape[0], (int)weight.Shape[0], (int)x.Shape[1]);
        var expected = new Tensor(DType.F32, T, N);
        Scalar.Linear(x, weight, Accumulation.Lanes16, expected);
        for (int t = 0; t < T; t++)
            expected.AsSpan<float>()[t * N] = 0;
        var apart = new E[N * (K + 3)];
        for (int n = 0; n < N; n++)
            weight.AsReadOnlySpan<E>().Slice(n * K, K).CopyTo(apart.AsSpan(n * (K + 3)));
        nint stride = (K + 3) * sizeof(E);
        var y = new Tensor(DType.F32, T, N);
        fixed (E* codes = apart)
        fixed (float* a = x.AsSpan<float>(), b = y.AsSpan<float>())
        {
            if (Isa.Has512)
            {
                Linear.Columns<LinearTiles512, TCodes>(a, K, T, (byte*)codes, stride, 1, N, K, cut, b, N);
                AssertSameBits(expected, y, $"{cut}, t={T}, n={N}, k={K}, {weight.DType}, 512 bits");
            }

            y.AsSpan<float>().Clear();
            Linear.Columns<LinearTilesNarrow<Lanes256>, TCodes>(a, K, T, (byte*)codes, stride, 1, N, K, cut, b, N);
            AssertSameBits(expected, y, $"{cut}, t={T}, n={N}, k={K}, {weight.DType}, 256 bits");
        }
    }

    [Theory]
    [InlineData(AccumulationKind.Sequential)]
    [InlineData(AccumulationKind.Exact)]
    [InlineData(AccumulationKind.Float64)]
    public void Rule_N7_every_accumulation_is_offered_by_both_backends(AccumulationKind kind)
    {
        foreach (DType y in new[] { DType.F32, DType.BF16 })
            Compare(3, 9, 77, DType.F32, DType.BF16, y, new Accumulation(kind), 2, false, 3);
    }

    [Fact]
    public void Rule_N7_an_unknown_accumulation_is_refused() =>
        Assert.Throws<ContractException>(() => Compare(1, 1, 1, DType.F32, DType.F32, DType.F32, new Accumulation((AccumulationKind)99), 1, false, 0));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Rule_N8_threads_change_nothing(int threads) =>
        Compare(37, 301, 260, DType.F32, DType.F32, DType.F32, Accumulation.Lanes16, threads, true, 5);

    [Fact]
    public void Rule_N1_a_row_alone_equals_the_row_in_a_batch()
    {
        foreach (int K in new[] { 48, 100, 2000 })
        {
            Tensor x = Values(DType.F32, 1, true, 11, K);
            Tensor w = Values(DType.BF16, 2, true, 10, K);
            var simd = new SimdBackend(1);
            var all = new Tensor(DType.F32, 11, 10);
            simd.Linear(x, w, Accumulation.Lanes16, all);
            for (int t = 0; t < 11; t++)
            {
                var one = new Tensor(DType.F32, 1, 10);
                simd.Linear(x.Rows(t, 1), w, Accumulation.Lanes16, one);
                AssertSameBits(all.Rows(t, 1), one, $"row {t} of K = {K}");
            }
        }
    }

    [Fact]
    public void Rule_N6_a_weight_at_any_alignment_gives_the_same_bits()
    {
        Tensor flat = Values(DType.F32, 4, false, 1000);
        Tensor x = Values(DType.F32, 5, false, 5, 40);
        for (int offset = 0; offset < 20; offset++)
        {
            Tensor w = flat.Rows(offset, 320).Reshape(8, 40);
            var expected = new Tensor(DType.F32, 5, 8);
            var actual = new Tensor(DType.F32, 5, 8);
            Scalar.Linear(x, w, Accumulation.Lanes16, expected);
            new SimdBackend(1).Linear(x, w, Accumulation.Lanes16, actual);
            AssertSameBits(expected, actual, $"offset {offset}");
        }
    }

    [Fact]
    public void Groups_equal_their_products_one_by_one()
    {
        int[] offsets = [0, 0, 3, 3, 10, 11];
        Tensor x = Values(DType.F32, 1, false, 11, 50);
        Tensor[] weights = [.. Enumerable.Range(0, 5).Select(g => Values(g % 2 == 0 ? DType.F32 : DType.BF16, 10 + g, false, 9, 50))];
        foreach (IBackend backend in new IBackend[] { Scalar, new SimdBackend(1), new SimdBackend(7) })
        {
            var y = new Tensor(DType.F32, 11, 9);
            backend.GroupedLinear(x, offsets, weights, Accumulation.Lanes16, y);
            for (int g = 0; g < 5; g++)
            {
                int rows = offsets[g + 1] - offsets[g];
                var alone = new Tensor(DType.F32, rows, 9);
                Scalar.Linear(x.Rows(offsets[g], rows), weights[g], Accumulation.Lanes16, alone);
                AssertSameBits(alone, y.Rows(offsets[g], rows), $"group {g} on {backend.Name}");
            }
        }
    }

    // Decoding: one token's experts have a row each, which is the same row before the activation and another after it.
    [Theory]
    [InlineData(1, false)]
    [InlineData(16, false)]
    [InlineData(48, true)]
    [InlineData(250, false)]
    [InlineData(256, true)]
    [InlineData(1041, true)]
    [InlineData(1041, false)]
    public void Rule_N1_single_rows_of_four_groups_give_the_bits_of_the_definition(int K, bool sameRow)
    {
        const int N = 13;
        // Five groups of one row, one of two, then four of one: fours that begin anywhere, and rows that are left over.
        int[] offsets = [0, 0, 1, 2, 2, 3, 4, 5, 7, 8, 9, 9, 10, 11];
        Tensor x = Values(DType.F32, K, false, 11, K);
        for (int t = 1; sameRow && t < 11; t++)
            x.Rows(0, 1).CopyTo(x.Rows(t, 1));
        foreach (DType dtype in new[] { DType.F32, DType.BF16 })
        {
            Tensor[] weights = [.. Enumerable.Range(0, offsets.Length - 1).Select(g => Values(dtype, K + g, false, N, K))];
            Tensor expected = new(DType.F32, 11, N), y = new(DType.F32, 11, N);
            Scalar.GroupedLinear(x, offsets, weights, Accumulation.Lanes16, expected);
            new SimdBackend(1).GroupedLinear(x, offsets, weights, Accumulation.Lanes16, y);
            AssertSameBits(expected, y, $"{dtype}, k={K}");
            if (dtype == DType.F32)
                SideBySide<Float32Codes>(x, weights, expected);
            else
                SideBySide<BFloat16Codes>(x, weights, expected);
        }
    }

    /// <summary>Rows 7 to 10 with the weights of groups 8, 9, 11 and 12, all columns but the first, whatever this processor's order of reading is.</summary>
    private static unsafe void SideBySide<TCodes>(Tensor x, Tensor[] weights, Tensor all) where TCodes : struct, IWeightCodes
    {
        if (!Isa.Has512)
            return;
        (int N, int K) = ((int)all.Shape[1], (int)x.Shape[1]);
        Tensor y = new(DType.F32, 4, N), expected = all.Rows(7, 4).Clone();
        byte** w = stackalloc byte*[4];
        fixed (float* a = x.Rows(7, 4).AsSpan<float>(), b = y.AsSpan<float>())
        fixed (byte* w0 = &weights[8].ByteOrigin, w1 = &weights[9].ByteOrigin, w2 = &weights[11].ByteOrigin, w3 = &weights[12].ByteOrigin)
        {
            w[0] = w0;
            w[1] = w1;
            w[2] = w2;
            w[3] = w3;
            FourWeights512.Rows<TCodes>(a, K, w, 1, N, K, b, N);
        }

        for (int i = 0; i < 4; i++)
            expected.AsSpan<float>()[i * N] = 0;
        AssertSameBits(expected, y, $"side by side, {typeof(TCodes).Name}, k={K}");
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        var backend = new SimdBackend(1);
        Assert.Throws<ShapeException>(() => backend.Linear(new Tensor(DType.F32, 2, 3), new Tensor(DType.F32, 4, 5), Accumulation.Lanes16, new Tensor(DType.F32, 2, 4)));
        Assert.Throws<ShapeException>(() => backend.Linear(new Tensor(DType.F32, 2, 3), new Tensor(DType.F32, 4, 3), Accumulation.Lanes16, new Tensor(DType.F32, 2, 5)));
        Assert.Throws<ShapeException>(() => backend.Linear(new Tensor(DType.I32, 2, 3), new Tensor(DType.F32, 4, 3), Accumulation.Lanes16, new Tensor(DType.F32, 2, 4)));
        Assert.Throws<ShapeException>(() => backend.GroupedLinear(
            new Tensor(DType.F32, 2, 3), [0, 1], [new Tensor(DType.F32, 4, 3)], Accumulation.Lanes16, new Tensor(DType.F32, 2, 4)));
    }
}
