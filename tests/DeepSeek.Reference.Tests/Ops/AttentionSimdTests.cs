using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>The twin's bits are the definition's (rules N1, N6, N8).</summary>
public class AttentionSimdTests
{
    private static readonly ScalarBackend scalar = new();

    [Property(MaxTest = 300)]
    public void Rule_N1_simd_equals_the_definition_in_every_bit(int seed)
    {
        var data = new AttentionCase(seed);
        Same(data.Run(scalar), data.Run(new SimdBackend(2)), data);
    }

    [Property(MaxTest = 200)]
    public void Rule_N1_every_vector_width_equals_the_definition_in_every_bit(int seed)
    {
        var data = new AttentionCase(seed);
        data.Attributes = data.Attributes with { Accumulation = Accumulation.Lanes16 };
        uint[] expected = data.Run(scalar);
        if (Isa.Has512)
            Same(expected, data.Run(AtWidth<Lanes512>()), data);
        if (Isa.Has256)
            Same(expected, data.Run(AtWidth<Lanes256>()), data);
        if (Isa.Any)
            Same(expected, data.Run(AtWidth<Lanes128>()), data);
    }

    [Property(MaxTest = 60)]
    public void Rule_N8_the_number_of_threads_changes_no_bit(int seed)
    {
        var data = new AttentionCase(seed);
        uint[] expected = data.Run(new SimdBackend(1));
        Same(expected, data.Run(new SimdBackend(2)), data);
        Same(expected, data.Run(new SimdBackend(7)), data);
    }

    [Theory]
    [InlineData(3, 16, 1, 160, 128, 1100, true)]
    [InlineData(1, 16, 1, 576, 512, 1030, true)]
    [InlineData(2, 3, 3, 192, 128, 600, false)]
    [InlineData(3, 7, 1, 131, 66, 90, true)]
    [InlineData(37, 2, 2, 150, 34, 77, false)]
    [InlineData(70, 2, 2, 24, 72, 70, false)]
    [InlineData(2, 130, 1, 20, 20, 40, true)]
    public void Rule_N6_blocks_of_keys_and_of_rows_change_no_bit(int S, int H, int Hk, int D, int Dv, int T, bool shares)
    {
        var random = new Random(S + T);
        Tensor Uniform(DType dtype, params ReadOnlySpan<long> shape)
        {
            var t = new Tensor(DType.F32, shape);
            foreach (ref float x in t.AsSpan<float>())
                x = random.NextSingle() - 0.5f;
            return t.As(dtype);
        }

        foreach (DType dtype in new[] { DType.F32, DType.BF16 })
        {
            Tensor q = Uniform(dtype, S, H, D), keys = Uniform(dtype, T, Hk, D);
            Tensor? values = shares ? null : Uniform(dtype, T, Hk, Dv);
            var attributes = new AttentionAttributes(0.25f, T - S, AttentionRounding.None, 0, Accumulation.Lanes16);
            var expected = new Tensor(DType.F32, S, H, Dv);
            var actual = new Tensor(DType.F32, S, H, Dv);
            scalar.Attention(q, keys, values, attributes, expected);
            new SimdBackend(2).Attention(q, keys, values, attributes, actual);
            Assert.Equal(expected.Bits(), actual.Bits());
        }
    }

    private static Action<Tensor, Tensor, Tensor?, AttentionAttributes, Tensor, Tensor?> AtWidth<T>() where T : struct, ILanes<T> =>
        (q, keys, values, attributes, y, lse) =>
        {
            AttentionShape shape = AttentionShape.Of(q, keys, values, attributes, y, lse);
            var blocks = new QueryBlocks(shape, 3);
            Attention.Simd<T>(new AttentionOperands(q, keys, values ?? keys, shape, attributes, y, lse), blocks, 0, blocks.Count);
        };

    private static void Same(uint[] expected, uint[] actual, AttentionCase data)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.True(expected[i] == actual[i], $"element {i}: {expected[i]:X8} expected, {actual[i]:X8} found; {data}");
    }
}
