using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using Xunit;

namespace DeepSeek.Reference.Tests.Backends;

/// <summary>Operands of more than 2^31 elements, all in one buffer: to touch four gigabytes for the first time takes longer than to work on them.</summary>
public sealed class LargeTensorTests(LargeTensorTests.Buffer buffer) : IClassFixture<LargeTensorTests.Buffer>
{
    // Rows x Width is beyond 2^31, and no block of rows divides it.
    private const int Rows = (1 << 15) + 3;
    private const int Width = 1 << 16;

    /// <summary>Rows at the ends of the tensor, at the ends of a block, and on both sides of element 2^31.</summary>
    private static readonly int[] Planted = [0, 127, 128, (1 << 15) - 1, 1 << 15, Rows - 1];

    private readonly Tensor large = buffer.Zeroed(Planted);

    public static TheoryData<string> Backends => ["scalar", "simd"];

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_product_takes_a_BF16_x_beyond_2_31_elements(string backend)
    {
        var weight = new Tensor(DType.BF16, 1, Width);
        weight.AsSpan<BFloat16>()[Width - 7] = BFloat16.Round(3);
        foreach (int t in Planted)
            Row(large, t)[Width - 7] = BFloat16.Round(t % 97 + 1);
        var y = new Tensor(DType.F32, Rows, 1);
        y.AsSpan<float>().Fill(float.NaN);
        Make(backend).Linear(large, weight, Accumulation.Lanes16, y);

        ReadOnlySpan<float> result = y.AsReadOnlySpan<float>();
        for (int t = 0; t < Rows; t++)
            Assert.Equal(Planted.Contains(t) ? 3 * (t % 97 + 1) : 0, result[t]);
    }

    [Fact]
    public void A_product_takes_a_BF16_weight_beyond_2_31_elements()
    {
        var x = new Tensor(DType.BF16, 1, Width);
        x.AsSpan<BFloat16>()[5] = BFloat16.Round(-2);
        foreach (int n in Planted)
            Row(large, n)[5] = BFloat16.Round(n % 97 + 1);
        var y = new Tensor(DType.F32, 1, Rows);
        new SimdBackend().Linear(x, large, Accumulation.Lanes16, y);

        ReadOnlySpan<float> result = y.AsReadOnlySpan<float>();
        for (int n = 0; n < Rows; n++)
            Assert.Equal(Planted.Contains(n) ? -2 * (n % 97 + 1) : 0, result[n]);
    }

