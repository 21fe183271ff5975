using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Training;

/// <summary>Weights drawn from a normal distribution, as a pure function of seed, name and index: the same bits anywhere.</summary>
/// <remarks>
/// <code>
/// u, v = words 2i and 2i + 1 of the parameter's stream          N14
/// a = (2 ⌊u / 2^9⌋ + 1) · 2^-24,  w = ⌊v / 2^8⌋ · 2^-24          exact in binary32; a in (0, 1), w in [0, 1)
/// r = √(-2 · log a)                                             log by N5, the product exact, one root
/// n = r · cos(2π · w)                                           2π rounded to binary32; product, cos by N5, product
/// x = σ · n                                                     σ rounded to binary32; one product
/// </code>
/// Box and Muller's map, Annals of Mathematical Statistics 29, 1958, every function correctly rounded, so that it needs no libm. |n| is at most 5.77.
/// Rule N27. DeepSeek-V3 report 4.2: σ = 0.006 for all learnable parameters. docs/spec/training-recipe.md 3.
/// </remarks>
public static class NormalInitialization
{
    private const int Chunk = 512;

    /// <summary>2π rounded to binary32.</summary>
    private const float TwoPi = 6.2831855f;

    /// <summary>Element i of the parameter of that name: the definition.</summary>
    public static float Value(ulong seed, string name, double deviation, ulong i)
    {
        var words = new RandomStream(seed, name);
        (float a, float w) = Uniform(words.Word(2 * i), words.Word(2 * i + 1));
        float r = MathF.Sqrt(-2f * Correct.Log(a));
        float n = r * Correct.Cos(TwoPi * w);
        return (float)deviation * n;
    }

    /// <summary>All elements in row-major order: what <see cref="Value"/> gives one by one.</summary>
    public static void Fill(ulong seed, string name, double deviation, Span<float> x)
    {
        var words = new RandomStream(seed, name);
        float sigma = (float)deviation;
        Span<float> root = stackalloc float[Chunk], angle = stackalloc float[Chunk];
        for (int first = 0; first < x.Length; first += Chunk)
        {
            int count = Math.Min(Chunk, x.Length - first);
            for (int i = 0; i < count; i += 2)
            {
                // Two elements a block; the second of an odd end is not kept.
                (uint u0, uint v0, uint u1, uint v1) = words.Block((ulong)(first + i) / 2);
                (root[i], angle[i]) = Uniform(u0, v0);
                if (i + 1 < count)
                    (root[i + 1], angle[i + 1]) = Uniform(u1, v1);
            }

            Span<float> r = root[..count], c = angle[..count];
            for (int i = 0; i < count; i++)
                c[i] = TwoPi * c[i];
            Correct.Log(r, r);
            Correct.Cos(c, c);
            for (int i = 0; i < count; i++)
                x[first + i] = sigma * (MathF.Sqrt(-2f * r[i]) * c[i]);
        }
    }

    private static (float A, float W) Uniform(uint u, uint v) => ((2 * (u >> 9) + 1) * (1f / (1 << 24)), (v >> 8) * (1f / (1 << 24)));
}
