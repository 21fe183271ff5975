using System.Text.Json;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops.Quantization;

/// <summary>Rule N19 against data of other makers: 810 rows of each arithmetic, and the tensors of golden/oracles/fp8_units.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class QuantizerOracleTests
{
    private static readonly IBackend[] Backends = [new ScalarBackend(), new SimdBackend(1)];

    /// <summary>A column of golden/vectors/quantisers, and an arithmetic that it holds; power-of-two scales make one of all.</summary>
    public static TheoryData<QuantizerArithmetic, ScaleFormat, string, string> Columns
    {
        get
        {
            var data = new TheoryData<QuantizerArithmetic, ScaleFormat, string, string>
            {
                { QuantizerArithmetic.TritonActQuant, ScaleFormat.F32, "s_ieee", "y_ieee" },
                { QuantizerArithmetic.DeepGemm, ScaleFormat.F32, "s_ieee_mul", "y_ieee_mul" },
                { QuantizerArithmetic.TileLang, ScaleFormat.F32, "s_recip", "y_recip" },
                { QuantizerArithmetic.TorchCuda, ScaleFormat.F32, "s_recip", "y_recip" },
            };
            foreach (QuantizerArithmetic arithmetic in Enum.GetValues<QuantizerArithmetic>())
                data.Add(arithmetic, ScaleFormat.UE8M0, "s_ue8m0", "y_ue8m0");
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Columns))]
    public void Rule_N19_all_810_rows_of_a_column(QuantizerArithmetic arithmetic, ScaleFormat format, string scale, string codes)
    {
        int rows = 0;
        foreach (JsonElement row in Lines())
        {
            string hex = row.GetProperty("x").GetString()!;
            BFloat16[] x = [.. Enumerable.Range(0, 128).Select(k => BFloat16.FromBits(Convert.ToUInt16(hex.Substring(4 * k, 4), 16)))];
            foreach (IBackend backend in Backends)
            {
                (byte[] y, float[] s) = QuantizeTests.Run(backend, Tensor.From(x, 1, 128), new(QuantizationTile.Row1x128, arithmetic, format));
                Assert.Equal(row.GetProperty(scale).GetString(), $"{BitConverter.SingleToUInt32Bits(s[0]):x8}");
                Assert.Equal(row.GetProperty(codes).GetString(), Convert.ToHexStringLower(y));
            }

            rows++;
        }

        Assert.Equal(810, rows);
    }

    [Theory]
    [InlineData("f32", "none")]
    [InlineData("f32", "ue8m0")]
    [InlineData("bf16", "none")]
    [InlineData("bf16", "ue8m0")]
    public void Rule_N19_activations_of_the_oracle(string dtype, string format)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Golden.Path("oracles", "fp8_units", "oracle.safetensors"));
        Tensor y = file.Get($"act.{dtype}.{format}.y"), s = file.Get($"act.{dtype}.{format}.s");
        var attributes = new QuantizeAttributes(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, format == "none" ? ScaleFormat.F32 : ScaleFormat.UE8M0);
        foreach (IBackend backend in Backends)
        {
            (byte[] codes, float[] scales) = QuantizeTests.Run(backend, file.Get($"act.{dtype}.x"), attributes);
            Assert.Equal(y.AsBytes(), codes);
            Assert.Equal(s.AsReadOnlySpan<float>(), scales);
        }
    }

    [Fact]
    public void Rule_N19_weights_of_the_oracle_both_ways()
    {
        // 140 x 132: blocks cut by both edges.
        using SafetensorsFile file = SafetensorsFile.Open(Golden.Path("oracles", "fp8_units", "oracle.safetensors"));
        Tensor w = file.Get("weight.w"), q = file.Get("weight.q"), s = file.Get("weight.scale_inv");
        foreach (IBackend backend in Backends)
        {
            (byte[] codes, float[] scales) = QuantizeTests.Run(backend, w, new(QuantizationTile.Block128x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32));
            Assert.Equal(q.AsBytes(), codes);
            Assert.Equal(s.AsReadOnlySpan<float>(), scales);
            foreach (DType type in (DType[])[DType.F32, DType.BF16])
            {
                var y = new Tensor(type, q.Shape);
                backend.Dequantize(q, s, QuantizationTile.Block128x128, y);
                Assert.Equal(file.Get($"weight.dequant_{type.Name().ToLowerInvariant()}").AsBytes(), y.AsBytes());
            }
        }
    }

    [Theory]
    [InlineData(ScaleFormat.F32, 0x3BDB6DB7u, "0072797D7E7D7B77", 0x0B61F9CAu)]
    [InlineData(ScaleFormat.UE8M0, 0x3C000000u, "0071787B7C7C7A75", 0x8C61367Cu)]
    public void Rule_N19_a_sine_of_amplitude_3(ScaleFormat format, uint scale, string first, uint crc)
    {
        // x_k = bf16(3 sin 0.37k), its 128 codes kept as a CRC-32.
        float[] x = [.. Enumerable.Range(0, 128).Select(k => BFloat16.RoundToFloat((float)(3 * Math.Sin(0.37 * k))))];
        foreach (IBackend backend in Backends)
        {
            (byte[] codes, float[] scales) = QuantizeTests.Run(backend, Tensor.From(x, 1, 128), new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, format));
            Assert.Equal(scale, BitConverter.SingleToUInt32Bits(scales[0]));
            Assert.Equal(first, Convert.ToHexString(codes.AsSpan(0, 8)));
            Assert.Equal(crc, Crc(codes));
        }
    }

    /// <summary>CRC-32 of zlib and gzip: polynomial 0xEDB88320, reflected.</summary>
    private static uint Crc(byte[] data)
    {
        uint crc = 0xFFFFFFFF;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int i = 0; i < 8; i++)
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
        }

        return ~crc;
    }

    private static IEnumerable<JsonElement> Lines() =>
        VectorLines.ReadJson(Golden.Path("vectors", "quantisers", "act_quant_1x128.jsonl.gz")).Select(line => line.Json);
}
