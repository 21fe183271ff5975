using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Bench;

/// <summary>Tensors to time with: values in (-0.5, 0.5), the same at every run.</summary>
internal static class RandomTensors
{
    public static Tensor Make(DType dtype, params ReadOnlySpan<long> shape)
    {
        var wide = new Tensor(DType.F32, shape);
        uint state = 1;
        foreach (ref float v in wide.AsSpan<float>())
        {
            state = state * 1664525 + 1013904223;
            v = (int)state * 2.3283064e-10f;
        }

        return dtype == DType.F32 ? wide : Narrow(wide);
    }

    public static Tensor Narrow(Tensor wide)
    {
        var narrow = new Tensor(DType.BF16, wide.Shape);
        BFloat16Spans.Round(wide.AsReadOnlySpan<float>(), narrow.AsSpan<BFloat16>());
        return narrow;
    }
}
