using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;

namespace DeepSeek.Reference.Verification;

/// <summary>Sums of products in a legitimate order of a caller's choice: in binary32, or of a matrix unit's instructions.</summary>
/// <remarks>Written plainly and apart from the kernels: bounds are tested with it (docs/spec/bounds.md 10).</remarks>
internal sealed class VariantSum(SumOrder order, Random random)
{
    /// <summary>Σ a b in the order, ending in binary32; rounded at once to <paramref name="output"/> where the order ends in more.</summary>
    public float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Accumulation declared, DType output)
    {
        // An exact sum binds to that: where terms cancel beyond 53 bits, binary64 is wrong.
        bool bound = declared.Kind == AccumulationKind.Exact || declared.Kind == AccumulationKind.Float64 && order is not (SumOrder.Exact or SumOrder.Float64);
        if (bound || order == SumOrder.Declared)
            return DotProduct.Define(a, b, declared, output);
        if (declared.Unit is { } unit && order is not (SumOrder.Exact or SumOrder.Float64 or SumOrder.Lanes16 or SumOrder.Pairwise))
            return Unit(a, b, unit);
        return order switch
        {
            SumOrder.Lanes16 => DotProduct.Define(a, b, Accumulation.Lanes16, output),
            SumOrder.Exact => DotProduct.Define(a, b, Accumulation.Exact, output),
            SumOrder.Float64 => DotProduct.Define(a, b, Accumulation.Float64, output),
            SumOrder.Pairwise => Pairwise(a, b),
            SumOrder.Reversed => Chain(a, b, [.. Enumerable.Range(0, a.Length).Reverse()]),
            SumOrder.Random => Chain(a, b, Shuffled(a.Length)),
            SumOrder.SplitK2 => Parts(a, b, 2),
            SumOrder.SplitK4 => Parts(a, b, 4),
            _ => Chain(a, b, [.. Enumerable.Range(0, a.Length)]),
        };
    }

    /// <summary>Σ x.</summary>
    public float Sum(ReadOnlySpan<float> x, Accumulation declared)
    {
        float[] ones = new float[x.Length];
        Array.Fill(ones, 1f);
        return Dot(x, ones, declared, DType.F32);
    }

    /// <summary>Adds values in binary32 in the order.</summary>
    public float Add(ReadOnlySpan<float> x)
    {
        float sum = 0f;
        int[] places = order switch
        {
            SumOrder.Reversed => [.. Enumerable.Range(0, x.Length).Reverse()],
            SumOrder.Random => Shuffled(x.Length),
            _ => [.. Enumerable.Range(0, x.Length)],
        };
        foreach (int i in places)
            sum += x[i];
        return sum;
    }

    private int[] Shuffled(int n)
    {
        int[] places = [.. Enumerable.Range(0, n)];
        random.Shuffle(places);
        return places;
    }

    private static float Chain(ReadOnlySpan<float> a, ReadOnlySpan<float> b, int[] places)
    {
        float sum = 0f;
        foreach (int k in places)
            sum = MathF.FusedMultiplyAdd(a[k], b[k], sum);
        return sum;
    }

    private static float Pairwise(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        if (a.Length <= 1)
            return a.Length == 0 ? 0f : a[0] * b[0];
        int half = a.Length / 2;
        return Pairwise(a[..half], b[..half]) + Pairwise(a[half..], b[half..]);
    }

    private static float Parts(ReadOnlySpan<float> a, ReadOnlySpan<float> b, int parts)
    {
        float sum = 0f;
        for (int p = 0; p < parts; p++)
        {
            int from = a.Length * p / parts, to = a.Length * (p + 1) / parts;
            sum += Chain(a[from..to], b[from..to], [.. Enumerable.Range(0, to - from)]);
        }

        return sum;
    }

    /// <summary>The unit's instructions in another order, in parts that binary32 adds up, or with more bits.</summary>
    private float Unit(ReadOnlySpan<float> a, ReadOnlySpan<float> b, TensorCore unit)
    {
        int instructions = (a.Length + unit.K - 1) / unit.K;
        uint[] x = Codes(a, unit.A, instructions * unit.K), y = Codes(b, unit.B, instructions * unit.K);
        int[] places = [.. Enumerable.Range(0, instructions)];
        if (order == SumOrder.Reversed)
            Array.Reverse(places);
        if (order == SumOrder.Random)
            random.Shuffle(places);
        TensorCore used = order == SumOrder.Sequential && unit.FractionBits < 25 ? unit with { FractionBits = 25, OutputFractionBits = 23 } : unit;
        int parts = order == SumOrder.SplitK2 ? 2 : order == SumOrder.SplitK4 ? 4 : 1;
        float sum = 0f;
        for (int p = 0; p < parts; p++)
        {
            uint d = 0;
            for (int i = instructions * p / parts; i < instructions * (p + 1) / parts; i++)
                d = used.Define(x.AsSpan(places[i] * unit.K, unit.K), y.AsSpan(places[i] * unit.K, unit.K), d);
            sum = parts == 1 ? BitConverter.UInt32BitsToSingle(d) : sum + BitConverter.UInt32BitsToSingle(d);
        }

        return sum;
    }

    private static uint[] Codes(ReadOnlySpan<float> values, ElementFormat format, int length)
    {
        uint[] codes = new uint[length];
        for (int k = 0; k < values.Length; k++)
            codes[k] = format.Encode(values[k]);
        return codes;
    }
}
