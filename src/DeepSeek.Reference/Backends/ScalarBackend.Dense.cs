using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

public sealed partial class ScalarBackend
{
    /// <inheritdoc/>
    public void Embedding(Tensor weight, Tensor ids, Tensor y)
    {
        (int T, int d) = OperandChecks.Embedding(weight, ids, y);
        float[] row = new float[d];
        for (int t = 0; t < T; t++)
            Operands.Store(Operands.Slice(weight, OperandChecks.Id(ids, t) * d, d, row), y, (long)t * d);
    }

    /// <inheritdoc/>
    public void Cast(Tensor x, Tensor y)
    {
        Operands.RequireFloat(x, "x");
        Operands.RequireOutput(y, "y", x.Shape.Dimensions);
        Operands.Store(Operands.Widen(x), y);
    }

    /// <inheritdoc/>
    public void Add(Tensor a, Tensor b, Tensor y)
    {
        OperandChecks.Elementwise(a, "a", b, "b", y);
        float[] result = new float[y.ElementCount];
        Ops.Add.Define(Operands.Widen(a), Operands.Widen(b), result);
        Operands.Store(result, y);
    }

    /// <inheritdoc/>
    public void RmsNorm(Tensor x, Tensor weight, float epsilon, RmsNormRounding rounding, Tensor y)
    {
        OperandChecks.RmsNorm(x, weight, rounding, y);
        float[] result = new float[y.ElementCount];
        Ops.RmsNorm.Define(Operands.Widen(x), Operands.Widen(weight), epsilon, rounding, result);
        Operands.Store(result, y);
    }

    /// <inheritdoc/>
    public void Rope(Tensor x, Tensor positions, Tensor frequencies, RopeAttributes attributes, Tensor y)
    {
        (_, int H, int D) = OperandChecks.Rope(x, positions, frequencies, attributes, y);
        float[] result = new float[y.ElementCount];
        Ops.Rope.Define(Operands.Widen(x), H, D, positions.AsReadOnlySpan<int>(), frequencies.AsReadOnlySpan<float>(), attributes, result);
        Operands.Store(result, y);
    }

    /// <inheritdoc/>
    public void SwiGlu(Tensor gate, Tensor up, SwiGluRounding rounding, Tensor y)
    {
        OperandChecks.SwiGlu(gate, up, rounding, y);
        float[] result = new float[y.ElementCount];
        Ops.SwiGlu.Define(Operands.Widen(gate), Operands.Widen(up), rounding, result);
        Operands.Store(result, y);
    }

    /// <inheritdoc/>
    public void Softmax(Tensor x, Tensor y)
    {
        (_, int n) = OperandChecks.Rows(x, y);
        float[] result = new float[y.ElementCount];
        Ops.Softmax.Define(Operands.Widen(x), n, result);
        Operands.Store(result, y);
    }

    /// <inheritdoc/>
    public void LogSoftmax(Tensor x, Tensor y)
    {
        (_, int n) = OperandChecks.Rows(x, y);
        float[] result = new float[y.ElementCount];
        Ops.LogSoftmax.Define(Operands.Widen(x), n, result);
        Operands.Store(result, y);
    }

    /// <inheritdoc/>
    public void MtpInput(Tensor embedding, Tensor hidden, MtpConcat order, Tensor y)
    {
        (_, int d) = OperandChecks.MtpInput(embedding, hidden, order, y);
        float[] result = new float[y.ElementCount];
        Ops.MtpInput.Define(Operands.Widen(embedding), Operands.Widen(hidden), d, order, result);
        Operands.Store(result, y);
    }
}
