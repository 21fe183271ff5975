using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

/// <summary>The sum of products of a row of x and a row of the weight.</summary>
internal delegate float Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> w);

/// <summary>Products by any sum: what variants of Linear and GroupedLinear replace the named accumulation by.</summary>
internal static class Dots
{
    /// <summary>A whole Linear; columns are shared out over threads.</summary>
    public static void Run(LinearCall call, Dot dot) => Run(call.X, call.Weight, call.Y, dot);

    /// <summary>y = x Wᵀ by a sum.</summary>
    public static void Run(Tensor x, Tensor weight, Tensor y, Dot dot)
    {
        float[] a = Values.Of(x), b = Values.Of(weight), c = new float[y.ElementCount];
        int K = (int)x.Shape[1], N = (int)weight.Shape[0], T = (int)x.Shape[0];
        Parallel.For(0, N, n =>
        {
            for (int t = 0; t < T; t++)
                c[t * N + n] = dot(a.AsSpan(t * K, K), b.AsSpan(n * K, K));
        });
        Values.Store(c, y);
    }

    /// <summary>The canonical sum.</summary>
    public static float Lanes(ReadOnlySpan<float> x, ReadOnlySpan<float> w) => DotProduct.Define(x, w, Accumulation.Lanes16, DType.F32);

    /// <summary>One chain of fma, k ascending.</summary>
    public static float Sequential(ReadOnlySpan<float> x, ReadOnlySpan<float> w) => DotProduct.Define(x, w, Accumulation.Sequential, DType.F32);

    /// <summary>In binary64.</summary>
    public static float Double(ReadOnlySpan<float> x, ReadOnlySpan<float> w) => DotProduct.Define(x, w, Accumulation.Float64, DType.F32);

    /// <summary>No rounding before the last.</summary>
    public static float Exact(ReadOnlySpan<float> x, ReadOnlySpan<float> w) => DotProduct.Define(x, w, Accumulation.Exact, DType.F32);

    /// <summary>One chain, k descending.</summary>
    public static float Reversed(ReadOnlySpan<float> x, ReadOnlySpan<float> w)
    {
        float sum = 0f;
        for (int k = x.Length - 1; k >= 0; k--)
            sum = MathF.FusedMultiplyAdd(x[k], w[k], sum);
        return sum;
    }

    /// <summary>The canonical lanes with a product and an addition, two roundings, in place of each fma.</summary>
    public static float Separate(ReadOnlySpan<float> x, ReadOnlySpan<float> w)
    {
        Span<float> lanes = stackalloc float[16];
        lanes.Clear();
        for (int k = 0; k < x.Length; k++)
            lanes[k & 15] += x[k] * w[k];
        for (int h = 8; h > 0; h /= 2)
        {
            for (int j = 0; j < h; j++)
                lanes[j] += lanes[j + h];
        }

        return lanes[0];
    }

    /// <summary>Halves added up, down to 8 products.</summary>
    public static float Pairwise(ReadOnlySpan<float> x, ReadOnlySpan<float> w)
    {
        if (x.Length <= 8)
            return Sequential(x, w);
        int half = x.Length / 2;
        return Pairwise(x[..half], w[..half]) + Pairwise(x[half..], w[half..]);
    }

    /// <summary>K cut into parts, each by the canonical sum, added up in order.</summary>
    public static Dot Split(int parts, Func<float, float>? partial = null) => (x, w) =>
    {
        float sum = 0f;
        for (int i = 0; i < parts; i++)
        {
            Range range = (x.Length * i / parts)..(x.Length * (i + 1) / parts);
            float part = Lanes(x[range], w[range]);
            sum = partial is null ? sum + part : partial(sum + partial(part));
        }

        return sum;
    };

    /// <summary>One chain that is rounded after every run of products.</summary>
    public static Dot Rounded(int run, Func<float, float> round) => (x, w) =>
    {
        float sum = 0f;
        for (int k = 0; k < x.Length; k += run)
        {
            for (int i = k; i < Math.Min(k + run, x.Length); i++)
                sum = MathF.FusedMultiplyAdd(x[i], w[i], sum);
            sum = round(sum);
        }

        return sum;
    };

    /// <summary>One chain that visits k in the order of an odd stride.</summary>
    public static Dot Strided(int seed) => (x, w) =>
    {
        int n = x.Length;
        if (n == 0)
            return 0f;
        int stride = 2 * (seed % Math.Max(1, n)) + 1;
        while (Gcd(stride, n) != 1)
            stride += 2;
        float sum = 0f;
        long at = seed % n;
        for (int i = 0; i < n; i++)
        {
            sum = MathF.FusedMultiplyAdd(x[(int)at], w[(int)at], sum);
            at = (at + stride) % n;
        }

        return sum;
    };

    private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);
}
