using System.Globalization;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Layouts;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tests.Tensors.Layouts;

/// <summary>A layout with any parameters, and a tensor that it can hold, from a seed.</summary>
internal sealed class DrawnLayout
{
    private static readonly DType[] Types = [DType.F32, DType.BF16, DType.F8_E4M3, DType.F8_E8M0, DType.I32, DType.I64];
    private readonly Random random;

    public DrawnLayout(int seed)
    {
        random = new Random(seed);
        string storage = Pick("contiguous", "k", "mn", "strided", "ue8m0", "fp8row", "kgrouped");
        string placement = storage is "strided" or "kgrouped" ? "" : Pick("", "grouped", "masked", "varlen", "paged");
        DType dtype = storage switch
        {
            "ue8m0" => random.Next(2) == 0 ? DType.F32 : DType.F8_E8M0,
            "fp8row" => DType.BF16,
            _ => Types[random.Next(Types.Length)],
        };
        int rank = storage switch { "kgrouped" => 2, "ue8m0" or "mn" or "fp8row" => random.Next(2, 4), _ => random.Next(1, 4) };
        long[] shape = [.. Enumerable.Range(0, rank).Select(_ => (long)random.Next(0, 9))];
        if (placement.Length > 0)
            shape[0] = random.Next(0, 20);
        if (storage == "fp8row")
            (shape[0], shape[^1]) = (random.Next(0, 5), Fp8CacheRow.Values);
        Text = (placement.Length == 0 ? "" : Placement(placement, shape[0]) + "+") + Storage(storage, shape);
        Layout = Layout.Parse(Text);
        Tensor = Values(dtype, storage, shape);
    }

    public string Text { get; }

    public Layout Layout { get; }

    public Tensor Tensor { get; }

    public override string ToString() => $"{Text} of {Tensor}";

    private string Placement(string name, long rows) => name switch
    {
        "grouped" => $"grouped[align={random.Next(1, 9)},fill={Pick("poison", "zero")},offsets={Offsets(rows)}]",
        "masked" => $"masked[rows={(random.Next(2) == 0 ? 0 : rows + random.Next(3))},offsets={Offsets(rows)}]",
        "varlen" => $"varlen[offsets={Offsets(rows)}]",
        _ => $"paged[block={random.Next(1, 7)},spare={random.Next(3)},offsets={Offsets(rows)}]",
    };

    private string Storage(string name, long[] shape) => name switch
    {
        "k" or "mn" => $"{name}[align={8 * random.Next(1, 5)},pad={random.Next(4)}]",
        "strided" => $"strided[strides={Strides(shape)},offset={random.Next(5)}]",
        "ue8m0" => $"ue8m0[align={4 * random.Next(1, 9)}]",
        "kgrouped" => $"kgrouped[align={random.Next(1, 9)},offsets={Offsets(shape[0])}]",
        _ => name,
    };

    /// <summary>Strides in any order of dimensions, with gaps.</summary>
    private string Strides(long[] shape)
    {
        int[] order = [.. Enumerable.Range(0, shape.Length)];
        random.Shuffle(order);
        long[] strides = new long[shape.Length];
        long step = 1;
        foreach (int d in order)
        {
            strides[d] = step * random.Next(1, 3);
            step = strides[d] * Math.Max(1, shape[d]) + random.Next(3);
        }

        return string.Join(':', strides);
    }

    private string Offsets(long rows)
    {
        long[] inside = [.. Enumerable.Range(0, random.Next(0, 4)).Select(_ => random.NextInt64(rows + 1)).Order()];
        return string.Join(':', inside.Prepend(0).Append(rows).Select(v => v.ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>Any bits; for formats that hold only some values, any of those.</summary>
    private Tensor Values(DType dtype, string storage, long[] shape)
    {
        var tensor = new Tensor(dtype, shape);
        Span<byte> bytes = MemoryMarshal.CreateSpan(ref tensor.ByteOrigin, (int)tensor.ByteCount);
        if (storage == "fp8row")
        {
            Span<BFloat16> keys = tensor.AsSpan<BFloat16>();
            var row = new byte[Fp8CacheRow.Bytes];
            for (int t = 0; t < keys.Length; t += Fp8CacheRow.Values)
            {
                float scale = MathF.ScaleB(1, random.Next(-20, 20));
                Fp8CacheRow.Write([.. Enumerable.Range(0, Fp8CacheRow.Values).Select(_ => (random.NextSingle() - 0.5f) * scale)], row);
                Fp8CacheRow.Read(row, keys.Slice(t, Fp8CacheRow.Values));
            }
        }
        else if (storage == "ue8m0" && dtype == DType.F32)
        {
            foreach (ref float scale in tensor.AsSpan<float>())
                scale = MathF.ScaleB(1, random.Next(-127, 128));
        }
        else
        {
            random.NextBytes(bytes);
        }

        return tensor;
    }

    private string Pick(params string[] words) => words[random.Next(words.Length)];
}
