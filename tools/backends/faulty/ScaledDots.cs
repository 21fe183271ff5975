using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

/// <summary>One element of a block-scaled product: rows of codes and of scales.</summary>
internal delegate float ScaledDot(ReadOnlySpan<byte> x, ReadOnlySpan<float> xScale, ReadOnlySpan<byte> w, ReadOnlySpan<float> wScale);

/// <summary>Block-scaled products by any sum.</summary>
internal static class ScaledDots
{
    private const int Side = ScaledProduct.ScaleBlock;

    /// <summary>A whole ScaledLinear; codes come padded with +0 to whole blocks.</summary>
    public static void Run(ScaledLinearCall call, ScaledDot dot)
    {
        int T = (int)call.X.Shape[0], K = (int)call.X.Shape[1], N = (int)call.Weight.Shape[0], B = (int)call.XScale.Shape[1];
        int padded = (K + Side - 1) / Side * Side;
        byte[] a = Codes(call.X, K, padded), b = Codes(call.Weight, K, padded);
        float[] sa = Values.Of(call.XScale), sb = Values.Of(call.WeightScale), y = new float[T * N];
        float[]? c = call.C is null ? null : Values.Of(call.C);
        int r = call.WeightScale.Shape[0] == N ? 1 : Side;
        Parallel.For(0, N, n =>
        {
            for (int t = 0; t < T; t++)
            {
                float acc = dot(a.AsSpan(t * padded, padded), sa.AsSpan(t * B, B), b.AsSpan(n * padded, padded), sb.AsSpan(n / r * B, B));
                y[t * N + n] = c is null ? acc : c[t * N + n] + acc;
            }
        });
        Values.Store(y, call.Y);
    }

    /// <summary>
    /// Hopper's accumulator is moved to binary32 after so many blocks only: the sum is carried into the next block's instructions, brought to that block's scale. With equal
    /// scales that is the unit's chain over all of the run.
    /// </summary>
    public static ScaledDot Carried(int blocks) => (x, xScale, w, wScale) =>
    {
        float acc = 0f, c = 0f;
        int count = x.Length / Side;
        for (int b = 0; b < count; b++)
        {
            float d = HopperChain.AsMeasured.Sum(x.Slice(b * Side, Side), w.Slice(b * Side, Side), c);
            float s = xScale[b] * wScale[b];
            bool moves = (b + 1) % blocks == 0 || b + 1 == count;
            if (moves)
                acc = MathF.FusedMultiplyAdd(s, d, acc);
            c = moves ? 0f : FractionCut.Truncate(d * (s / (xScale[b + 1] * wScale[b + 1])), 10);
        }

        return acc;
    };

    /// <summary>The blocks' sums by a function, the blocks in an order.</summary>
    public static ScaledDot Blocks(Func<int, int, int> order, Func<float, float, float> add, HopperChain unit) => (x, xScale, w, wScale) =>
    {
        float acc = 0f;
        int count = x.Length / Side;
        for (int i = 0; i < count; i++)
        {
            int b = order(i, count);
            float d = unit.Sum(x.Slice(b * Side, Side), w.Slice(b * Side, Side), 0f);
            acc = add(acc, d * (xScale[b] * wScale[b]));
        }

        return acc;
    };

    /// <summary>K cut into parts of whole blocks, each part's sum handled by a function before it is added.</summary>
    public static ScaledDot Split(int parts, Func<float, float> partial) => (x, xScale, w, wScale) =>
    {
        HopperChain unit = HopperChain.AsMeasured;
        int count = x.Length / Side;
        float sum = 0f;
        for (int p = 0; p < parts; p++)
        {
            float acc = 0f;
            for (int b = count * p / parts; b < count * (p + 1) / parts; b++)
            {
                float d = unit.Sum(x.Slice(b * Side, Side), w.Slice(b * Side, Side), 0f);
                acc = MathF.FusedMultiplyAdd(xScale[b] * wScale[b], d, acc);
            }

            sum = partial(sum + partial(acc));
        }

        return sum;
    };

    /// <summary>A matrix of codes with rows padded with +0.</summary>
    private static byte[] Codes(Tensor t, int K, int padded)
    {
        ReadOnlySpan<byte> bytes = t.AsReadOnlySpan<byte>();
        byte[] codes = new byte[(K == 0 ? 0 : bytes.Length / K) * padded];
        for (int i = 0; i < bytes.Length; i++)
            codes[i / K * padded + i % K] = bytes[i];
        return codes;
    }
}
