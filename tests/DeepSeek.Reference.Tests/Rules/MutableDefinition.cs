using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tests.Rules;

/// <summary>The operations once more, by their equations, on an <see cref="Arithmetic"/> that can be changed: with the contract's own it gives the goldens' bits, with one rule broken it gives the mutant's.</summary>
/// <remarks>
/// Block-scaled products, attention contracts and backward operations have no twin here: a mutant of theirs changes the call (<see cref="ChangedCall"/>).
/// </remarks>
internal sealed partial class MutableDefinition(Arithmetic a) : CallBackend
{
    private static readonly ScalarBackend Definitions = new();

    /// <summary>The operations that are defined here.</summary>
    public static IReadOnlySet<Operation> Reach { get; } = new HashSet<Operation>(Enum.GetValues<Operation>().Where(o => o < Operation.LinearDgrad).Except(
        [Operation.ScaledLinear, Operation.GroupedScaledLinear, Operation.IndexedScaledLinear, Operation.MaskedScaledLinear]));

    public override string Name => "mutable definition";

    protected override void Invoke(OperationCall call)
    {
        a.Begin(call);
        switch (call)
        {
            case CastCall c: Put(c.Y, Operands.Widen(c.X).ToArray()); break;
            case AddCall c: Elementwise(c.A, c.B, c.Y, a.Add); break;
            case SwiGluCall c: Elementwise(c.Gate, c.Up, c.Y, (g, u) => a.Multiply(c.Rounding == SwiGluRounding.AfterSilu ? a.Narrow(a.SiLU(g)) : a.SiLU(g), u)); break;
            case RmsNormCall c: RmsNorm(c); break;
            case SoftmaxCall c: Rows(c.X, c.Y, Softmax); break;
            case LogSoftmaxCall c: Rows(c.X, c.Y, LogSoftmax); break;
            case RopeCall c: Rope(c); break;
            case LinearCall c: Linear(c.X, 0, (int)c.X.Shape[0], c.Weight, c.Accumulation, c.Y); break;
            case GroupedLinearCall c: GroupedLinear(c); break;
            case AbsorbQueryCall c: AbsorbQuery(c); break;
            case AbsorbOutputCall c: AbsorbOutput(c); break;
            case AttentionCall { Attributes.Contract: null } c: Attention(c); break;
            case GateCall c: Gate(c); break;
            case CombineCall c: Combine(c); break;
            case QuantizeCall c: Quantize(c); break;
            case DequantizeCall c: Dequantize(c); break;
            case EmbeddingCall or ExpandKeysCall or DispatchCall or MtpInputCall: Copy(call); break;
            default: call.Run(Definitions); break;
        }
    }

