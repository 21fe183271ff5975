using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>How much of a signal a quantiser keeps.</summary>
/// <param name="Data">The kind of values.</param>
/// <param name="Format">E4M3 or E5M2.</param>
/// <param name="Scales">F32 or UE8M0.</param>
/// <param name="Tile">Which elements share a scale.</param>
/// <param name="Decibels">10 log10 of Σ x² over Σ (x - y)², y being code times scale: large values decide.</param>
/// <param name="ElementDecibels">-10 log10 of the mean of ((x - y) / x)² over x other than 0: each element weighs the same.</param>
/// <param name="Zeros">The part of elements other than 0 that became 0.</param>
internal sealed record QuantisationRow(string Data, string Format, ScaleFormat Scales, QuantizationTile Tile, double Decibels, double ElementDecibels, double Zeros);

/// <summary>Signal to quantisation noise by tile, format and scale format: what fine-grained scales are for (DeepSeek-V3 report 3.3.2; docs/spec/lab.md 2).</summary>
internal static class QuantisationExperiment
{
    /// <summary>The tiles, coarse to fine.</summary>
    public static readonly QuantizationTile[] Tiles = [QuantizationTile.PerTensor, QuantizationTile.PerChannel, QuantizationTile.Block128x128, QuantizationTile.Row1x128];

    /// <summary>The kinds of values.</summary>
    public static readonly string[] Data = ["bell", "logspread", "outlier", "channels"];

    private const float LargestE5M2 = 57344f;

    /// <summary>Quantises values [rows, columns] of each kind in each way.</summary>
    public static IReadOnlyList<QuantisationRow> Run(ulong seed, int rows, int columns, Action<int, int> report)
    {
        var results = new List<QuantisationRow>();
        int total = Data.Length * 2 * 2 * Tiles.Length;
        foreach (string data in Data)
        {
            float[] x = data == "channels" ? LabData.Channels(seed, "x", rows, columns) : LabData.Values(data, seed, "x", rows * columns);
            foreach (string format in (string[])["E4M3", "E5M2"])
            {
                foreach (ScaleFormat scales in (ScaleFormat[])[ScaleFormat.F32, ScaleFormat.UE8M0])
                {
                    foreach (QuantizationTile tile in Tiles)
                    {
                        var attributes = new QuantizeAttributes(tile, QuantizerArithmetic.TritonActQuant, scales);
                        float[] y = format == "E4M3" ? ThroughE4M3(x, rows, columns, attributes) : ThroughE5M2(x, rows, columns, attributes);
                        results.Add(Noise(data, format, attributes, x, y));
                        report(results.Count, total);
                    }
                }
            }
        }

        return results;
    }

    private static float[] ThroughE4M3(float[] x, int rows, int columns, QuantizeAttributes attributes)
    {
        var codes = new Float8E4M3[x.Length];
        float[] scales = new float[new TileGrid(attributes.Tile, rows, columns).Count], y = new float[x.Length];
        Quantize.Define(x, rows, columns, attributes, codes, scales);
        Dequantize.Define(codes, scales, rows, columns, attributes.Tile, y);
        return y;
    }

    /// <summary>The same rule with another format: no published quantiser of DeepSeek's writes E5M2, so that the library has no operation for it.</summary>
    private static float[] ThroughE5M2(float[] x, int rows, int columns, QuantizeAttributes attributes)
    {
        var grid = new TileGrid(attributes.Tile, rows, columns);
        float[] amax = new float[grid.Count], y = new float[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            int tile = grid.ScaleOf(i / columns, i % columns);
            amax[tile] = MathF.Max(amax[tile], MathF.Abs(x[i]));
        }

        TileScale[] scales = Array.ConvertAll(amax, a => TileScale.Of(a, LargestE5M2, attributes));
        for (int i = 0; i < x.Length; i++)
        {
            TileScale scale = scales[grid.ScaleOf(i / columns, i % columns)];
            y[i] = Float8E5M2.FromSingle(scale.Quotient(x[i]), Fp8Overflow.Saturate).ToSingle() * scale.Scale;
        }

        return y;
    }

    private static QuantisationRow Noise(string data, string format, QuantizeAttributes attributes, float[] x, float[] y)
    {
        double signal = 0, noise = 0, relative = 0;
        int lost = 0, values = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double difference = (double)x[i] - y[i];
            signal += (double)x[i] * x[i];
            noise += difference * difference;
            if (x[i] == 0)
                continue;
            values++;
            relative += difference / x[i] * (difference / x[i]);
            lost += y[i] == 0 ? 1 : 0;
        }

        return new QuantisationRow(data, format, attributes.ScaleFormat, attributes.Tile, 10 * Math.Log10(signal / noise), 10 * Math.Log10(values / relative), (double)lost / values);
    }
}
