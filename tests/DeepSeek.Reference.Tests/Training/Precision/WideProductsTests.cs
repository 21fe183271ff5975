using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>Fprop, Dgrad and Wgrad of bfloat16 values as a matrix unit adds them up: the unit's own chain over the index that each sums, written out here.</summary>
public class WideProductsTests
{
    /// <summary>No multiple of the unit's sixteen, and beyond it.</summary>
    private const int T = 21, N = 35, K = 19;

    private static readonly TensorCore unit = TensorCore.HopperWgmmaBF16F32;

    public static TheoryData<string> Backends => ["scalar", "simd"];

    [Theory]
    [MemberData(nameof(Backends))]
    public void Rule_N20_Fprop_is_a_chain_over_k(string backend)
    {
        Tensor x = Values("x", T, K), w = Values("w", N, K), y = new(DType.F32, T, N);
        Make(backend).Fprop(x, Narrow(w), y);
        Compare(y, T, N, (t, n) => Chain(K, k => At(x, t, k), k => At(w, n, k)));
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void Rule_N20_Dgrad_is_a_chain_over_n(string backend)
    {
        Tensor dy = Values("dy", T, N), w = Values("w", N, K), dx = new(DType.F32, T, K);
        Make(backend).Dgrad(dy, Narrow(w), dx);
        Compare(dx, T, K, (t, k) => Chain(N, n => At(dy, t, n), n => At(w, n, k)));
    }

    /// <summary>From +0, then one addition (rule N16).</summary>
    [Theory]
    [MemberData(nameof(Backends))]
    public void Rule_N16_Wgrad_is_a_chain_over_positions_that_is_added_once(string backend)
    {
        Tensor dy = Values("dy", T, N), x = Values("x", T, K), dW = Values("held", N, K), held = dW.Clone();
        Tensor inBlocks = dW.Clone();
        Make(backend).Wgrad(dy, x, dW);
        Compare(dW, N, K, (n, k) => At(held, n, k) + Chain(T, t => At(dy, t, n), t => At(x, t, k)));
        Make(backend, blockValues: 4 * K).Wgrad(dy, x, inBlocks);
        Compare(inBlocks, N, K, (n, k) => At(dW, n, k));
    }

    /// <summary>Infinities, NaNs, subnormal numbers, zeros of both signs: as the unit has them, in each product.</summary>
    [Theory]
    [MemberData(nameof(Backends))]
    public void Rule_N20_special_values_are_the_units(string backend)
    {
        float[] special = [float.PositiveInfinity, float.NegativeInfinity, float.NaN, 0f, -0f, MathF.ScaleB(1, -133), -MathF.ScaleB(3, -132), MathF.ScaleB(255, 120)];
        Tensor dy = Values("dy", T, N), x = Values("x", T, K), w = Values("w", N, K), y = new(DType.F32, T, N), dx = new(DType.F32, T, K), dW = new(DType.F32, N, K);
        for (int i = 0; i < special.Length; i++)
        {
            dy.AsSpan<float>()[i * (N + 1)] = x.AsSpan<float>()[i * (K + 1)] = special[i];
            w.AsSpan<float>()[i * (K + 1)] = special[(3 * i + 1) % special.Length];
        }

        WideProducts products = Make(backend);
        products.Fprop(x, Narrow(w), y);
        products.Dgrad(dy, Narrow(w), dx);
        products.Wgrad(dy, x, dW);
        Compare(y, T, N, (t, n) => Chain(K, k => At(x, t, k), k => At(w, n, k)));
        Compare(dx, T, K, (t, k) => Chain(N, n => At(dy, t, n), n => At(w, n, k)));
        Compare(dW, N, K, (n, k) => 0f + Chain(T, t => At(dy, t, n), t => At(x, t, k)));
        Assert.True(y.AsReadOnlySpan<float>().ContainsAny(float.NaN, float.PositiveInfinity) && dx.AsReadOnlySpan<float>().Contains(float.NegativeInfinity));
    }

    /// <summary>Each expert's own rows and weight; one without rows keeps its gradient.</summary>
    [Theory]
    [MemberData(nameof(Backends))]
    public void Rule_N16_experts_have_their_own_chains(string backend)
    {
        int[] offsets = [0, 5, 5, T];
        Tensor dy = Values("dy", T, N), x = Values("x", T, K), y = new(DType.F32, T, N), dx = new(DType.F32, T, K);
        Tensor[] w = [Values("a", N, K), Values("b", N, K), Values("c", N, K)], narrow = Array.ConvertAll(w, Narrow), dW = [Values("d", N, K), Values("e", N, K), Values("f", N, K)];
        Tensor[] held = Array.ConvertAll(dW, g => g.Clone());
        WideProducts products = Make(backend);
        products.GroupedFprop(x, offsets, narrow, y);
        products.GroupedDgrad(dy, offsets, narrow, dx);
        products.GroupedWgrad(dy, x, offsets, dW);
        Compare(y, T, N, (t, n) => Chain(K, k => At(x, t, k), k => At(w[t < 5 ? 0 : 2], n, k)));
        Compare(dx, T, K, (t, k) => Chain(N, n => At(dy, t, n), n => At(w[t < 5 ? 0 : 2], n, k)));
        Compare(dW[0], N, K, (n, k) => At(held[0], n, k) + Chain(5, t => At(dy, t, n), t => At(x, t, k)));
        Assert.Equal(held[1].AsReadOnlySpan<float>().ToArray(), dW[1].AsReadOnlySpan<float>().ToArray());
        Compare(dW[2], N, K, (n, k) => At(held[2], n, k) + Chain(T - 5, t => At(dy, 5 + t, n), t => At(x, 5 + t, k)));
    }

    /// <summary>Every operand has been rounded by a named cast: with one of them left out, the unit has nothing to multiply.</summary>
    [Theory]
    [InlineData(CastPoint.NormOutput)]
    [InlineData(CastPoint.SwiGluGradient)]
    [InlineData(CastPoint.HeadGradient)]
    [InlineData(CastPoint.GateGradient)]
    public void An_operand_that_is_no_bfloat16_is_refused(CastPoint point)
    {
        TrainingPrecision precision = TrainingPrecision.BF16 with { BFloat16Sums = Accumulation.TensorCore(unit) };
        PrecisionModel.Gradients(precision);
        string message = Assert.Throws<ContractException>(() => PrecisionModel.Gradients(precision.With(point, CastFormat.None))).Message;
        Assert.Contains("hopper-wgmma-bf16-f32 multiplies bfloat16", message, StringComparison.Ordinal);
    }

    private static WideProducts Make(string backend, long blockValues = WideProducts.BlockValues)
    {
        IBackwardBackend runs = backend == "scalar" ? new ScalarBackend() : new SimdBackend(2);
        TrainingPrecision precision = TrainingPrecision.BF16 with { BFloat16Sums = Accumulation.TensorCore(unit) };
        return new WideProducts(runs, new Casts(precision, runs), Accumulation.TensorCore(unit), blockValues);
    }

    /// <summary>The unit's instructions, one after another from +0; elements beyond the last are +0.</summary>
    private static float Chain(int length, Func<int, float> a, Func<int, float> b)
    {
        uint c = 0;
        for (int start = 0; start < length; start += unit.K)
        {
            uint[] ak = new uint[unit.K], bk = new uint[unit.K];
            for (int i = 0; i < unit.K && start + i < length; i++)
                (ak[i], bk[i]) = (BitConverter.SingleToUInt32Bits(a(start + i)) >> 16, BitConverter.SingleToUInt32Bits(b(start + i)) >> 16);
            c = unit.Define(ak, bk, c);
        }

        return BitConverter.UInt32BitsToSingle(c);
    }

    /// <summary>bfloat16 values of sizes that the unit's alignment cuts.</summary>
    private static Tensor Values(string name, int rows, int columns)
    {
        float[] values = new float[rows * columns];
        new RandomStream(7, name).Fill(ValueMap.Bell, 0, values);
        for (int i = 0; i < values.Length; i++)
            values[i] = MathF.ScaleB(values[i], i % 23 - 11);
        BFloat16Spans.RoundInPlace(values);
        return Tensor.From(values, rows, columns);
    }

    private static Tensor Narrow(Tensor x)
    {
        var narrow = new Tensor(DType.BF16, x.Shape);
        BFloat16Spans.Round(x.AsReadOnlySpan<float>(), narrow.AsSpan<BFloat16>());
        return narrow;
    }

    private static float At(Tensor x, int row, int column) => x.AsReadOnlySpan<float>()[row * (int)x.Shape[1] + column];

    private static void Compare(Tensor actual, int rows, int columns, Func<int, int, float> expected)
    {
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
                Assert.Equal(BitConverter.SingleToUInt32Bits(expected(i, j)), BitConverter.SingleToUInt32Bits(At(actual, i, j)));
        }
    }
}
