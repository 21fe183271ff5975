using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification.Probing;

/// <summary>One dot product of an unknown kernel: values of a format that it takes, widened to binary32; the result in binary32.</summary>
/// <remarks>The two operands have one length, a multiple of 128.</remarks>
internal delegate float DotKernel(float[] a, float[] b);

/// <summary>Kernels to probe, made of a backend's matrix products.</summary>
internal static class DotKernels
{
    /// <summary>y = x Wᵀ of one row and one column. The call's accumulation is <paramref name="asked"/>: a backend that imposes its own ignores it.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="dtype">F32 or BF16: the operands' dtype.</param>
    /// <param name="asked">The accumulation asked for.</param>
    public static DotKernel OfLinear(IBackend backend, DType dtype, Accumulation asked) => (a, b) =>
    {
        var y = new Tensor(DType.F32, 1, 1);
        backend.Linear(Row(a, dtype), Row(b, dtype), asked, y);
        return y.AsSpan<float>()[0];
    };

    /// <summary>The block-scaled product of one row and one column, with scales of 1.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="asked">The arithmetic asked for.</param>
    public static DotKernel OfScaledLinear(IBackend backend, ScaledProduct asked) => (a, b) =>
    {
        var y = new Tensor(DType.F32, 1, 1);
        Tensor ones = Tensor.From([.. Enumerable.Repeat(1f, asked.ScalesOf(a.Length))], 1, asked.ScalesOf(a.Length));
        backend.ScaledLinear(Row(a, DType.F8_E4M3), ones, Row(b, DType.F8_E4M3), ones, asked, null, y);
        return y.AsSpan<float>()[0];
    };

    private static Tensor Row(float[] values, DType dtype)
    {
        var row = new Tensor(dtype, 1, values.Length);
        for (int k = 0; k < values.Length; k++)
        {
            if (dtype == DType.BF16)
                row.AsSpan<BFloat16>()[k] = BFloat16.Round(values[k]);
            else if (dtype == DType.F8_E4M3)
                row.AsSpan<Float8E4M3>()[k] = Float8E4M3.FromSingle(values[k], Fp8Overflow.Saturate);
            else
                row.AsSpan<float>()[k] = values[k];
        }

        return row;
    }
}
