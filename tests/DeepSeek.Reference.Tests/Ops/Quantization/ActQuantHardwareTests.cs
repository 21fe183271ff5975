using System.IO.Compression;
using System.Text.Json;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops.Quantization;

/// <summary>
/// <see cref="QuantizerArithmetic.TritonActQuantHopper"/> against golden/hardware/h100/verify/triton.json.gz: how many scales and codes of Triton's act_quant on an H100 were not
/// <see cref="QuantizerArithmetic.TritonActQuant"/>'s, and the bits of those that the report shows. All results were not kept.
/// </summary>
public sealed class ActQuantHardwareTests
{
    private static readonly Dictionary<string, JsonElement> Judged = Read();

    public static TheoryData<string> Cases => [.. Judged.Keys.Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Rule_N19_as_many_differ_from_a_division_as_on_the_hardware(string id)
    {
        var c = OperationCase.Parse(id);
        Tensor x = c.Prepare()["x"];
        QuantizeAttributes divides = new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, id.Contains("ue8m0", StringComparison.Ordinal) ? ScaleFormat.UE8M0 : ScaleFormat.F32);
        var backend = new SimdBackend(2);
        (byte[] codes, float[] scales) = QuantizeTests.Run(backend, x, divides);
        (byte[] hopperCodes, float[] hopperScales) = QuantizeTests.Run(backend, x, divides with { Arithmetic = QuantizerArithmetic.TritonActQuantHopper });

        Assert.Equal(Difference(id, "codes"), Difference(Widened(codes), Widened(hopperCodes)));
        Assert.Equal(Difference(id, "scales"), Difference(scales, hopperScales));
        int K = (int)x.Shape[1];
        foreach ((string output, int index, uint bits) in Shown(id, K))
            Assert.Equal(bits, output == "codes" ? hopperCodes[index] : BitConverter.SingleToUInt32Bits(hopperScales[index]));
    }

    /// <summary>The figures by which golden/hardware/h100/README.md and docs/spec/quantisation.md speak of it.</summary>
    [Theory]
    [InlineData("quantize[t=128,k=7168,x=bf16]", 4561, 1016)]
    [InlineData("quantize[t=128,k=7168,x=bf16,map=outlier]", 4384, 954)]
    [InlineData("quantize[t=128,k=7168,x=bf16,map=logspread]", 3872, 333)]
    [InlineData("quantize[t=128,k=7168,x=bf16,map=boundary]", 3, 0)]
    [InlineData("quantize[t=128,k=7168,x=bf16,map=special]", 6228, 757089)]
    [InlineData("quantize[t=128,k=7168,scales=ue8m0,x=bf16,map=special]", 6223, 757089)]
    public void The_report_has_the_published_figures(string id, int scales, int codes)
    {
        Assert.Equal(scales, Difference(id, "scales").All);
        Assert.Equal(codes, Difference(id, "codes").All);
    }

    /// <summary>
    /// Codes that are not a division's under TritonActQuantHopper, TorchCuda and TileLang, whose scales are its own, as Hopper's reciprocal of 448 is the rounded one. The hardware's 333 of logspread refuse
    /// the rounded reciprocal of the scale and the division; bell and outlier do not tell.
    /// </summary>
    [Theory]
    [InlineData("quantize[t=128,k=7168,x=bf16]", "1016 1016 1016")]
    [InlineData("quantize[t=128,k=7168,x=bf16,map=outlier]", "954 954 954")]
    [InlineData("quantize[t=128,k=7168,x=bf16,map=logspread]", "333 323 328")]
    public void Rule_N19_which_reciprocal_the_counts_tell(string id, string expected)
    {
        Assert.Equal(1f / Quantize.LargestE4M3, HopperMufu.ReciprocalFtz(Quantize.LargestE4M3));
        Tensor x = OperationCase.Parse(id).Prepare()["x"];
        var attributes = new QuantizeAttributes(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32);
        float[] Codes(QuantizerArithmetic a) => Widened(QuantizeTests.Run(new SimdBackend(2), x, attributes with { Arithmetic = a }).Codes);
        float[] codes = Codes(QuantizerArithmetic.TritonActQuant);
        string counts = string.Join(' ', ((QuantizerArithmetic[])[QuantizerArithmetic.TritonActQuantHopper, QuantizerArithmetic.TorchCuda, QuantizerArithmetic.TileLang])
            .Select(a => Difference(codes, Codes(a)).All));
        Assert.Equal(expected, counts);
    }

