using System.Numerics.Tensors;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Bench;

/// <summary>Functions of a million elements, beside MathF in a loop and TensorPrimitives (whose bits are not portable).</summary>
internal static class ElementFunctions
{
    private const int Count = 1 << 20;

    public static void Run(double seconds)
    {
        Tensor input = RandomTensors.Make(DType.F32, Count);
        foreach (ref float v in input.AsSpan<float>())
            v *= 16f;
        var output = new Tensor(DType.F32, Count);
        var backend = new SimdBackend(1);
        Tensor row = input.Reshape(1, Count);
        Tensor rowOut = output.Reshape(1, Count);
        Tensor rows = input.Reshape(1024, 1024);
        Tensor rowsOut = output.Reshape(1024, 1024);
        ReadOnlySpan<float> X() => input.AsReadOnlySpan<float>();
        Span<float> Y() => output.AsSpan<float>();

        Compare(seconds, "exp", () => Correct.Exp(X(), Y()), () => Loop(MathF.Exp), () => TensorPrimitives.Exp(X(), Y()));
        Compare(seconds, "SiLU", () => Correct.SiLU(X(), Y()), () => Loop(x => x / (1f + MathF.Exp(-x))), () =>
        {
            TensorPrimitives.Sigmoid(X(), Y());
            TensorPrimitives.Multiply(X(), Y(), Y());
        });
        Compare(seconds, "softmax, one row", () => backend.Softmax(row, rowOut), MathFSoftmax, () => TensorPrimitives.SoftMax(X(), Y()));
        Compare(seconds, "softmax, rows of 1024", () => backend.Softmax(rows, rowsOut), MathFSoftmax, () =>
        {
            for (int t = 0; t < 1024; t++)
                TensorPrimitives.SoftMax(X().Slice(t * 1024, 1024), Y().Slice(t * 1024, 1024));
        });

        void Loop(Func<float, float> f)
        {
            ReadOnlySpan<float> x = X();
            Span<float> y = Y();
            for (int i = 0; i < x.Length; i++)
                y[i] = f(x[i]);
        }

        void MathFSoftmax()
        {
            ReadOnlySpan<float> x = X();
            Span<float> y = Y();
            float m = float.NegativeInfinity;
            foreach (float v in x)
                m = MathF.Max(m, v);
            float s = 0f;
            for (int i = 0; i < x.Length; i++)
                s += y[i] = MathF.Exp(x[i] - m);
            for (int i = 0; i < y.Length; i++)
                y[i] /= s;
        }
    }

    private static void Compare(double seconds, string name, Action ours, Action loop, Action primitives)
    {
        var mine = new Measured("ours", Count, ours);
        var mathF = new Measured("MathF", Count, loop);
        var tensor = new Measured("TensorPrimitives", Count, primitives);
        Measured.Interleave(seconds, mine, mathF, tensor);
        SideBySide.Line(
            $"{name}, 2^20 elements", $"{1e9 / mine.Best:F2} ns/element",
            $"{mine.Best / mathF.Best:F2}x as fast as MathF, {tensor.Best / mine.Best:F2}x the time of TensorPrimitives", "aim: >= 2x, <= 2x");
    }
}
