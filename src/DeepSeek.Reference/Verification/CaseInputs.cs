using System.Globalization;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification;

/// <summary>Makes the inputs of cases: real numbers by the value maps of rule N14, and integers by the maps below.</summary>
/// <remarks>
/// <code>
/// index:n          u n / 2^32, rounded down
/// arange:a         a + i
/// reciprocal       1 / (1 + i), one division
/// experts:e        row t: b = u e / 2^32 of the row's first element, then slot s holds (b + s) mod e
/// experts_holes:e  the same, but in every third row (t mod 3 = 2) the last slot holds -1
/// scale            (1 + (u >> 9)·2^-23)·2^-7, exact
/// power            2^(u mod 16 - 12)
/// special          where u mod 16 = 0: +inf, -inf, NaN or -0 as (u >> 4) mod 4 is 0, 1, 2, 3; elsewhere logspread
/// </code>
/// i is the row-major index of the element; u is word i of the tensor's random words (docs/spec/random.md).
/// </remarks>
internal static class CaseInputs
{
    /// <summary>The value maps that <c>map=</c> takes.</summary>
    public static IReadOnlyList<string> ValueMapNames { get; } = [.. Enum.GetNames<ValueMap>().Select(n => n.ToLowerInvariant()), "special"];

    private static ReadOnlySpan<float> Specials => [float.PositiveInfinity, float.NegativeInfinity, float.NaN, -0f];

    /// <summary>Whether <c>map=</c> takes the name.</summary>
    public static bool IsValueMap(string name) => ValueMapNames.Contains(name);

    /// <summary>The tensor of an input.</summary>
    /// <exception cref="CaseException">A map that does not exist.</exception>
    public static Tensor Make(CaseInput input, ulong seed)
    {
        var tensor = new Tensor(input.DType, input.Shape);
        string[] parts = input.Map.Split(':');
        int n = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
        switch (parts[0])
        {
            case "index":
                FillIndices(seed, input.Name, n, tensor);
                break;
            case "arange":
                Span<int> positions = tensor.AsSpan<int>();
                for (int i = 0; i < positions.Length; i++)
                    positions[i] = n + i;
                break;
            case "reciprocal":
                Span<float> values = tensor.AsSpan<float>();
                for (int i = 0; i < values.Length; i++)
                    values[i] = 1f / (1 + i);
                break;
            case "scale":
                FillScales(seed, input.Name, u => 0x3C000000 | (u >> 9), tensor.AsSpan<float>());
                break;
            case "power":
                FillScales(seed, input.Name, u => (u % 16 + 115) << 23, tensor.AsSpan<float>());
                break;
            case "experts" or "experts_holes":
                FillExperts(seed, input.Name, (int)input.Shape[^1], n, parts[0] == "experts_holes", tensor.AsSpan<int>());
                break;
            default:
                FillReal(input.Map, seed, input.Name, tensor);
                break;
        }

        return tensor;
    }

    /// <summary>K different experts a row, as the remarks say.</summary>
    public static void FillExperts(ulong seed, string name, int slots, int experts, bool holes, Span<int> indices)
    {
        if (indices.IsEmpty)
            return;
        var random = new RandomStream(seed, name);
        for (int t = 0; t < indices.Length / slots; t++)
        {
            int first = Below(random, (ulong)t * (ulong)slots, experts);
            for (int s = 0; s < slots; s++)
                indices[t * slots + s] = (first + s) % experts;
            if (holes && t % 3 == 2)
                indices[t * slots + slots - 1] = -1;
        }
    }

    private static void FillIndices(ulong seed, string name, int n, Tensor tensor)
    {
        var random = new RandomStream(seed, name);
        for (int i = 0; i < tensor.ElementCount; i++)
        {
            int index = Below(random, (ulong)i, n);
            if (tensor.DType == DType.I64)
                tensor.AsSpan<long>()[i] = index;
            else if (tensor.DType == DType.U16)
                tensor.AsSpan<ushort>()[i] = (ushort)index;
            else
                tensor.AsSpan<int>()[i] = index;
        }
    }

    private static void FillReal(string map, ulong seed, string name, Tensor tensor)
    {
        if (tensor.DType == DType.F32)
        {
            Fill(map, seed, name, tensor.AsSpan<float>());
            return;
        }

        float[] values = new float[tensor.ElementCount];
        Fill(map, seed, name, values);
        if (tensor.DType == DType.F8_E4M3)
            Float8Spans.Narrow(values, tensor.AsSpan<Float8E4M3>(), Fp8Overflow.Saturate);
        else
            BFloat16Spans.Round(values, tensor.AsSpan<BFloat16>());
    }

    /// <summary>Bits of positive binary32 values from words.</summary>
    private static void FillScales(ulong seed, string name, Func<uint, uint> bits, Span<float> values)
    {
        var random = new RandomStream(seed, name);
        for (int i = 0; i < values.Length; i++)
            values[i] = BitConverter.UInt32BitsToSingle(bits(random.Word((ulong)i)));
    }

    private static void Fill(string map, ulong seed, string name, Span<float> values)
    {
        var random = new RandomStream(seed, name);
        bool special = map == "special";
        random.Fill(special ? ValueMap.LogSpread : Enum.Parse<ValueMap>(map, ignoreCase: true), 0, values);
        for (int i = 0; special && i < values.Length; i++)
        {
            uint u = random.Word((ulong)i);
            if (u % 16 == 0)
                values[i] = Specials[(int)(u >> 4 & 3)];
        }
    }

    /// <summary>A number from 0 to n - 1 by word i.</summary>
    private static int Below(RandomStream random, ulong i, int n) => (int)((ulong)random.Word(i) * (ulong)n >> 32);
}
