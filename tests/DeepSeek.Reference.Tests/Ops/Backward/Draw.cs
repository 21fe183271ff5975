namespace DeepSeek.Reference.Tests.Ops;

/// <summary>Shapes and values from a seed.</summary>
internal sealed class Draw(int seed, bool specials = false)
{
    private static readonly float[] special =
    [
        float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, 0f, 1e-45f, -1e-40f, 3e38f, -3e38f, 1e-30f, 1e20f, -1e20f,
    ];

    private readonly Random random = new(seed);

    public int Int(int most) => random.Next(most + 1);

    public T Any<T>(params T[] choices) => choices[random.Next(choices.Length)];

    /// <summary>Values around one; one in forty special where these are wanted.</summary>
    public Tensor Values(params ReadOnlySpan<long> shape)
    {
        var t = new Tensor(DType.F32, shape);
        foreach (ref float x in t.AsSpan<float>())
            x = specials && random.Next(40) == 0 ? Any(special) : (random.NextSingle() - 0.5f) * MathF.ScaleB(1f, random.Next(-3, 4));
        return t;
    }

    /// <summary>As <see cref="Values"/>, one time in two rounded to BF16.</summary>
    public Tensor Weight(params ReadOnlySpan<long> shape)
    {
        Tensor t = Values(shape);
        return random.Next(2) == 0 ? t : t.As(DType.BF16);
    }

    public Tensor Ids(int below, params ReadOnlySpan<long> shape)
    {
        var t = new Tensor(DType.I32, shape);
        foreach (ref int x in t.AsSpan<int>())
            x = random.Next(below);
        return t;
    }

    /// <summary>K different experts of E for each of T tokens.</summary>
    public Tensor Choice(int T, int E, int K)
    {
        var t = new Tensor(DType.I32, T, K);
        int[] all = [.. Enumerable.Range(0, E)];
        for (int i = 0; i < T; i++)
        {
            random.Shuffle(all);
            all.AsSpan(0, K).CopyTo(t.AsSpan<int>()[(i * K)..]);
        }

        return t;
    }

    /// <summary>Group boundaries of R rows, empty groups among them.</summary>
    public int[] Offsets(int groups, int R)
    {
        int[] cuts = [.. Enumerable.Range(0, groups - 1).Select(_ => random.Next(R + 1)).Order()];
        return [0, .. cuts, R];
    }
}
