using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>Operands of block-scaled products, from a seed.</summary>
internal sealed class Fp8Samples(int seed)
{
    private static readonly float[] Extremes =
    [
        0f, -0f, float.Epsilon, 1e-40f, 1.17549435e-38f, 3.4e38f, -1f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 1f, 0.0078125f,
    ];

    private readonly Random random = new(seed);

    /// <summary>E4M3 codes: any finite, near one exponent, mostly zeros, or any at all with a NaN here and there.</summary>
    public Tensor Codes(bool withNaN, params long[] shape)
    {
        var tensor = new Tensor(DType.F8_E4M3, shape);
        int kind = random.Next(4);
        foreach (ref Float8E4M3 code in tensor.AsSpan<Float8E4M3>())
        {
            int bits = kind switch
            {
                0 => random.Next(256),
                1 => 0x30 + random.Next(24) + 128 * random.Next(2),
                2 => random.Next(8) == 0 ? random.Next(256) : 128 * random.Next(2),
                _ => random.Next(16) + 128 * random.Next(2),
            };
            if ((bits & 0x7F) == 0x7F && (!withNaN || random.Next(40) != 0))
                bits = 0x7E;
            code = Float8E4M3.FromBits((byte)bits);
        }

        return tensor;
    }

    /// <summary>Ordinary scales, powers of two, or extremes among ordinary ones.</summary>
    public Tensor Scales(bool extreme, params long[] shape)
    {
        var tensor = new Tensor(DType.F32, shape);
        foreach (ref float s in tensor.AsSpan<float>())
        {
            s = (float)(random.NextDouble() * 0.05 + 1e-4);
            if (extreme && random.Next(6) == 0)
                s = Extremes[random.Next(Extremes.Length)];
        }

        return tensor;
    }

    /// <summary>Powers of two from 2^-20 to 2^4; where extreme, all of them from 2^-127 to 2^127, or around one so large or small that sums leave binary32, and NaN.</summary>
    public Tensor PowersOfTwo(bool extreme, params long[] shape)
    {
        var tensor = new Tensor(DType.F32, shape);
        (int least, int most) = (extreme ? random.Next(6) : 0) switch
        {
            0 => (-20, 4),
            1 => (-127, 127),
            2 => (-127, -120),
            3 => (-70, -45),
            4 => (40, 60),
            _ => (110, 127),
        };
        foreach (ref float s in tensor.AsSpan<float>())
            s = extreme && random.Next(60) == 0 ? float.NaN : MathF.ScaleB(1f, random.Next(least, most + 1));
        return tensor;
    }

    /// <summary>Scales that the product can take.</summary>
    public Tensor ScalesFor(ScaledProduct product, bool extreme, params long[] shape) =>
        product.Order == ScaleOrder.InTheSum ? PowersOfTwo(extreme, shape) : Scales(extreme, shape);

    /// <summary>Values to add to.</summary>
    public Tensor Values(params long[] shape)
    {
        var tensor = new Tensor(DType.F32, shape);
        foreach (ref float v in tensor.AsSpan<float>())
            v = (float)(random.NextDouble() - 0.5) * 100;
        return tensor;
    }
}
