using System.Runtime.InteropServices;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class ScalarBackend
{
    /// <inheritdoc/>
    public void Quantize(Tensor x, QuantizeAttributes attributes, Tensor codes, Tensor scales)
    {
        QuantizationChecks.Quantize(x, attributes, codes, scales);
        int T = Operands.Dim(x, 0), K = Operands.Dim(x, 1);
        if (codes.DType == DType.F8_E4M3)
            Ops.Quantize.Define(Operands.Widen(x), T, K, attributes, codes.AsSpan<Float8E4M3>(), scales.AsSpan<float>());
        else
            Ops.Quantize.Define(Operands.Widen(x), T, K, attributes, MemoryMarshal.Cast<ushort, FloatE5M6>(codes.AsSpan<ushort>()), scales.AsSpan<float>());
    }

    /// <inheritdoc/>
    public void Dequantize(Tensor codes, Tensor scales, QuantizationTile tile, Tensor y)
    {
        QuantizationChecks.Dequantize(codes, scales, tile, y);
        int T = Operands.Dim(codes, 0), K = Operands.Dim(codes, 1);
        float[] result = new float[y.ElementCount];
        if (codes.DType == DType.F8_E4M3)
            Ops.Dequantize.Define(codes.AsReadOnlySpan<Float8E4M3>(), scales.AsReadOnlySpan<float>(), T, K, tile, result);
        else
            Ops.Dequantize.Define(MemoryMarshal.Cast<ushort, FloatE5M6>(codes.AsReadOnlySpan<ushort>()), scales.AsReadOnlySpan<float>(), T, K, tile, result);
        Operands.Store(result, y);
    }
}
