using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Model;

/// <summary>The FP8 latent cache (rule N22).</summary>
public class Fp8CacheTests
{
    private static readonly SimdBackend Backend = new(1);

    [Theory]
    [InlineData(DType.BF16)]
    [InlineData(DType.F32)]
    public void Rule_N22_what_is_read_is_code_times_a_power_of_two_and_the_rotated_key_in_bfloat16(DType dtype)
    {
        const int C = 200, R = 6, T = 5;
        Tensor latent = Values(dtype, "latent", T, C), key = Values(dtype, "key", T, R);
        var layer = new CacheLayer(CacheFormat.Fp8, dtype, C, R);
        layer.Store(0, 8, latent.Rows(0, 2), key.Rows(0, 2), Backend);
        layer.Store(2, 16, latent.Rows(2, 3), key.Rows(2, 3), Backend);

        ReadOnlySpan<float> x = Operands.Widen(latent), k = Operands.Widen(key), y = Operands.Widen(layer.View(T, Backend, new Workspace()));
        for (int t = 0; t < T; t++)
        {
            for (int from = 0; from < C; from += 128)
            {
                int count = Math.Min(128, C - from);
                float amax = 0;
                for (int i = 0; i < count; i++)
                    amax = MathF.Max(amax, MathF.Abs(x[(t * C) + from + i]));
                // The scale, not amax, is held at 1e-4 or more: its power of two is 2^-13.
                float s = MathF.ScaleB(1, -13);
                while (s < amax / 448)
                    s *= 2;
                for (int i = 0; i < count; i++)
                    Assert.Equal(Float8E4M3.FromSingle(x[(t * C) + from + i] / s, Fp8Overflow.Saturate).ToSingle() * s, y[(t * (C + R)) + from + i]);
            }

            for (int i = 0; i < R; i++)
                Assert.Equal(BFloat16.RoundToFloat(k[(t * R) + i]), y[(t * (C + R)) + C + i]);
        }
    }

    [Fact]
    public void A_token_takes_656_bytes_a_layer_at_V3_s_size()
    {
        DeepSeekConfig config = DeepSeekConfig.Load(Golden.Path("configs", "deepseek-v3", "config.json"));
        Assert.Equal(61 * 656, new LatentCache(config, NumericContract.DeepSeekInference with { Cache = CacheFormat.Fp8 }).BytesPerToken);
        Assert.Equal((61L * 656, 62L * 656), (new ParameterTable(config).Fp8CacheBytesPerToken(), new ParameterTable(config).Fp8CacheBytesPerToken(withMtp: true)));
    }

    [Fact]
    public void Attention_reads_the_values_of_the_codes()
    {
        int[] ids = SyntheticModel.Ids(12, 1);
        using DeepSeekModel plain = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, Backend);
        using DeepSeekModel cached = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical with { Cache = CacheFormat.Fp8 }, Backend);
        Assert.InRange(TensorComparison.Compare(plain.Forward([ids]), cached.Forward([ids])).RelativeL2, 1e-3, 0.2);
    }

    [Fact]
    public void Rule_N17_a_cache_never_mixes_formats()
    {
        using DeepSeekModel plain = SyntheticModel.Make(SyntheticModel.V3, NumericContract.Canonical, Backend);
        var cache = new LatentCache(SyntheticModel.V3, NumericContract.Canonical with { Cache = CacheFormat.Fp8 });
        Assert.Contains("Fp8", Assert.Throws<ContractException>(() => plain.Forward([1], [cache])).Message, StringComparison.Ordinal);
    }

    /// <summary>Values over several powers of two, a tile of small ones and a row of zeros among them.</summary>
    private static Tensor Values(DType dtype, string name, int rows, int columns)
    {
        var wide = new Tensor(DType.F32, rows, columns);
        Span<float> values = wide.AsSpan<float>();
        new RandomStream(7, name).Fill(ValueMap.LogSpread, 0, values);
        for (int i = 0; i < columns; i++)
        {
            values[i] *= 1e-4f;
            values[columns + i] = 0;
        }

        var y = new Tensor(dtype, rows, columns);
        Backend.Cast(wide, y);
        return y;
    }
}
