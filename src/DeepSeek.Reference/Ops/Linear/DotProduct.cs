using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Ops;

/// <summary>The sum of products Σ_k a_k b_k under each named accumulation (rule N7).</summary>
public static class DotProduct
{
    /// <summary>The definition. The result of Exact and Float64 is rounded once, to <paramref name="output"/>; the others end in binary32.</summary>
    /// <remarks>A matrix unit takes the codes of a and b in its formats, padded with +0 to whole instructions, and starts from +0.</remarks>
    /// <param name="a">n values.</param>
    /// <param name="b">n values.</param>
    /// <param name="accumulation">The named accumulation.</param>
    /// <param name="output">F32 or BF16: the format the result will be stored in.</param>
    /// <exception cref="ShapeException">a and b differ in length.</exception>
    /// <exception cref="ContractException">The accumulation or output format is not offered, or a value is not one of the unit's format.</exception>
    public static float Define(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Accumulation accumulation, DType output)
    {
        if (a.Length != b.Length)
            throw new ShapeException($"a dot product of {a.Length} and {b.Length} values");
        if (output is not (DType.F32 or DType.BF16))
            throw new ContractException($"a dot product cannot end in {output.Name()}; take F32 or BF16");
        accumulation.Require();
        return accumulation.Kind switch
        {
            AccumulationKind.Lanes16 => Lanes16(a, b),
            AccumulationKind.Sequential => Sequential(a, b),
            AccumulationKind.Exact => Exact(a, b, output),
            AccumulationKind.Float64 => Float64(a, b, output),
            AccumulationKind.TensorCore => Unit(a, b, accumulation.Unit!),
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

    private static float Unit(ReadOnlySpan<float> a, ReadOnlySpan<float> b, TensorCore unit)
    {
        if (unit.Accumulator != ElementFormat.F32)
            throw new ContractException($"{unit} does not end in binary32; take a unit that does, such as {TensorCore.HopperWgmmaBF16F32}");
        int padded = (a.Length + unit.K - 1) / unit.K * unit.K;
        uint[] codesOfA = new uint[padded];
        uint[] codesOfB = new uint[padded];
        for (int k = 0; k < a.Length; k++)
            (codesOfA[k], codesOfB[k]) = (unit.A.Encode(a[k]), unit.B.Encode(b[k]));
        return BitConverter.UInt32BitsToSingle(unit.Define(codesOfA, codesOfB, 0));
    }

    /// <summary>The one rounding at the end of a binary64 sum.</summary>
    internal static float Round(double sum, DType output) => output == DType.BF16 ? BFloat16.FromDouble(sum).ToSingle() : (float)sum;
}
