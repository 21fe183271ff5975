using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tracing;
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
    public void Rule_N22_attention_reads_the_values_of_the_codes()
    {
        const int T = 12, H = 3, C = 18, R = 6;
        NumericContract contract = NumericContract.DeepSeekInference with { Cache = CacheFormat.Fp8 };
        using DeepSeekModel model = SyntheticModel.Make(SyntheticModel.V3, contract, Backend, DType.BF16);
        var trace = new TraceCollector(["layers.0.*"]);
        model.Forward([SyntheticModel.Ids(T, 1)], new ForwardOptions { Trace = trace });
        IReadOnlyDictionary<string, Tensor> t = trace.Tensors();

        var layer = new CacheLayer(CacheFormat.Fp8, DType.BF16, C, R);
        layer.Store(0, T, t["layers.0.c_kv"], t["layers.0.k_pe"], Backend);
        Tensor keys = layer.View(T, Backend, new Workspace());
        float scale = RopeTable.SoftmaxScale(13, new YarnParameters(4, 16, 32, 1, 1, 1), contract.MScale);
        var z = new Tensor(DType.BF16, T, H, C);
        Backend.Attention(t["layers.0.self_attn.q_absorbed"].Reshape(T, H, C + R), keys.Reshape(T, 1, C + R), null, new AttentionAttributes(scale, 0, contract.AttentionRounding, C, contract.Accumulation), z);
        Assert.True(z.AsBytes().SequenceEqual(t["layers.0.self_attn.latent_out"].AsBytes()));
    }

    [Theory]
    [InlineData(DType.BF16)]
    [InlineData(DType.F32)]
    public void Rule_N22_at_V3_s_size_a_token_is_FlashMLA_s_row(DType dtype)
    {
        const int T = 4;
        Tensor latent = Values(dtype, "latent", T, Fp8CacheRow.Latent), key = Values(dtype, "key", T, Fp8CacheRow.Rotated);
        var layer = new CacheLayer(CacheFormat.Fp8, dtype, Fp8CacheRow.Latent, Fp8CacheRow.Rotated);
        layer.Store(0, T, latent, key, Backend);
        (Tensor codes, Tensor scales, Tensor keys) = layer.Fp8Parts(T);
        ReadOnlySpan<float> read = Operands.Widen(layer.View(T, Backend, new Workspace()));
        for (int t = 0; t < T; t++)
        {
            var row = new byte[Fp8CacheRow.Bytes];
            Fp8CacheRow.Write([.. Operands.Widen(latent.Rows(t, 1)), .. Operands.Widen(key.Rows(t, 1))], row);
            byte[] joined = [.. codes.Rows(t, 1).AsBytes(), .. scales.Rows(t, 1).AsBytes(), .. keys.Rows(t, 1).AsBytes()];
            Assert.Equal(row, joined);
            var values = new BFloat16[Fp8CacheRow.Values];
            Fp8CacheRow.Read(row, values);
            float[] expected = [.. values.Select(v => (float)v)];
            Assert.Equal(expected, read.Slice(t * Fp8CacheRow.Values, Fp8CacheRow.Values).ToArray());
        }
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
