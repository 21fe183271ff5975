using System.Runtime.CompilerServices;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Backends;

// Work is cut into pieces of outputs: (group, rows, columns) of dx or dW, never along a sum.
public sealed partial class SimdBackend
{
    /// <summary>Rows of dx in a piece.</summary>
    private const int DgradRows = 1024;

    private const int PiecesOfThread = 3;

    /// <inheritdoc/>
    public void LinearDgrad(Tensor dy, Tensor weight, Accumulation accumulation, Tensor dx)
    {
        (int T, int N, int K) = BackwardChecks.Dgrad(dy, weight, accumulation, dx);
        Dgrad(dy, [0, T], [weight], N, K, accumulation, dx);
    }

    /// <inheritdoc/>
    public void GroupedLinearDgrad(Tensor dy, ReadOnlySpan<int> offsets, IReadOnlyList<Tensor> weights, Accumulation accumulation, Tensor dx)
    {
        (int N, int K) = BackwardChecks.GroupedDgrad(dy, offsets, weights, accumulation, dx);
        Dgrad(dy, offsets.ToArray(), weights, N, K, accumulation, dx);
    }

    /// <inheritdoc/>
    public void LinearWgrad(Tensor dy, Tensor x, Accumulation accumulation, Tensor dWeight)
    {
        (int T, int N, int K) = BackwardChecks.Wgrad(dy, x, accumulation, dWeight);
        Wgrad(dy, x, [0, T], N, K, accumulation, [dWeight]);
    }

    /// <inheritdoc/>
    public void GroupedLinearWgrad(Tensor dy, Tensor x, ReadOnlySpan<int> offsets, Accumulation accumulation, IReadOnlyList<Tensor> dWeights)
    {
        (int N, int K) = BackwardChecks.GroupedWgrad(dy, x, offsets, accumulation, dWeights);
        Wgrad(dy, x, offsets.ToArray(), N, K, accumulation, dWeights);
    }

    private void Dgrad(Tensor dy, int[] offsets, IReadOnlyList<Tensor> weights, int N, int K, Accumulation accumulation, Tensor dx)
    {
        (int Group, int From, int Rows)[] pieces = [.. Pieces(offsets, DgradRows)];
        int side = Side(Ops.Linear.DgradColumns(N), side => pieces.Length * Parts(K, side));
        int columns = Parts(K, side);
        bool lanes = accumulation == Accumulation.Lanes16 && Isa.Any;
        For(checked(pieces.Length * columns), 1, (from, to) =>
        {
            for (int i = from; i < to; i++)
            {
                (int g, int t0, int T) = pieces[i / columns];
                int k0 = i % columns * side;
                int width = Math.Min(side, K - k0);
                ref float a = ref Unsafe.Add(ref dy.First<float>(), (nint)t0 * N);
                ref float y = ref Unsafe.Add(ref dx.First<float>(), (nint)t0 * K);
                if (!lanes)
                    DefinedDgrad(dy, t0, T, weights[g], N, K, k0, width, accumulation, dx);
                else if (weights[g].DType == DType.F32)
                    Ops.Linear.SimdDgrad(ref a, ref weights[g].First<float>(), T, N, K, k0, width, ref y);
                else
                    Ops.Linear.SimdDgrad(ref a, ref weights[g].First<ushort>(), T, N, K, k0, width, ref y);
            }
        });
    }

    private void Wgrad(Tensor dy, Tensor x, int[] offsets, int N, int K, Accumulation accumulation, IReadOnlyList<Tensor> dWeights)
    {
        int[] groups = [.. Enumerable.Range(0, dWeights.Count).Where(g => offsets[g] < offsets[g + 1])];
        bool lanes = accumulation == Accumulation.Lanes16 && Isa.Any;
        int longest = groups.Select(g => offsets[g + 1] - offsets[g]).DefaultIfEmpty(0).Max();
        int side = Side(lanes ? Ops.Linear.WgradSide(longest) : Ops.Linear.LeastSide, side => groups.Length * Parts(N, side) * Parts(K, side));
        int bands = Parts(N, side);
        int columns = Parts(K, side);
        For(checked(groups.Length * bands * columns), 1, (from, to) =>
        {
            for (int i = from; i < to; i++)
            {
                int g = groups[i / (bands * columns)];
                int n0 = i / columns % bands * side;
                int k0 = i % columns * side;
                int rows = Math.Min(side, N - n0);
                int width = Math.Min(side, K - k0);
                int T = offsets[g + 1] - offsets[g];
                ref float a = ref Unsafe.Add(ref dy.First<float>(), (nint)offsets[g] * N);
                ref float b = ref Unsafe.Add(ref x.First<float>(), (nint)offsets[g] * K);
                if (lanes)
                    Ops.Linear.SimdWgrad(ref a, ref b, T, N, K, n0, rows, k0, width, ref dWeights[g].First<float>());
                else
                    DefinedWgrad(dy.Rows(offsets[g], T), x.Rows(offsets[g], T), N, K, n0, rows, k0, width, accumulation, dWeights[g]);
            }
        });
    }

    /// <summary>The side of pieces: the longest, halved until every thread has some.</summary>
    private int Side(int longest, Func<int, int> pieces)
    {
        int side = longest;
        while (Threads > 1 && side / 2 >= Ops.Linear.LeastSide && pieces(side) < PiecesOfThread * Threads)
            side /= 2;
        return side;
    }

    private static int Parts(int length, int side) => (length + side - 1) / side;

    /// <summary>Rows of every group in pieces of at most so many.</summary>
    private static IEnumerable<(int Group, int From, int Rows)> Pieces(int[] offsets, int rows)
    {
        for (int g = 0; g < offsets.Length - 1; g++)
        {
            for (int t = offsets[g]; t < offsets[g + 1]; t += rows)
                yield return (g, t, Math.Min(rows, offsets[g + 1] - t));
        }
    }

    private static void DefinedDgrad(Tensor dy, int t0, int T, Tensor weight, int N, int K, int k0, int width, Accumulation accumulation, Tensor dx)
    {
        float[] columns = new float[N * width];
        for (int n = 0; n < N; n++)
            Operands.Slice(weight, (long)n * K + k0, width, weight.DType == DType.F32 ? [] : new float[width]).CopyTo(columns.AsSpan(n * width));
        float[] result = new float[T * width];
        Ops.Linear.DefineDgrad(Operands.Slice(dy, (long)t0 * N, T * N, []), columns, N, width, accumulation, result);
        for (int t = 0; t < T; t++)
            Operands.Store(result.AsSpan(t * width, width), dx, (long)(t0 + t) * K + k0);
    }

    private static void DefinedWgrad(Tensor dy, Tensor x, int N, int K, int n0, int rows, int k0, int width, Accumulation accumulation, Tensor dWeight)
    {
        int T = Operands.Dim(dy, 0);
        float[] a = new float[T * rows];
        float[] b = new float[T * width];
        for (int t = 0; t < T; t++)
        {
            Operands.Slice(dy, (long)t * N + n0, rows, []).CopyTo(a.AsSpan(t * rows));
            Operands.Slice(x, (long)t * K + k0, width, []).CopyTo(b.AsSpan(t * width));
        }

        float[] result = new float[rows * width];
        for (int n = 0; n < rows; n++)
            Operands.Slice(dWeight, (long)(n0 + n) * K + k0, width, []).CopyTo(result.AsSpan(n * width));
        Ops.Linear.DefineWgrad(a, b, rows, width, accumulation, result);
        for (int n = 0; n < rows; n++)
            Operands.Store(result.AsSpan(n * width, width), dWeight, (long)(n0 + n) * K + k0);
    }
}
