using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

/// <summary>The sum of products Σ_k a_k b_k under each named accumulation (rule N7).</summary>
public static class DotProduct
{
    /// <summary>The definition. The result of Exact and Float64 is rounded once, to <paramref name="output"/>; the others end in binary32.</summary>
    /// <param name="a">n values.</param>
    /// <param name="b">n values.</param>
    /// <param name="accumulation">The named accumulation.</param>
    /// <param name="output">F32 or BF16: the format the result will be stored in.</param>
    /// <exception cref="ShapeException">a and b differ in length.</exception>
    /// <exception cref="ContractException">The accumulation or output format is not offered.</exception>
    public static float Define(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Accumulation accumulation, DType output)
    {
        if (a.Length != b.Length)
            throw new ShapeException($"a dot product of {a.Length} and {b.Length} values");
        if (output is not (DType.F32 or DType.BF16))
            throw new ContractException($"a dot product cannot end in {output.Name()}; take F32 or BF16");
        return accumulation.Kind switch
        {
            AccumulationKind.Lanes16 => Lanes16(a, b),
            AccumulationKind.Sequential => Sequential(a, b),
            AccumulationKind.Exact => Exact(a, b, output),
            AccumulationKind.Float64 => Float64(a, b, output),
            _ => throw new ContractException($"a dot product does not offer the accumulation {accumulation}"),
        };
    }

    private static float Lanes16(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sum = new Lanes16();
        for (int k = 0; k < a.Length; k++)
            sum.AddProduct(k, a[k], b[k]);
        return sum.Fold();
    }

    private static float Sequential(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        float sum = 0f;
        for (int k = 0; k < a.Length; k++)
            sum = MathF.FusedMultiplyAdd(a[k], b[k], sum);
        return sum;
    }

    private static float Exact(ReadOnlySpan<float> a, ReadOnlySpan<float> b, DType output)
    {
        var sum = new ExactSum();
        for (int k = 0; k < a.Length; k++)
            sum.AddProduct(a[k], b[k]);
        return output == DType.BF16 ? sum.ToBFloat16().ToSingle() : sum.ToSingle();
    }

    private static float Float64(ReadOnlySpan<float> a, ReadOnlySpan<float> b, DType output)
    {
        var sum = new Lanes16Double();
        for (int k = 0; k < a.Length; k++)
            sum.AddProduct(k, a[k], b[k]);
        return Round(sum.Fold(), output);
    }

    /// <summary>The one rounding at the end of a binary64 sum.</summary>
    internal static float Round(double sum, DType output) => output == DType.BF16 ? BFloat16.FromDouble(sum).ToSingle() : (float)sum;
}