    /// <summary>Of the hardware's 7,168 tiles with power-of-two scales, 29 have a scale that is one before it is rounded up: there too it gave the scale by the bits, not the next.</summary>
    [Fact]
    public void Rule_N19_the_hardware_rounded_no_power_of_two_up_to_the_next()
    {
        Tensor x = OperationCase.Parse("quantize[t=128,k=7168,scales=ue8m0,x=bf16]").Prepare()["x"];
        var attributes = new QuantizeAttributes(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuantHopper, ScaleFormat.F32);
        float[] scales = QuantizeTests.Run(new SimdBackend(2), x, attributes).Scales;
        Assert.Equal(29, scales.Count(s => (BitConverter.SingleToUInt32Bits(s) & 0x7FFFFF) == 0));
        Assert.Equal((0, 0), Difference("quantize[t=128,k=7168,scales=ue8m0,x=bf16]", "scales"));
    }

    private static Dictionary<string, JsonElement> Read()
    {
        using var file = new GZipStream(File.OpenRead(Golden.Path("hardware", "h100", "verify", "triton.json.gz")), CompressionMode.Decompress);
        using var report = JsonDocument.Parse(file);
        var judged = new Dictionary<string, JsonElement>();
        foreach (JsonElement c in report.RootElement.GetProperty("cases").EnumerateArray())
        {
            if (c.GetProperty("id").GetString() is { } id && id.StartsWith("quantize[", StringComparison.Ordinal) && c.GetProperty("verdict").GetString() != "SKIP")
                judged[id] = c.Clone();
        }

        return judged;
    }

    /// <summary>What the report says of an output; nothing where the case was BITS.</summary>
    private static (int All, int Mask) Difference(string id, string output)
    {
        if (Errors(id, output) is { } errors)
            return (errors.GetProperty("mismatches").GetInt32(), errors.GetProperty("mask_mismatches").GetInt32());
        Assert.Equal("BITS", Judged[id].GetProperty("verdict").GetString());
        return (0, 0);
    }

    private static JsonElement? Errors(string id, string output)
    {
        if (!Judged[id].TryGetProperty("judged", out JsonElement judged))
            return null;
        JsonElement one = judged.GetProperty("outputs").EnumerateArray().Single(o => o.GetProperty("name").GetString() == output);
        return one.GetProperty("errors");
    }

    /// <summary>The elements that the report shows with their bits: the first that differs, and the worst.</summary>
    private static IEnumerable<(string Output, int Index, uint Bits)> Shown(string id, int K)
    {
        foreach (string output in (string[])["codes", "scales"])
        {
            foreach (string which in (string[])["first_mismatch", "worst_mismatch"])
            {
                if (Errors(id, output) is { } errors && errors.TryGetProperty(which, out JsonElement shown))
                {
                    int[] at = [.. shown.GetProperty("index").EnumerateArray().Select(i => i.GetInt32())];
                    yield return (output, at[0] * (output == "codes" ? K : K / TileGrid.Side) + at[1], Convert.ToUInt32(shown.GetProperty("actual").GetString(), 16));
                }
            }
        }
    }

    /// <summary>Elements whose bits differ, and those of them that are NaN or infinite on one side alone.</summary>
    private static (int All, int Mask) Difference(float[] a, float[] b)
    {
        (int All, int Mask) count = (0, 0);
        for (int i = 0; i < a.Length; i++)
        {
            if (BitConverter.SingleToUInt32Bits(a[i]) == BitConverter.SingleToUInt32Bits(b[i]))
                continue;
            count.All++;
            if (float.IsNaN(a[i]) != float.IsNaN(b[i]) || float.IsInfinity(a[i]) != float.IsInfinity(b[i]))
                count.Mask++;
        }

        return count;
    }

    private static float[] Widened(byte[] codes) => [.. codes.Select(c => Float8E4M3.FromBits(c).ToSingle())];
}
