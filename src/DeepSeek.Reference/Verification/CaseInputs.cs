using System.Globalization;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification;

/// <summary>Makes the inputs of cases: real numbers by the value maps of rule N14, and integers by the maps below.</summary>
/// <remarks>
/// <code>
/// index:n          u n / 2^32, rounded down
/// index_holes:n    the same, but every third element (i mod 3 = 2) is -1
/// forward          what the operation's forward gives from the inputs before it, by its definition
/// arange:a         a + i
/// reciprocal       1 / (1 + i), one division
/// experts:e        row t: b = u e / 2^32 of the row's first element, then slot s holds (b + s) mod e
/// experts_holes:e  the same, but in every third row (t mod 3 = 2) the last slot holds -1
/// scale            (1 + (u >> 9)·2^-23)·2^-7, exact
/// power            2^(u mod 16 - 12)
/// subnormal        the code (bits without sign) chosen by u mod 4, below; the sign is u >> 31. f: the dtype's fraction bits, so that 2^f is the code of its smallest normal number
///                    0: (u >> 2) mod 4                  0 and the smallest subnormal numbers
///                    1: 2^f - 2 + (u >> 2) mod 4        on both sides of the smallest normal number
///                    2: (u >> 4) mod 2^f                any subnormal number, or 0
///                    3: 2^f + (u >> 4) mod 2^f          the smallest normal numbers
/// special          where u mod 16 = 0: +inf, -inf, NaN or -0 as (u >> 4) mod 4 is 0, 1, 2, 3; elsewhere logspread
/// </code>
/// i is the row-major index of the element; u is word i of the tensor's random words (docs/spec/random.md).
/// </remarks>
internal static class CaseInputs
{
    /// <summary>The map of the smallest numbers of the dtype.</summary>
    public const string Subnormal = "subnormal";

    /// <summary>The value maps that <c>map=</c> takes.</summary>
    public static IReadOnlyList<string> ValueMapNames { get; } = [.. Enum.GetNames<ValueMap>().Select(n => n.ToLowerInvariant()), "special", Subnormal];

    /// <summary>The map of what a forward gives from the other inputs: the case makes it, not this.</summary>
    public const string Forward = "forward";

    /// <summary>The map of indices of which some are none.</summary>
    public const string IndexHoles = "index_holes";

    private const int Chunk = 1 << 16;

    /// <summary>The NaN is the canonical one (rule N3), so that whoever makes the input has the same bytes; .NET's own is negative.</summary>
    private static readonly float[] Specials = [float.PositiveInfinity, float.NegativeInfinity, BitConverter.UInt32BitsToSingle(0x7FC00000), -0f];

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
            case IndexHoles:
                FillIndices(seed, input.Name, n, tensor);
                for (int i = 2; i < tensor.ElementCount; i += 3)
                    tensor.AsSpan<int>()[i] = -1;
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
        if (map == Subnormal)
        {
            FillSubnormal(seed, name, tensor);
            return;
        }

        // Elements are functions of their index (rule N14), so that chunks may be made by any thread; a chunk's binary32 values fit in a cache.
        Parallel.For(0, (tensor.ElementCount + Chunk - 1) / Chunk, chunk =>
        {
            int at = checked((int)(chunk * Chunk));
            int count = (int)Math.Min(Chunk, tensor.ElementCount - at);
            if (tensor.DType == DType.F32)
            {
                Fill(map, seed, name, at, tensor.AsSpan<float>().Slice(at, count));
                return;
            }

            float[] values = new float[count];
            Fill(map, seed, name, at, values);
            if (tensor.DType == DType.F8_E4M3)
                Float8Spans.Narrow(values, tensor.AsSpan<Float8E4M3>().Slice(at, count), Fp8Overflow.Saturate);
            else
                BFloat16Spans.Round(values, tensor.AsSpan<BFloat16>().Slice(at, count));
        });
    }

    private static void FillSubnormal(ulong seed, string name, Tensor tensor)
    {
        var random = new RandomStream(seed, name);
        for (int i = 0; i < tensor.ElementCount; i++)
        {
            uint u = random.Word((ulong)i);
            if (tensor.DType == DType.F32)
                tensor.AsSpan<float>()[i] = BitConverter.UInt32BitsToSingle(SmallCode(u, 23) | (u & 0x80000000));
            else if (tensor.DType == DType.BF16)
                tensor.AsSpan<ushort>()[i] = (ushort)(SmallCode(u, 7) | (u >> 31 << 15));
            else
                tensor.AsSpan<byte>()[i] = (byte)(SmallCode(u, 3) | (u >> 31 << 7));
        }
    }

    /// <summary>A code around 0 or around the smallest normal number of a format with f fraction bits.</summary>
    private static uint SmallCode(uint u, int f) => (u & 3) switch
    {
        0 => u >> 2 & 3,
        1 => (1u << f) - 2 + (u >> 2 & 3),
        2 => u >> 4 & ((1u << f) - 1),
        _ => (1u << f) + (u >> 4 & ((1u << f) - 1)),
    };

    /// <summary>Bits of positive binary32 values from words.</summary>
    private static void FillScales(ulong seed, string name, Func<uint, uint> bits, Span<float> values)
    {
        var random = new RandomStream(seed, name);
        for (int i = 0; i < values.Length; i++)
            values[i] = BitConverter.UInt32BitsToSingle(bits(random.Word((ulong)i)));
    }

    private static void Fill(string map, ulong seed, string name, int first, Span<float> values)
    {
        var random = new RandomStream(seed, name);
        bool special = map == "special";
        random.Fill(special ? ValueMap.LogSpread : Enum.Parse<ValueMap>(map, ignoreCase: true), (ulong)first, values);
        for (int i = 0; special && i < values.Length; i++)
        {
            uint u = random.Word((ulong)first + (ulong)i);
            if (u % 16 == 0)
                values[i] = Specials[(int)(u >> 4 & 3)];
        }
    }

    /// <summary>A number from 0 to n - 1 by word i.</summary>
    private static int Below(RandomStream random, ulong i, int n) => (int)((ulong)random.Word(i) * (ulong)n >> 32);
}
