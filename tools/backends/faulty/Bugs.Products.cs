using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Faulty;

internal static partial class Bugs
{
    /// <summary>A projection's slice: T tokens, N outputs, all of the hidden size.</summary>
    private const string Projection = "linear[t=16,n=128,k=7168]";

    /// <summary>Dense products: what is multiplied, and where the result goes.</summary>
    private static IEnumerable<Variant> Products()
    {
        yield return Variant.After<LinearCall>("zero-output", "Nothing is computed: the output is zeros.", ["linear[t=4,n=64,k=256]"],
            c => c.Y, (_, y) => Array.Clear(y));
        yield return Variant.Instead<LinearCall>("k-last-one-dropped", "The last element of K takes no part.", [Projection, "linear[t=64,n=256,k=129,y=bf16]"],
            c => c with { X = WithoutTail(c.X, 1) });
        yield return Variant.Instead<LinearCall>("k-last-16-dropped", "The last 16 elements of K take no part.", [Projection, "linear[t=33,n=65,k=512,y=bf16]"],
            c => c with { X = WithoutTail(c.X, 16) });
        yield return Variant.Instead<LinearCall>("k-tail-garbage", "K is taken up to a multiple of 64 without a mask: the tail is multiplied with the next row's first elements.",
            ["linear[t=8,n=32,k=200]", "linear[t=8,n=32,k=1000,y=bf16]"],
            c => c with { X = Tail(c.X, 64), Weight = Tail(c.Weight, 64) });
        yield return Variant.Instead<LinearCall>("nan-swallowed", "A NaN among the operands counts as 0, as a maximum that prefers numbers makes it.", ["linear[t=16,n=16,k=16,map=special]"],
            c => c with { X = Values.Map(c.X, Number), Weight = Values.Map(c.Weight, Number) });
        yield return Variant.After<LinearCall>("row-63-of-64", "In the last row of each 64 the last element of K is left out.", ["linear[t=192,n=64,k=512]", "linear[t=128,n=128,k=256,y=bf16]"],
            c => c.Y, (c, y) => Patch(c, y, (t, _) => t % 64 == 63, 1));
        yield return Variant.After<LinearCall>("column-7-of-8", "In every eighth column the last element of K is left out.", ["linear[t=64,n=128,k=512]", "linear[t=128,n=128,k=256,y=bf16]"],
            c => c.Y, (c, y) => Patch(c, y, (_, n) => n % 8 == 7, 1));
        yield return Variant.After<LinearCall>("last-ragged-row-tile", "The rows beyond the last whole tile of 16 leave out the last 16 elements of K.", ["linear[t=37,n=128,k=1024]"],
            c => c.Y, (c, y) => Patch(c, y, (t, _) => t >= c.X.Shape[0] / 16 * 16, 16));
        yield return Variant.After<LinearCall>("tile-transposed", "One 8 x 8 corner of the output is stored transposed.", ["linear[t=64,n=128,k=256]"],
            c => c.Y, (c, y) => Transpose(y, (int)c.Y.Shape[1], 8));
        yield return Variant.After<LinearCall>("neighbour-column", "The last output column holds the one before it.", ["linear[t=16,n=576,k=512]"],
            c => c.Y, (c, y) => Shift(y, (int)c.Y.Shape[1]));
        yield return Variant.Instead<AbsorbQueryCall>("absorb-neighbour-head", "W_UK is taken from the next head.", ["absorb_query[s=4,h=8,dn=32,dr=16,dv=32,c=64]"],
            c => c with { KvB = Values.Gather(c.KvB, (row, column) => ((row + (int)c.KvB.Shape[1]) % (int)(c.KvB.ElementCount / c.KvB.Shape[2]), column)) });
        yield return Variant.Instead<AbsorbOutputCall>("absorb-row-off-by-one", "W_UV begins one row too early, at the last of W_UK.", ["absorb_output[s=4,h=8,dn=32,dv=32,c=64]"],
            c => c with { KvB = Values.Gather(c.KvB, (row, column) => (Math.Max(0, row - 1), column)) });
        yield return Variant.Instead<ExpandKeysCall>("rotated-key-of-neighbour", "The rotated key is that of the token before.", ["expand_keys[t=9,h=4,dn=16,dr=8,dv=16]"],
            c => c with { KPe = Values.Gather(c.KPe, (row, column) => (Math.Max(0, row - 1), column)) });
        yield return Variant.After<AddCall>("one-element-in-ten-million", "One element of 10^7 is one thousandth too large.", ["add[n=10000000]"],
            c => c.Y, (_, y) => y[y.Length / 3] = OffByAThousandth(y[y.Length / 3]));
        yield return Variant.Instead<EmbeddingCall>("embedding-next-row", "The last id's row is taken from the row before it.", ["embedding[v=1000,d=64,t=32]"],
            c => c with { Ids = Values.With(c.Ids, ids => ids[^1] = ids[^1] == 0 ? 1 : ids[^1] - 1) });
        yield return Variant.Instead<MtpInputCall>("mtp-order", "The two halves of the MTP projection's input are swapped.", ["mtp_input[t=3,d=64]"],
            c => c with { Embedding = c.Hidden, Hidden = c.Embedding });
    }

    private static float Number(float x) => float.IsNaN(x) ? 0f : x;

    private static float OffByAThousandth(float x) => x == 0 ? 0.001f : x * 1.001f;

    private static Tensor WithoutTail(Tensor x, int count) => Values.With(x, values =>
    {
        int K = (int)x.Shape[^1];
        for (int i = 0; i < values.Length; i++)
        {
            if (i % K >= K - count)
                values[i] = 0f;
        }
    });

    /// <summary>Rows continued to a multiple of a step by what follows in memory; the last row by zeros.</summary>
    private static Tensor Tail(Tensor x, int step)
    {
        float[] from = Values.Of(x);
        int K = (int)x.Shape[1], rows = (int)x.Shape[0], padded = (K + step - 1) / step * step;
        float[] to = new float[rows * padded];
        for (int i = 0; i < to.Length; i++)
        {
            int at = i / padded * K + i % padded;
            to[i] = at < from.Length ? from[at] : 0f;
        }

        var longer = new Tensor(x.DType, rows, padded);
        Values.Store(to, longer);
        return longer;
    }

    /// <summary>Computes the outputs of some rows and columns without the last elements of K.</summary>
    private static void Patch(LinearCall c, float[] y, Func<int, int, bool> where, int dropped)
    {
        float[] x = Values.Of(c.X), w = Values.Of(c.Weight);
        int K = (int)c.X.Shape[1], N = (int)c.Y.Shape[1];
        for (int i = 0; i < y.Length; i++)
        {
            if (where(i / N, i % N))
                y[i] = Dots.Lanes(x.AsSpan(i / N * K, K - dropped), w.AsSpan(i % N * K, K - dropped));
        }
    }

    private static void Transpose(float[] y, int N, int side)
    {
        for (int i = 0; i < side; i++)
        {
            for (int j = 0; j < i; j++)
                (y[i * N + j], y[j * N + i]) = (y[j * N + i], y[i * N + j]);
        }
    }

    private static void Shift(float[] y, int N)
    {
        for (int t = 0; t < y.Length / N; t++)
            y[t * N + N - 1] = y[t * N + N - 2];
    }
}
