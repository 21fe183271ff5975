using System.Numerics.Tensors;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

public static partial class LogSoftmax
{
    /// <summary>The same bits as <see cref="Define"/>, by vector instructions, for one row. scratch holds as many values as x; l may be x.</summary>
    internal static void SimdRow(ReadOnlySpan<float> x, Span<float> l, Span<float> scratch)
    {
        float m = Softmax.SimdMaximum(x);
        if (!float.IsFinite(m))
        {
            l.Fill(float.IsNegativeInfinity(m) ? m : float.NaN);
            return;
        }

        float log = Correct.Log(Softmax.SimdExponentials(x, m, scratch[..x.Length]));
        TensorPrimitives.Subtract(x, m, l);
        TensorPrimitives.Subtract(l, log, l);
    }
}
