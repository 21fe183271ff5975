using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

/// <summary>What quantising and dequantising ask of their tensors, the same for every managed backend.</summary>
internal static class QuantizationChecks
{
    /// <summary>x [T, K] of real numbers, codes [T, K] F8_E4M3 or U16, scales F32 by the tile.</summary>
    public static TileGrid Quantize(Tensor x, QuantizeAttributes attributes, Tensor codes, Tensor scales)
    {
        Operands.RequireFloat(x, "x");
        Operands.RequireRank(x, "x", 2);
        RequireCodes(codes);
        Operands.RequireShape(codes, "codes", x.Shape.Dimensions);
        Ops.Quantize.Require(attributes, codes.DType == DType.F8_E4M3 ? Ops.Quantize.LargestE4M3 : Ops.Quantize.LargestE5M6);
        Operands.ThrowIfReadOnly(codes);
        Operands.ThrowIfReadOnly(scales);
        return RequireScales(codes, attributes.Tile, scales);
    }

    /// <summary>codes [T, K] F8_E4M3 or U16, scales F32 by the tile, y [T, K] of real numbers.</summary>
    public static TileGrid Dequantize(Tensor codes, Tensor scales, QuantizationTile tile, Tensor y)
    {
        Operands.RequireDefined(tile);
        RequireCodes(codes);
        Operands.RequireRank(codes, "codes", 2);
        Operands.RequireOutput(y, "y", codes.Shape.Dimensions);
        return RequireScales(codes, tile, scales);
    }

    /// <summary>x [T, K] and y [T, N] of a product, codes [N, K] F8_E4M3 and their scales by blocks of 128 x 128.</summary>
    public static TileGrid Weights(Tensor x, Tensor codes, Tensor scales, Tensor y)
    {
        Operands.RequireRank(x, "x", 2);
        Operands.RequireRank(codes, "codes", 2);
        Operands.RequireShape(codes, "codes", [codes.Shape[0], x.Shape[1]]);
        Operands.RequireOutput(y, "y", x.Shape[0], codes.Shape[0]);
        return RequireScales(codes, QuantizationTile.Block128x128, scales);
    }

    private static void RequireCodes(Tensor codes)
    {
        if (codes.DType is not (DType.F8_E4M3 or DType.U16))
            throw new ShapeException($"codes is {codes}, expected F8_E4M3, or U16 for E5M6");
    }

    private static TileGrid RequireScales(Tensor codes, QuantizationTile tile, Tensor scales)
    {
        var grid = new TileGrid(tile, Operands.Dim(codes, 0), Operands.Dim(codes, 1));
        Operands.RequireType(scales, "scales", DType.F32);
        Operands.RequireShape(scales, "scales", grid.ScaleShape(tile).Dimensions);
        return grid;
    }
}
