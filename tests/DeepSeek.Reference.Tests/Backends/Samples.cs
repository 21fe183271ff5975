namespace DeepSeek.Reference.Tests.Backends;

/// <summary>Tensors of every kind of value, from a seed.</summary>
internal sealed class Samples(int seed)
{
    private static readonly uint[] Corners =
    [
        0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF,
        0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC12345, 0x3F800000, 0xBF800000, 0x33800000, 0x4B800000,
    ];

    private readonly Random random = new(seed);

    public int Int(int below) => random.Next(below);

    public bool Coin() => random.Next(2) == 0;

    public DType FloatType() => Coin() ? DType.F32 : DType.BF16;

    public T OneOf<T>() where T : struct, Enum => Enum.GetValues<T>()[random.Next(Enum.GetValues<T>().Length)];

    /// <summary>A length near the multiples of sixteen, or small.</summary>
    public int Length() => random.Next(4) switch
    {
        0 => random.Next(4),
        1 => 16 * random.Next(1, 5) + random.Next(-1, 2),
        2 => random.Next(1, 70),
        _ => random.Next(1000, 2100),
    };

    /// <summary>Normal-sized values, values of any exponent, few distinct values, or corner cases among normal ones; one kind a tensor.</summary>
    public float[] Values(long count, bool finite = false)
    {
        float[] x = new float[count];
        int kind = random.Next(finite ? 3 : 4);
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = kind switch
            {
                0 => (float)(random.NextDouble() * 8 - 4),
                1 => (float)((random.NextDouble() * 2 - 1) * Math.ScaleB(1, random.Next(-140, finite ? 20 : 126))),
                2 => random.Next(-2, 3) * 0.5f,
                _ => random.Next(20) == 0 ? BitConverter.UInt32BitsToSingle(Corners[random.Next(Corners.Length)]) : random.NextSingle() - 0.5f,
            };
        }

        return x;
    }

    public Tensor Tensor(DType dtype, bool finite, params ReadOnlySpan<long> shape) => As(dtype, Values(new Shape(shape).ElementCount, finite), shape);

    public Tensor Tensor(DType dtype, params ReadOnlySpan<long> shape) => Tensor(dtype, false, shape);

    public static Tensor As(DType dtype, float[] values, params ReadOnlySpan<long> shape) => dtype == DType.F32
        ? DeepSeek.Reference.Tensor.From(values, shape)
        : DeepSeek.Reference.Tensor.From(Array.ConvertAll(values, BFloat16.Round), shape);

    /// <summary>Equal in every bit, but for NaNs, which equal each other (rule N3).</summary>
    public static bool Same(Tensor a, Tensor b)
    {
        if (a.DType != b.DType || a.Shape != b.Shape)
            return false;
        if (a.DType == DType.I32)
            return a.AsReadOnlySpan<int>().SequenceEqual(b.AsReadOnlySpan<int>());
        if (a.DType == DType.BF16)
            return Same(Floats(a), Floats(b));
        return Same(a.AsReadOnlySpan<float>(), b.AsReadOnlySpan<float>());
    }

    public static bool Same(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        if (a.Length != b.Length)
            return false;
        for (int i = 0; i < a.Length; i++)
        {
            if (BitConverter.SingleToUInt32Bits(a[i]) != BitConverter.SingleToUInt32Bits(b[i]) && !(float.IsNaN(a[i]) && float.IsNaN(b[i])))
                return false;
        }

        return true;
    }

    public static float[] Floats(Tensor t) => t.DType == DType.F32
        ? t.AsReadOnlySpan<float>().ToArray()
        : Array.ConvertAll(t.AsReadOnlySpan<BFloat16>().ToArray(), v => v.ToSingle());
}
