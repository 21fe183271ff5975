using DeepSeek.Reference.Ops;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops.Quantization;

/// <summary>Rule N19: with power-of-two scales, rows of 1 x 128 become columns of 128 x 1 without a second rounding.</summary>
public class RetileTests
{
    private static readonly QuantizeAttributes Rows = new(QuantizationTile.Row1x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.UE8M0);
    private static readonly QuantizeAttributes Columns = Rows with { Tile = QuantizationTile.Column128x1 };

    [Property(MaxTest = 200)]
    public bool Rule_N19_retiling_by_powers_of_two_is_exact_where_the_result_is_normal(int seed)
    {
        (float[] x, int T, int K) = Values(seed);
        var codes = new Float8E4M3[x.Length];
        var again = new Float8E4M3[x.Length];
        float[] scales = new float[T * ((K + 127) / 128)], others = new float[(T + 127) / 128 * K], y = new float[x.Length], z = new float[x.Length];
        Quantize.Define(x, T, K, Rows, codes, scales);
        Retile.Define(codes, scales, T, K, QuantizationTile.Row1x128, Columns, again, others);
        Dequantize.Define(codes, scales, T, K, QuantizationTile.Row1x128, y);
        Dequantize.Define(again, others, T, K, QuantizationTile.Column128x1, z);
        return Exact(y, z, others, K, smallestNormal: 1f / 64, smallest: 1f / 512);
    }

    [Property(MaxTest = 200)]
    public bool Rule_N19_retiling_E5M6_likewise(int seed)
    {
        (float[] x, int T, int K) = Values(seed);
        var codes = new FloatE5M6[x.Length];
        var again = new FloatE5M6[x.Length];
        float[] scales = new float[T * ((K + 127) / 128)], others = new float[(T + 127) / 128 * K], y = new float[x.Length], z = new float[x.Length];
        Quantize.Define(x, T, K, Rows, codes, scales);
        Retile.Define(codes, scales, T, K, QuantizationTile.Row1x128, Columns, again, others);
        Dequantize.Define(codes, scales, T, K, QuantizationTile.Row1x128, y);
        Dequantize.Define(again, others, T, K, QuantizationTile.Column128x1, z);
        return Exact(y, z, others, K, smallestNormal: 1f / (1 << 14), smallest: 1f / (1 << 20));
    }

    [Fact]
    public void Rule_N19_other_scales_quantise_a_second_time()
    {
        // Two rows of one element: 1 has the scale 1/448 and code 7E in its row; in its column beside 1.3 it has another.
        float[] x = [1f, 1.3f];
        QuantizeAttributes rows = Rows with { ScaleFormat = ScaleFormat.F32 }, columns = Columns with { ScaleFormat = ScaleFormat.F32 };
        Float8E4M3[] codes = new Float8E4M3[2], again = new Float8E4M3[2];
        float[] scales = new float[2], others = new float[1], z = new float[2];
        Quantize.Define(x, 2, 1, rows, codes, scales);
        Retile.Define(codes, scales, 2, 1, QuantizationTile.Row1x128, columns, again, others);
        Dequantize.Define(again, others, 2, 1, QuantizationTile.Column128x1, z);
        Assert.Equal([0x7E, 0x7E], codes.Select(c => (int)c.Bits));
        Assert.Equal([0x7B, 0x7E], again.Select(c => (int)c.Bits));
        Assert.NotEqual(1f, z[0]);
    }

    /// <summary>Equal where y is at least the smallest normal number times the new scale; elsewhere off by half of the smallest number at most.</summary>
    private static bool Exact(float[] y, float[] z, float[] scales, int K, float smallestNormal, float smallest)
    {
        for (int i = 0; i < y.Length; i++)
        {
            float s = scales[i / K / 128 * K + i % K];
            bool good = MathF.Abs(y[i]) >= smallestNormal * s ? y[i] == z[i] : MathF.Abs(y[i] - z[i]) <= smallest * s / 2;
            if (!good)
                return false;
        }

        return true;
    }

    private static (float[] X, int T, int K) Values(int seed)
    {
        var random = new Random(seed);
        int T = 1 + random.Next(200), K = 1 + random.Next(200);
        float[] x = new float[T * K];
        int spread = random.Next(1, 30);
        for (int i = 0; i < x.Length; i++)
            x[i] = (float)(random.NextDouble() * 2 - 1) * MathF.ScaleB(1f, random.Next(-spread, 1));
        return (x, T, K);
    }
}
