using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>Makes the values of a failing call simple: scales to 1, all that can be to 0, and what is left to few bits, while it fails as badly as at first.</summary>
/// <remarks>
/// Zeros by delta debugging: the whole tensor, its halves, quarters, ... single elements. Then each element that is left, to ±1, a power of two, or three or eight
/// significant bits, the first that still fails.
/// </remarks>
internal sealed class ValueShrink(FailureTrial trial, Failure atLeast, Func<bool> timeIsUp, Action<string>? progress)
{
    private const long LargestTensor = 1 << 20;
    private const int MostMagnitudes = 512;

    /// <summary>Whether any value was changed.</summary>
    public bool Changed { get; private set; }

    /// <summary>The call with the simplest values found; its tensors are its own.</summary>
    public OperationCall Run(OperationCall start)
    {
        OperationCall call = start.Replace(o => o.Tensor.Clone());
        foreach (Operand input in call.Inputs.Where(o => CanChange(o.Tensor)).ToArray())
        {
            if (input.Name.Contains("scale", StringComparison.OrdinalIgnoreCase))
                Try(call, input, 0, input.Tensor.ElementCount, _ => 1);
            else
                Zero(call, input);
        }

        foreach (Operand input in call.Inputs.Where(o => CanChange(o.Tensor)).ToArray())
            Simplify(call, input);
        return call;
    }

    /// <summary>Elements that are not zero, over the inputs of real numbers.</summary>
    public static long NonZeros(OperationCall call) => call.Inputs.Where(o => ElementReader.IsReal(o.Tensor.DType)).Sum(o => Enumerable.Range(0, (int)Math.Min(int.MaxValue, o.Tensor.ElementCount)).LongCount(i => ElementReader.Value(o.Tensor, i) != 0));

    private static bool CanChange(Tensor t) => t.DType is DType.F32 or DType.BF16 or DType.F8_E4M3 && t.ElementCount is > 0 and <= LargestTensor;

    private void Zero(OperationCall call, Operand input)
    {
        long n = input.Tensor.ElementCount;
        for (long chunk = n; chunk >= 1; chunk /= 2)
        {
            progress?.Invoke($"zeros of {input.Name} by {chunk}");
            for (long from = 0; from < n; from += chunk)
            {
                if (timeIsUp())
                    return;
                Try(call, input, from, Math.Min(chunk, n - from), _ => 0);
            }
        }
    }

    private void Simplify(OperationCall call, Operand input)
    {
        long[] left = [.. Enumerable.Range(0, (int)input.Tensor.ElementCount).Where(i => ElementReader.Value(input.Tensor, i) != 0).Select(i => (long)i)];
        if (left.Length > MostMagnitudes)
            return;
        progress?.Invoke($"magnitudes of {input.Name}");
        foreach (long i in left)
        {
            foreach (Func<double, double> simpler in (Func<double, double>[])[v => Math.Sign(v), v => Rounded(v, 1), v => Rounded(v, 3), v => Rounded(v, 8)])
            {
                if (timeIsUp())
                    return;
                if (double.IsFinite(ElementReader.Value(input.Tensor, i)) && Try(call, input, i, 1, simpler))
                    break;
            }
        }
    }

    /// <summary>Changes elements; puts them back, and says false, where the call then passes or nothing changed.</summary>
    private bool Try(OperationCall call, Operand input, long from, long count, Func<double, double> change)
    {
        var before = new double[count];
        bool any = false;
        for (long i = 0; i < count; i++)
        {
            before[i] = ElementReader.Value(input.Tensor, from + i);
            ElementWriter.Set(input.Tensor, from + i, change(before[i]));
            any |= ElementReader.Value(input.Tensor, from + i) != before[i];
        }

        if (any && trial.Run(call).Failure >= atLeast)
        {
            Changed = true;
            return true;
        }

        for (long i = 0; i < count; i++)
            ElementWriter.Set(input.Tensor, from + i, before[i]);
        return false;
    }

    /// <summary>v to so many significant bits.</summary>
    private static double Rounded(double v, int bits)
    {
        if (v == 0)
            return v;
        double unit = double.ScaleB(1, Math.ILogB(v) - bits + 1);
        return Math.Round(v / unit) * unit;
    }
}
