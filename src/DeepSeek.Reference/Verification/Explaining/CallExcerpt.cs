using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>A call on a few of its rows, with the candidate's outputs cut to the same rows.</summary>
internal static class CallExcerpt
{
    /// <summary>The excerpt: the whole call where it is cheap or where its rows do not stand alone.</summary>
    /// <param name="call">The call; changed calls keep their changes.</param>
    /// <param name="candidate">The candidate's outputs, all rows.</param>
    /// <param name="cost">Multiply-adds that the excerpt may cost.</param>
    public static (OperationCall Call, Func<string, Tensor> Candidate) Of(OperationCall call, IReadOnlyDictionary<string, Tensor> candidate, long cost)
    {
        switch (call)
        {
            case LinearCall c when Rows(c.X, c.Weight, cost) is int rows && rows < c.X.Shape[0]:
                return (c with { X = c.X.Rows(0, rows), Y = c.Y.Rows(0, rows) }, First(rows));
            case ScaledLinearCall c when Rows(c.X, c.Weight, cost) is int rows && rows < c.X.Shape[0]:
                return (c with { X = c.X.Rows(0, rows), XScale = c.XScale.Rows(0, rows), C = c.C?.Rows(0, rows), Y = c.Y.Rows(0, rows) }, First(rows));
            case LinearDgradCall c when Rows(c.Dy, c.Weight, cost) is int rows && rows < c.Dy.Shape[0]:
                return (c with { Dy = c.Dy.Rows(0, rows), Dx = c.Dx.Rows(0, rows) }, First(rows));
            case AttentionCall c when QueryRows(c, cost) is int rows && rows < c.Q.Shape[0]:
                // The last queries see the most keys.
                long from = c.Q.Shape[0] - rows;
                return (c with
                {
                    Q = c.Q.Rows(from, rows),
                    Y = c.Y.Rows(from, rows),
                    LogSumExp = c.LogSumExp?.Rows(from, rows),
                    Attributes = c.Attributes with { FirstPosition = c.Attributes.FirstPosition + (int)from },
                }, name => candidate[name].Rows(from, rows));
            case RmsNormCall c when ElementRows(c.X, cost) is int rows && rows < c.X.Shape[0]:
                return (c with { X = c.X.Rows(0, rows), Y = c.Y.Rows(0, rows) }, First(rows));
            case SoftmaxCall c when ElementRows(c.X, cost) is int rows && rows < c.X.Shape[0]:
                return (new SoftmaxCall(c.X.Rows(0, rows), c.Y.Rows(0, rows)), First(rows));
            case LogSoftmaxCall c when ElementRows(c.X, cost) is int rows && rows < c.X.Shape[0]:
                return (new LogSoftmaxCall(c.X.Rows(0, rows), c.Y.Rows(0, rows)), First(rows));
            default:
                return (call, name => candidate[name]);
        }

        Func<string, Tensor> First(int rows) => name => candidate[name].Rows(0, rows);
    }

    private static int Rows(Tensor x, Tensor weight, long cost) => (int)Math.Max(2, cost / Math.Max(1, weight.ElementCount));

    /// <summary>An element of a norm or a softmax costs about 256 multiply-adds under all its variants together.</summary>
    private static int ElementRows(Tensor x, long cost) => (int)Math.Max(4, cost / 256 / Math.Max(1, x.Shape[^1]));

    private static int QueryRows(AttentionCall c, long cost) => (int)Math.Max(2, cost / Math.Max(1, c.Keys.Shape[0] * c.Q.Shape[1] * (c.Q.Shape[2] + c.Y.Shape[2])));
}