    private void Put(Tensor y, float[] values)
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = a.Result(y.DType == DType.BF16 ? a.Narrow(values[i]) : values[i]);
        Operands.Store(values, y);
    }

    /// <summary>Operations that move values: in binary32, then the store.</summary>
    private void Copy(OperationCall call)
    {
        OperationCall wide = call.Replace(o => o.Role == OperandRole.Output ? new Tensor(DType.F32, o.Tensor.Shape) : o.Tensor);
        wide.Run(Definitions);
        foreach (Operand output in call.Outputs)
            Put(output.Tensor, Operands.Widen(wide[output.Name]).ToArray());
    }

    private void Elementwise(Tensor x, Tensor z, Tensor y, Func<float, float, float> f)
    {
        float[] u = Operands.Widen(x).ToArray();
        float[] v = Operands.Widen(z).ToArray();
        Put(y, [.. u.Select((value, i) => f(value, v[i]))]);
    }

    private void Rows(Tensor x, Tensor y, Action<ReadOnlyMemory<float>, Memory<float>> row)
    {
        int n = (int)x.Shape[^1];
        float[] values = Operands.Widen(x).ToArray();
        float[] results = new float[values.Length];
        for (int at = 0; at < values.Length; at += n)
            row(values.AsMemory(at, n), results.AsMemory(at, n));
        Put(y, results);
    }

    private void RmsNorm(RmsNormCall c)
    {
        float[] w = Operands.Widen(c.Weight).ToArray();
        Rows(c.X, c.Y, (x, y) =>
        {
            float r = a.Scale(a.Mean(a.Sum(x.Span, x.Span), w.Length), c.Epsilon);
            for (int k = 0; k < w.Length; k++)
                y.Span[k] = a.Normalised(x.Span[k], r, w[k], c.Rounding);
        });
    }

    private static float Maximum(ReadOnlySpan<float> x)
    {
        float m = float.NegativeInfinity;
        foreach (float v in x)
        {
            if (float.IsNaN(v))
                return v;
            m = v > m ? v : m;
        }

        return m;
    }

    private void Softmax(ReadOnlyMemory<float> x, Memory<float> p)
    {
        float m = Maximum(x.Span);
        if (!float.IsFinite(m))
        {
            p.Span.Fill(float.IsNegativeInfinity(m) ? 0f : float.NaN);
            return;
        }

        for (int k = 0; k < x.Length; k++)
            p.Span[k] = a.Exponential(x.Span[k], m);
        float s = Total(p.Span);
        for (int k = 0; k < x.Length; k++)
            p.Span[k] = a.Share(p.Span[k], s);
    }

    private void LogSoftmax(ReadOnlyMemory<float> x, Memory<float> y)
    {
        float m = Maximum(x.Span);
        if (!float.IsFinite(m))
        {
            y.Span.Fill(float.IsNegativeInfinity(m) ? m : float.NaN);
            return;
        }

        float[] e = new float[x.Length];
        for (int k = 0; k < e.Length; k++)
            e[k] = a.Exponential(x.Span[k], m);
        float log = a.Log(Total(e));
        for (int k = 0; k < e.Length; k++)
            y.Span[k] = a.LogShare(x.Span[k], m, log);
    }

    private float Total(ReadOnlySpan<float> terms) => a.Total(terms);

    private void Rope(RopeCall c)
    {
        (int H, int D, int dr) = ((int)c.X.Shape[1], (int)c.X.Shape[2], 2 * (int)c.Frequencies.ElementCount);
        float[] x = Operands.Widen(c.X).ToArray();
        float[] y = (float[])x.Clone();
        bool every = c.Attributes.Rotation == RopeRotation.EveryStep;
        for (int row = 0; row < x.Length / Math.Max(1, D); row++)
        {
            int at = (row * D) + D - dr;
            for (int i = 0; i < dr / 2; i++)
            {
                float phi = a.Angle(c.Positions.AsReadOnlySpan<int>()[row / H], c.Frequencies.AsReadOnlySpan<float>()[i]);
                (float cos, float sin) = (a.Cos(phi), a.Sin(phi));
                if (c.Attributes.Magnitude != 1f)
                    (cos, sin) = (a.Multiply(cos, c.Attributes.Magnitude), a.Multiply(sin, c.Attributes.Magnitude));
                if (every)
                    (cos, sin) = (a.Narrow(cos), a.Narrow(sin));
                (int p0, int p1) = c.Attributes.Layout == RopeLayout.Half ? (i, i + (dr / 2)) : (2 * i, (2 * i) + 1);
                (int q0, int q1) = c.Attributes.Layout == RopeLayout.Interleaved ? (2 * i, (2 * i) + 1) : (i, i + (dr / 2));
                (y[at + q0], y[at + q1]) = Rotated(c.Attributes.Rotation, x[at + p0], x[at + p1], cos, sin);
            }
        }

        Put(c.Y, y);
    }

    private (float, float) Rotated(RopeRotation rotation, float x0, float x1, float c, float s) => rotation switch
    {
        RopeRotation.Fused => a.Rotate(x0, x1, c, s),
        RopeRotation.Separate => (a.Add(a.Multiply(x0, c), -a.Multiply(x1, s)), a.Add(a.Multiply(x0, s), a.Multiply(x1, c))),
        _ => (
            a.Narrow(a.Add(a.Narrow(a.Multiply(x0, c)), -a.Narrow(a.Multiply(x1, s)))),
            a.Narrow(a.Add(a.Narrow(a.Multiply(x0, s)), a.Narrow(a.Multiply(x1, c))))),
    };
}
