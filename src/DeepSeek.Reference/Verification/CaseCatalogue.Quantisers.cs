using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

public static partial class CaseCatalogue
{
    /// <summary>Quantisers and back.</summary>
    private static IEnumerable<string> Quantisers()
    {
        foreach (QuantizationTile kind in Enum.GetValues<QuantizationTile>())
        {
            string tile = $"tile={kind}".ToLowerInvariant();
            // Tiles cut by both edges: 130 rows where a tile has 128, else 3.
            string size = kind is QuantizationTile.Column128x1 or QuantizationTile.Block128x128 ? "t=130,k=37" : "t=3,k=131";
            foreach (string arithmetic in Enum.GetNames<QuantizerArithmetic>())
            {
                foreach (string x in Floats)
                {
                    yield return $"quantize[{size},{tile},arithmetic={arithmetic.ToLowerInvariant()},x={x}]";
                    yield return $"quantize[{size},{tile},arithmetic={arithmetic.ToLowerInvariant()},scales=ue8m0,x={x}]";
                }

                yield return $"quantize[{size},{tile},arithmetic={arithmetic.ToLowerInvariant()},clamp=none,map=tie]";
            }

            // NaN and infinity, of which this arithmetic alone passes over the first.
            foreach (string scales in new[] { "f32", "ue8m0" })
                yield return $"quantize[{size},{tile},arithmetic=tritonactquanthopper,scales={scales},map=special]";
            yield return $"quantize[{size},{tile},arithmetic=tritonactquanthopper,clamp=scale,map=logspread,x=bf16]";

            foreach (string map in new[] { "uniform", "int", "logspread", "outlier", "boundary", "special", "tie" })
            {
                yield return $"quantize[{size},{tile},map={map}]";
                yield return $"quantize[{size},{tile},scales=ue8m0,map={map},x=bf16]";
                yield return $"quantize[{size},{tile},codes=e5m6,map={map}]";
                yield return $"dequantize[{size},{tile},map={map}]";
            }

            foreach (string a in Floats)
            {
                yield return $"quantize[{size},{tile},codes=e5m6,x={a}]";
                yield return $"quantize[{size},{tile},scales=ue8m0,clamp=scale,map=logspread,x={a}]";
                yield return $"quantize[{size},{tile},arithmetic=torchcuda,clamp=scale,map=logspread,x={a}]";
                yield return $"dequantize[{size},{tile},y={a}]";
                yield return $"dequantize[{size},{tile},power=yes,map=special,y={a}]";
                yield return $"dequantize[{size},{tile},codes=e5m6,y={a}]";
            }

            foreach ((int t, int k) in new[] { (0, 7), (7, 0), (0, 0), (1, 1), (1, 127), (1, 128), (1, 129), (127, 1), (128, 3), (129, 3), (7, 576), (2, 2049) })
            {
                yield return $"quantize[t={t},k={k},{tile}]";
                yield return $"dequantize[t={t},k={k},{tile}]";
            }

            // The 671B model's rows and weights.
            yield return $"quantize[t=2,k=7168,{tile},x=bf16]";
            yield return $"quantize[t=128,k=7168,{tile},x=bf16]";
            yield return $"quantize[t=576,k=7168,{tile}]";
            yield return $"dequantize[t=576,k=7168,{tile},y=bf16]";
        }

        // What an H100 was given by act_quant.
        foreach (string map in new[] { "bell", "outlier", "logspread", "boundary", "special" })
            yield return $"quantize[t=128,k=7168,arithmetic=tritonactquanthopper,x=bf16,map={map}]";
        // Two codes each that Hopper's reciprocal has alone, and no other arithmetic.
        foreach (string seed in new[] { "0x34", "0x5c" })
            yield return $"quantize[t=40,k=128,arithmetic=tritonactquanthopper,x=bf16,map=logspread,seed={seed}]";

        foreach (string contract in Contracts)
        {
            yield return $"quantize[t=2,k=2048,contract={contract}]";
            yield return $"dequantize[t=2,k=2048,contract={contract}]";
        }
    }
}
