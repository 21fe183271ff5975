using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

internal static partial class CaseOperations
{
    /// <summary><c>quantize[t=,k=]</c> with tile, arithmetic, scales, clamp, codes=e5m6.</summary>
    private static OperationCase Quantize(CaseFields f)
    {
        int t = f.Size("t");
        int k = f.Size("k");
        QuantizationTile tile = f.Choice("tile", QuantizationTile.Row1x128);
        DType codes = Codes(f);
        var attributes = new QuantizeAttributes(
            tile, f.Choice("arithmetic", QuantizerArithmetic.TritonActQuant), f.Choice("scales", codes == DType.U16 ? ScaleFormat.UE8M0 : ScaleFormat.F32),
            f.Choice("clamp", QuantizationClamp.Amax));
        f.Input("x", null, t, k);
        f.FixedOutput("codes", codes, t, k);
        f.FixedOutput("scales", DType.F32, new TileGrid(tile, t, k).ScaleShape(tile).Dimensions);
        return f.Build(Operation.Quantize, 2L * t * k, (b, c) => b.Quantize(c["x"], attributes, c["codes"], c["scales"]));
    }

    /// <summary><c>dequantize[t=,k=]</c> with tile, codes=e5m6 (all twelve bits at random), power=yes for scales that are powers of two, y.</summary>
    private static OperationCase Dequantize(CaseFields f)
    {
        int t = f.Size("t");
        int k = f.Size("k");
        QuantizationTile tile = f.Choice("tile", QuantizationTile.Row1x128);
        DType codes = Codes(f);
        f.FixedInput("codes", codes == DType.U16 ? "index:4096" : f.Map, codes, t, k);
        f.FixedInput("scales", f.Flag("power", false) ? "power" : "scale", DType.F32, new TileGrid(tile, t, k).ScaleShape(tile).Dimensions);
        f.Output("y", DType.F32, t, k);
        return f.Build(Operation.Dequantize, (long)t * k, (b, c) => b.Dequantize(c["codes"], c["scales"], tile, c["y"]));
    }

    private static DType Codes(CaseFields f) => f.Choice("codes", CodeFormat.E4M3) == CodeFormat.E4M3 ? DType.F8_E4M3 : DType.U16;

    private enum CodeFormat
    {
        E4M3,
        E5M6,
    }
}