    [Fact]
    public void A_grouped_product_gives_a_BF16_y_beyond_2_31_elements()
    {
        // The buffer's own width: as many outputs for the least of x and of weights to draw. One register of products each.
        const int K = 16, Second = 1000;
        Tensor x = new Samples(1).Tensor(DType.BF16, true, Rows, K);
        Tensor[] weights = [new Samples(2).Tensor(DType.BF16, true, Width, K), new Samples(3).Tensor(DType.BF16, true, Width, K)];
        buffer.Dirty();
        new SimdBackend().GroupedLinear(x, [0, Second, Rows], weights, Accumulation.Lanes16, large);

        var expected = new Tensor(DType.BF16, 1, Width);
        foreach (int t in (int[])[.. Planted, Second - 1, Second])
        {
            new ScalarBackend().Linear(x.Rows(t, 1), weights[t < Second ? 0 : 1], Accumulation.Lanes16, expected);
            Assert.True(Samples.Same(expected, large.Rows(t, 1)), $"row {t}");
        }
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_block_scaled_product_gives_a_BF16_y_beyond_2_31_elements(string backend)
    {
        // A group for each row, and only the planted rows count: little is computed, and no other row may be written.
        var x = new Tensor(DType.F8_E4M3, Rows, 1, 1);
        var xScale = new Tensor(DType.F32, Rows, 1, 1);
        var weight = new Tensor(DType.F8_E4M3, Width, 1);
        var weightScale = new Tensor(DType.F32, Width / 128, 1);
        var counts = new Tensor(DType.I32, Rows);
        weightScale.AsSpan<float>().Fill(0.5f);
        xScale.AsSpan<float>().Fill(2);
        foreach (int t in Planted)
            (x.AsSpan<Float8E4M3>()[t], counts.AsSpan<int>()[t]) = (Float8E4M3.FromSingle(t % 7 + 1, Fp8Overflow.Saturate), 1);
        for (int n = 0; n < Width; n++)
            weight.AsSpan<Float8E4M3>()[n] = Float8E4M3.FromSingle(n % 5 - 8, Fp8Overflow.Saturate);
        Tensor[] weights = [.. Enumerable.Repeat(weight, Rows)], scales = [.. Enumerable.Repeat(weightScale, Rows)];
        Make(backend).MaskedScaledLinear(x, xScale, counts, weights, scales, ScaledProduct.DeepGemmSm90, large.Reshape(Rows, 1, Width));

        for (int t = 0; t < Rows; t++)
        {
            if (!Planted.Contains(t))
                Assert.Equal(0, Row(large, t)[t].Bits);
            else
                Assert.Equal(Enumerable.Range(0, Width).Select(n => (float)(t % 7 + 1) * (n % 5 - 8)), Row(large, t).ToArray().Select(y => y.ToSingle()));
        }
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void An_element_wise_operation_works_beyond_2_31_elements(string backend)
    {
        foreach (int t in Planted)
            Row(large, t)[Width - 1] = BFloat16.Round(t % 97 + 1);
        Make(backend).Add(large, large, large);
        foreach (int t in Planted)
            Assert.Equal(2 * (t % 97 + 1), Row(large, t)[Width - 1].ToSingle());
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void Embedding_reads_beyond_2_31_elements(string backend)
    {
        foreach (int v in Planted)
            Row(large, v)[v % Width] = BFloat16.Round(v % 97 + 1);
        var y = new Tensor(DType.BF16, Planted.Length, Width);
        Make(backend).Embedding(large, Tensor.From(Planted, Planted.Length), y);

        for (int t = 0; t < Planted.Length; t++)
            Assert.True(Row(large, Planted[t]).SequenceEqual(Row(y, t)), $"row {Planted[t]}");
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void Embedding_writes_beyond_2_31_elements(string backend)
    {
        Tensor table = new Samples(4).Tensor(DType.BF16, true, 7, Width);
        int[] ids = [.. Enumerable.Range(0, Rows).Select(t => t % 7)];
        buffer.Dirty();
        Make(backend).Embedding(table, Tensor.From(ids, Rows), large);

        foreach (int t in Planted)
            Assert.True(Row(table, t % 7).SequenceEqual(Row(large, t)), $"row {t}");
    }

    [Fact]
    public void A_dimension_beyond_2_31_is_refused_with_the_tensor()
    {
        const long Count = 1L << 31;
        var x = new Tensor(DType.BF16, Count, 1);
        var weight = new Tensor(DType.BF16, 1, 1);
        var y = new Tensor(DType.BF16, Count, 1);

        Assert.Contains("BF16 [2147483648, 1]", Assert.Throws<ShapeException>(() => new SimdBackend().Linear(x, weight, Accumulation.Lanes16, y)).Message);
        Assert.Contains("BF16 [2147483648, 1]", Assert.Throws<ShapeException>(() => new ScalarBackend().Softmax(x, y)).Message);
    }

    private static IBackend Make(string name) => name == "scalar" ? new ScalarBackend() : new SimdBackend();

    private static Span<BFloat16> Row(Tensor t, int row) => t.Rows(row, 1).AsSpan<BFloat16>();

    /// <summary>The one large tensor. Tests run one after another; what a test left in it is cleared before the next.</summary>
    public sealed class Buffer : IDisposable
    {
        private Tensor? large = new(DType.BF16, Rows, Width);
        private bool dirty;

        /// <summary>Says that a test writes everywhere, not in the planted rows alone.</summary>
        internal void Dirty() => dirty = true;

        /// <summary>The tensor, all zeros.</summary>
        internal Tensor Zeroed(ReadOnlySpan<int> planted)
        {
            if (dirty)
            {
                for (int t = 0; t < Rows; t++)
                    Row(large!, t).Clear();
            }

            foreach (int t in planted)
                Row(large!, t).Clear();
            dirty = false;
            return large!;
        }

        /// <summary>Gigabytes should not wait for the next collection.</summary>
        public void Dispose()
        {
            large = null;
            GC.Collect();
        }
    }
}
